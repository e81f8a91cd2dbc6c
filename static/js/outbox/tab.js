/**
 * Which tab this is, over reloads, and which drafts are open where: a draft that is open in one tab is no other tab's to continue
 * or to write over. A tab that is gone leaves its drafts to whoever opens the image next.
 */

const KEY = "annotator.tab";
const LOCK = "annotator-draft ";
/** A page that is being reloaded lets go of its draft within this time, on a busy machine too; a tab that was duplicated does not. */
const RELOAD_MS = 2000;

/** What is used of Web Locks. @typedef {Pick<LockManager, "request" | "query">} Locks */

export class Tab {
  /** @type {Locks | null} */
  #locks;
  #id = recalled() ?? renewed();
  #release = () => {};
  #turn = 0;

  /** @param {Locks | null} [locks] null: this browser has none, or the page is not served securely */
  constructor(locks = globalThis.navigator?.locks ?? null) {
    this.#locks = locks;
  }

  get id() {
    return this.#id;
  }

  /**
   * From now on the draft of this key is open here, and no other.
   *
   * @param {(tab: string) => string} keyOf the draft's key in a tab
   */
  async open(keyOf) {
    const turn = ++this.#turn;
    this.leave();
    let release = await this.#hold(keyOf(this.#id));
    if (!release) {
      this.#id = renewed(); // this tab is a copy of another one
      release = await this.#hold(keyOf(this.#id));
    }
    if (turn === this.#turn) this.#release = release ?? (() => {});
    else release?.();
  }

  /** No draft is open here any more. */
  leave() {
    this.#release();
    this.#release = () => {};
  }

  /** @returns {Promise<Set<string>>} keys of the drafts that are open in some tab */
  async openKeys() {
    const { held = [] } = (await this.#locks?.query()) ?? {};
    const names = held.map(({ name = "" }) => name).filter((name) => name.startsWith(LOCK));
    return new Set(names.map((name) => name.slice(LOCK.length)));
  }

  /** @param {string} key @returns {Promise<(() => void) | null>} lets it go; null when another tab holds it */
  #hold(key) {
    const locks = this.#locks;
    if (!locks) return Promise.resolve(() => {});
    return new Promise((resolve) => {
      const held = () => new Promise((release) => resolve(() => release(undefined)));
      const options = { signal: AbortSignal.timeout(RELOAD_MS) };
      locks.request(`${LOCK}${key}`, options, held).catch(() => resolve(null));
    });
  }
}

/** @returns {string | null} */
function recalled() {
  try {
    return globalThis.sessionStorage?.getItem(KEY) ?? null;
  } catch {
    return null; // storage can be forbidden: then the tab is another one after a reload
  }
}

function renewed() {
  const id = crypto.randomUUID();
  try {
    globalThis.sessionStorage?.setItem(KEY, id);
  } catch {
    // as above
  }
  return id;
}

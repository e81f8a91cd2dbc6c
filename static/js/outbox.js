/**
 * The journal of unsaved work. A change is safe once `put` or `remove` resolves: it is in IndexedDB and survives a
 * reload, an expired sign-in and a server restart. From there it goes to the server in the background, by one page at a
 * time, until the server has it or a person has decided.
 *
 * Events: "state" (detail: Status), "saved" ({id, annotation}), "deleted" ({id}), "conflict" and "refused" (the Entry),
 * "elsewhere" ({changes}: what the same person has just done in another tab).
 * What another page of the same browser achieved is announced here too.
 */

import { t } from "./core/translate.js";
import { Database } from "./outbox/database.js";
import { deliver } from "./outbox/delivery.js";
import { Drafts } from "./outbox/drafts.js";
import { Entries } from "./outbox/entries.js";
import * as journal from "./outbox/journal.js";
import { statusOf } from "./outbox/status.js";
import { Tab } from "./outbox/tab.js";

/** @typedef {import("./outbox/delivery.js").Api} Api */
/** @typedef {import("./outbox/delivery.js").Outcome} Outcome */
/** @typedef {import("./outbox/journal.js").Change} Change */
/** @typedef {import("./outbox/journal.js").Entry} Entry */
/** @typedef {import("./outbox/status.js").Link} Link */
/** @typedef {import("./outbox/status.js").Status} Status */
/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").AnnotationBody} AnnotationBody */

/** Web Locks' request, reduced to what is used.
 * @typedef {(name: string, work: () => Promise<void>) => Promise<unknown>} Lock */

const LOCK_NAME = "annotator-outbox";
const CHANNEL_NAME = "annotator-outbox";
const REQUEST_LIMIT_MS = 30_000;
const SIGNED_OUT = t("Your sign-in has expired. Nothing is lost: sign in again and saving goes on.");

/** @returns {Lock} */
function webLocks() {
  if (globalThis.navigator?.locks) return (name, work) => navigator.locks.request(name, work);
  return (_name, work) => work();
}

export class Outbox extends EventTarget {
  #database;
  #entries;
  #drafts;
  #api;
  #userId;
  #lock;
  #channel = new BroadcastChannel(CHANNEL_NAME);
  /** @type {Link} */
  #link = { state: "ready", message: null };
  /** @type {number | null} */
  #lastSavedAt = null;
  #status = statusOf([], this.#link, null);
  /** Meetings with no server in a row. */
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Promise<void> | null} */
  #flushing = null;
  #wanted = false;
  /** Ends the request on the way when the person changes. */
  #abort = new AbortController();
  #closed = new AbortController();

  /** Use `open`. @param {Database} database @param {Api} api @param {number} userId @param {Lock} lock @param {Tab} tab */
  constructor(database, api, userId, lock, tab) {
    super();
    this.#database = database;
    this.#entries = new Entries(database);
    this.#drafts = new Drafts(database, tab);
    this.#api = api;
    this.#userId = userId;
    this.#lock = lock;
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    const { signal } = this.#closed;
    api.session.addEventListener("signed-in", (event) => this.#signedIn(event), { signal });
    api.session.addEventListener("signed-out", () => this.#signedOut(), { signal });
    const wake = () => this.flush();
    globalThis.addEventListener?.("online", wake, { signal });
    // Signing in again usually happens in another tab.
    globalThis.addEventListener?.("focus", wake, { signal });
  }

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {number} options.userId who is signed in
   * @param {string} [options.name] database
   * @param {Lock} [options.lock] for tests
   * @param {Tab} [options.tab] for tests
   * @returns {Promise<Outbox>} already sending what an earlier page left
   */
  static async open({ api, userId, name = "annotator-outbox", lock = webLocks(), tab = new Tab() }) {
    const outbox = new Outbox(await Database.open(name), api, userId, lock, tab);
    await outbox.#entries.forget();
    await outbox.#drafts.forget();
    await outbox.#refresh();
    outbox.flush();
    return outbox;
  }

  /** @returns {Status} */
  get status() {
    return this.#status;
  }

  /**
   * Save an annotation. Resolves when the change is safe in this browser, not when the server has it.
   * @param {string} id UUID made by the client
   * @param {AnnotationBody} body
   * @param {number | null} revision the server's revision that was edited; null for a new annotation
   * @param {{revive?: boolean, seen?: AnnotationBody | null}} [options] revive: undo of a delete, which otherwise wins over
   *   later saves; seen: what the page believed to be saved
   */
  async put(id, body, revision, { revive = false, seen } = {}) {
    await this.keep([{ id, imageId: body.image_id, kind: "put", body, revision, revive, seen }]);
  }

  /**
   * Delete an annotation. Resolves when the change is safe in this browser.
   * @param {string} id
   * @param {number} imageId
   * @param {number | null} revision the server's revision that was seen; null when it was never saved
   */
  async remove(id, imageId, revision) {
    await this.keep([{ id, imageId, kind: "delete", body: null, revision, revive: false }]);
  }

  /**
   * Write down what one step did: all of its changes and drafts, or nothing. Resolves when it is safe in this browser.
   *
   * @param {readonly Change[]} changes
   * @param {ReadonlyMap<number, unknown>} [drafts] by image; null: there is none any more
   */
  async keep(changes, drafts = new Map()) {
    const userId = this.#userId;
    const seen = changes.map((change) => ({ ...change, revision: change.revision || null }));
    const keyed = Array.from(drafts, ([imageId, draft]) => [this.#drafts.keyOf(userId, imageId), draft]);
    const heard = await this.#entries.add(userId, seen, new Map(/** @type {[string, unknown][]} */ (keyed)));
    if (!changes.length) return;
    this.#tellOthers(heard);
    await this.#changed();
    this.flush();
  }

  /** Unsaved changes of an image, to be laid over what the server says, the later ones over the earlier.
   * @param {number} imageId @returns {Promise<Entry[]>} oldest first */
  async pendingFor(imageId) {
    const entries = (await this.#entries.list(this.#userId)).filter((entry) => entry.imageId === imageId);
    return entries.flatMap(journal.lineOf);
  }

  /** Changes that wait for a person: conflicts and refusals. @returns {Promise<Entry[]>} */
  async aside() {
    return (await this.#entries.list(this.#userId)).filter((entry) => entry.state !== "waiting");
  }

  /**
   * Decide a conflict or a refusal.
   * @param {string} id
   * @param {"mine" | "theirs"} choice mine: send it again over what the server has; theirs: drop this browser's change
   * @returns {Promise<Annotation | null>} with "theirs" what the server has, where it is known
   */
  async resolve(id, choice) {
    const stamp = crypto.randomUUID();
    const entry = await this.#entries.update(id, (queued) => {
      if (queued.userId !== this.#userId) return queued;
      return choice === "theirs" ? null : journal.insist(queued, stamp);
    });
    if (entry?.state === "conflict") this.#tellOthers([journal.decided(entry, choice)]);
    await this.#changed();
    this.flush();
    return choice === "theirs" ? (entry?.current ?? null) : null;
  }

  /** Try to send everything now. Safe to call at any time; resolves when nothing more can be done at the moment. */
  async flush() {
    if (this.#closed.signal.aborted) return;
    this.#wanted = true;
    clearTimeout(this.#timer);
    this.#flushing ??= this.#run().finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  /** @param {number} imageId @param {unknown} draft anything that structured clone can copy */
  saveDraft(imageId, draft) {
    return this.#drafts.save(this.#userId, imageId, draft);
  }

  /** The image is opened in this tab: what was left of it. @param {number} imageId @returns {Promise<any>} null: nothing */
  openDraft(imageId) {
    return this.#drafts.open(this.#userId, imageId);
  }

  /** @param {number} imageId */
  clearDraft(imageId) {
    return this.#drafts.clear(this.#userId, imageId);
  }

  /** Stop sending and let go of the database. What is queued stays. */
  async close() {
    this.#closed.abort();
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#flushing;
    this.#channel.close();
    this.#drafts.close();
    this.#database.close();
  }

  async #run() {
    while (this.#wanted && !this.#closed.signal.aborted) {
      this.#wanted = false;
      try {
        await this.#lock(LOCK_NAME, () => this.#drain());
      } catch (error) {
        // The journal itself does not answer (storage full, database taken away); what is in it stays.
        this.#setLink(
          "offline",
          t("The browser's storage does not answer: {error}", { error: String(error) }),
        );
        this.#flushIn(journal.backoff(++this.#failures, Math.random()));
      }
    }
  }

  /** Send what is due, one after another; only the page that holds the lock is here. */
  async #drain() {
    if (this.#link.state === "signed_out" && !(await this.#isSignedIn())) return;
    while (!this.#closed.signal.aborted) {
      const { entry, nextAt } = await this.#entries.claim(this.#userId);
      if (!entry) {
        if (nextAt !== null) this.#flushIn(nextAt - Date.now());
        break;
      }
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
      const outcome = await deliver(entry, this.#api, signal);
      await this.#settle(entry, outcome);
      await this.#changed();
      if (outcome.type === "offline" || outcome.type === "signed_out") return;
    }
    await this.#refresh();
  }

  /** After a sign-out nothing goes out before it is known who is signed in now. */
  async #isSignedIn() {
    try {
      await this.#api.getMe();
      return true;
    } catch {
      return false;
    }
  }

  /** Write down what became of an entry. @param {Entry} sent @param {Outcome} outcome */
  async #settle(sent, outcome) {
    if (outcome.type !== "offline" && outcome.type !== "signed_out") {
      this.#failures = 0;
      this.#setLink("ready", null);
    }
    switch (outcome.type) {
      case "saved":
        await this.#acknowledge(sent, outcome.annotation.revision);
        this.#announce("saved", { id: sent.id, annotation: outcome.annotation });
        break;
      case "deleted":
        await this.#acknowledge(sent, null);
        this.#announce("deleted", { id: sent.id });
        break;
      case "conflict":
        await this.#setAside(sent, (entry) => journal.afterConflict(entry, outcome.current, outcome.error));
        break;
      case "refused":
        await this.#setAside(sent, (entry) => journal.afterRefusal(entry, sent.stamp, outcome.error));
        break;
      case "failed": {
        const retryAt = Date.now() + journal.backoff(sent.attempts + 1, Math.random());
        await this.#entries.update(sent.id, (entry) => journal.afterFailure(entry, retryAt));
        this.#setLink("ready", outcome.error.message);
        break;
      }
      case "offline":
        this.#failures++;
        this.#setLink("offline", outcome.error.message);
        this.#flushIn(journal.backoff(this.#failures, Math.random()));
        break;
      case "signed_out":
        this.#setLink("signed_out", SIGNED_OUT);
        break;
    }
  }

  /** @param {Entry} sent @param {number | null} revision null after a delete */
  async #acknowledge(sent, revision) {
    await this.#entries.acknowledge(sent, revision);
    this.#lastSavedAt = Date.now();
  }

  /** @param {Entry} sent @param {(entry: Entry) => Entry} change */
  async #setAside({ id }, change) {
    /** @type {Entry | null} */
    let aside = null;
    await this.#entries.update(id, (entry) => {
      aside = change(entry);
      return aside;
    });
    const entry = /** @type {Entry | null} */ (aside);
    if (entry && entry.state !== "waiting") {
      this.dispatchEvent(new CustomEvent(entry.state, { detail: entry }));
    }
  }

  /** @param {Link["state"]} state @param {string | null} message */
  #setLink(state, message) {
    this.#link = { state, message };
  }

  /** @param {number} delay milliseconds */
  #flushIn(delay) {
    clearTimeout(this.#timer);
    if (this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => this.flush(), Math.max(0, delay));
  }

  /** @param {Event} event */
  #signedIn(event) {
    const { id } = /** @type {CustomEvent<{id: number}>} */ (event).detail;
    if (id !== this.#userId) {
      // Whatever is on its way belongs to somebody else; it waits until that person is back.
      this.#abort.abort();
      this.#abort = new AbortController();
      this.#userId = id;
    }
    if (this.#link.state === "signed_out") {
      this.#setLink("ready", null);
      this.#wanted = true;
      this.flush();
    }
  }

  /** Any request may be the first to find out; people learn of it before they have something to save. */
  #signedOut() {
    this.#setLink("signed_out", SIGNED_OUT);
    this.#refresh();
  }

  /** The other tabs show what was done here. @param {readonly Change[]} changes */
  #tellOthers(changes) {
    if (!changes.length) return;
    this.#channel.postMessage({ type: "elsewhere", detail: { userId: this.#userId, changes } });
  }

  /** Tell this page and the others. @param {"saved" | "deleted"} type @param {object} detail */
  #announce(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
    this.#channel.postMessage({ type, detail });
  }

  /** @param {{type: "saved" | "deleted" | "changed" | "elsewhere", detail?: any}} message from another page */
  #heard({ type, detail }) {
    if (type === "elsewhere" && detail.userId !== this.#userId) return;
    if (type !== "changed") this.dispatchEvent(new CustomEvent(type, { detail }));
    this.#refresh();
  }

  /** The journal changed: everybody counts again. */
  async #changed() {
    await this.#refresh();
    this.#channel.postMessage({ type: "changed" });
  }

  async #refresh() {
    if (this.#closed.signal.aborted) return;
    const entries = await this.#entries.list(this.#userId).catch((error) => {
      if (this.#closed.signal.aborted) return null; // it was closed while this waited
      throw error;
    });
    if (!entries) return;
    this.#status = statusOf(entries, this.#link, this.#lastSavedAt);
    this.dispatchEvent(new CustomEvent("state", { detail: this.#status }));
  }
}

/**
 * What a person was drawing when the page went away, and the steps to it, in the browser only: one row an image, user and tab, so
 * that two tabs on one image do not write over each other. Who opens an image continues what a tab that is gone has left.
 */

/** @typedef {import("./database.js").Database} Database */
/** @typedef {{key: string, draft: any, savedAt: number}} Row draft: anything that structured clone can copy */

/** Steps without an unsaved draft are a comfort, not work: those of the images seen last are kept for some days. */
const KEEP_STEPS_MS = 7 * 24 * 3600 * 1000;
const KEEP_STEPS_IMAGES = 50;

/**
 * @param {import("./database.js").Table} drafts
 * @param {string} key
 * @param {unknown} draft null: there is none any more
 */
export async function writeDraft(drafts, key, draft) {
  if (draft === null) await drafts.remove(key);
  else await drafts.put({ key, draft, savedAt: Date.now() });
}

export class Drafts {
  #database;
  #tab;

  /** @param {Database} database @param {import("./tab.js").Tab} tab */
  constructor(database, tab) {
    this.#database = database;
    this.#tab = tab;
  }

  /** This tab's row. @param {number} userId @param {number} imageId */
  keyOf(userId, imageId) {
    return `${userId}:${imageId}:${this.#tab.id}`;
  }

  /** @param {number} userId @param {number} imageId @param {unknown} draft */
  async save(userId, imageId, draft) {
    await this.#database.transaction(["drafts"], "readwrite", (drafts) =>
      writeDraft(drafts, this.keyOf(userId, imageId), draft),
    );
  }

  /**
   * The image is opened here: what this tab had of it, or what a tab that is gone has left. Unsaved work goes before mere steps.
   *
   * @param {number} userId
   * @param {number} imageId
   * @returns {Promise<any>} null when there is none
   */
  async open(userId, imageId) {
    const prefix = `${userId}:${imageId}:`;
    await this.#tab.open((tab) => prefix + tab);
    const own = this.keyOf(userId, imageId);
    const elsewhere = await this.#tab.openKeys();
    elsewhere.delete(own);
    return this.#database.transaction(["drafts"], "readwrite", async (drafts) => {
      const rows = /** @type {Row[]} */ (await drafts.startingWith(prefix));
      const free = rows.filter(({ key }) => !elsewhere.has(key));
      const order = (/** @type {Row} */ row) => [isUnsaved(row), row.key === own, row.savedAt].map(Number);
      const [found] = free.sort((a, b) => compare(order(b), order(a)));
      if (!found) return null;
      if (found.key !== own) {
        await drafts.put({ ...found, key: own });
        await drafts.remove(found.key);
      }
      return found.draft;
    });
  }

  /** @param {number} userId @param {number} imageId */
  async clear(userId, imageId) {
    await this.save(userId, imageId, null);
  }

  /** The page is about to go. */
  close() {
    this.#tab.leave();
  }

  /** Drop what is only history and old. */
  async forget(now = Date.now()) {
    await this.#database.transaction(["drafts"], "readwrite", async (drafts) => {
      const rows = /** @type {Row[]} */ (await drafts.all());
      const mere = rows.filter((row) => row.draft && "history" in row.draft && !isUnsaved(row));
      mere.sort((a, b) => b.savedAt - a.savedAt);
      for (const [at, { key, savedAt }] of mere.entries()) {
        if (at >= KEEP_STEPS_IMAGES || savedAt < now - KEEP_STEPS_MS) await drafts.remove(key);
      }
    });
  }
}

/** Work that is nowhere else. @param {Row} row */
function isUnsaved({ draft }) {
  return Boolean(draft && (!("history" in draft) || draft.draft || draft.pending?.length));
}

/** @param {number[]} a @param {number[]} b */
function compare(a, b) {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at] - b[at];
}

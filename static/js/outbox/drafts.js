/** What a person was drawing when the page went away, and the steps to it: one row an image and user, in the browser only. */

/** @typedef {import("./database.js").Database} Database */

/** Steps without an unsaved draft are a comfort, not work: those of the images seen last are kept for some days. */
const KEEP_STEPS_MS = 7 * 24 * 3600 * 1000;
const KEEP_STEPS_IMAGES = 50;

/** @param {number} userId @param {number} imageId */
const keyOf = (userId, imageId) => `${userId}:${imageId}`;

/**
 * @param {import("./database.js").Table} drafts
 * @param {number} userId
 * @param {number} imageId
 * @param {unknown} draft anything that structured clone can copy; null: there is none any more
 */
export async function writeDraft(drafts, userId, imageId, draft) {
  const key = keyOf(userId, imageId);
  if (draft === null) await drafts.remove(key);
  else await drafts.put({ key, draft, savedAt: Date.now() });
}

export class Drafts {
  #database;

  /** @param {Database} database */
  constructor(database) {
    this.#database = database;
  }

  /** @param {number} userId @param {number} imageId @param {unknown} draft anything that structured clone can copy */
  async save(userId, imageId, draft) {
    await this.#database.transaction(["drafts"], "readwrite", (drafts) =>
      writeDraft(drafts, userId, imageId, draft),
    );
  }

  /** @param {number} userId @param {number} imageId @returns {Promise<any>} null when there is none */
  async load(userId, imageId) {
    const key = keyOf(userId, imageId);
    const row = await this.#database.transaction(["drafts"], "readonly", (drafts) => drafts.get(key));
    return row?.draft ?? null;
  }

  /** @param {number} userId @param {number} imageId */
  async clear(userId, imageId) {
    await this.save(userId, imageId, null);
  }

  /** Drop what is only history and old. */
  async forget(now = Date.now()) {
    await this.#database.transaction(["drafts"], "readwrite", async (drafts) => {
      const unsaved = (/** @type {any} */ work) => work.draft || work.pending?.length;
      const rows = (await drafts.all()).filter(({ draft }) => draft && "history" in draft && !unsaved(draft));
      rows.sort((a, b) => b.savedAt - a.savedAt);
      for (const [at, { key, savedAt }] of rows.entries()) {
        if (at >= KEEP_STEPS_IMAGES || savedAt < now - KEEP_STEPS_MS) await drafts.remove(key);
      }
    });
  }
}

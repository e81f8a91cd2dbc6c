/** What a person was drawing when the page went away, and the steps to it: one row an image and user, in the browser only. */

/** @typedef {import("./database.js").Database} Database */

/** Steps without an unsaved draft are a comfort, not work: those of the images seen last are kept for some days. */
const KEEP_STEPS_MS = 7 * 24 * 3600 * 1000;
const KEEP_STEPS_IMAGES = 50;

export class Drafts {
  #database;

  /** @param {Database} database */
  constructor(database) {
    this.#database = database;
  }

  /** @param {number} userId @param {number} imageId @param {unknown} draft anything that structured clone can copy */
  async save(userId, imageId, draft) {
    const row = { key: `${userId}:${imageId}`, draft, savedAt: Date.now() };
    await this.#database.transaction(["drafts"], "readwrite", (drafts) => drafts.put(row));
  }

  /** @param {number} userId @param {number} imageId @returns {Promise<any>} null when there is none */
  async load(userId, imageId) {
    const key = `${userId}:${imageId}`;
    const row = await this.#database.transaction(["drafts"], "readonly", (drafts) => drafts.get(key));
    return row?.draft ?? null;
  }

  /** @param {number} userId @param {number} imageId */
  async clear(userId, imageId) {
    const key = `${userId}:${imageId}`;
    await this.#database.transaction(["drafts"], "readwrite", (drafts) => drafts.remove(key));
  }

  /** Drop what is only history and old. */
  async forget(now = Date.now()) {
    await this.#database.transaction(["drafts"], "readwrite", async (drafts) => {
      const rows = (await drafts.all()).filter(({ draft }) => draft && "history" in draft && !draft.draft);
      rows.sort((a, b) => b.savedAt - a.savedAt);
      for (const [at, { key, savedAt }] of rows.entries()) {
        if (at >= KEEP_STEPS_IMAGES || savedAt < now - KEEP_STEPS_MS) await drafts.remove(key);
      }
    });
  }
}

/** What a person was drawing when the page went away: one draft an image and user, in the browser only. */

/** @typedef {import("./database.js").Database} Database */

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
}

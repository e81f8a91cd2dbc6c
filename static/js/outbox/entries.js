/** The journal's rows: every change of them is one transaction over the rules of journal.js. */

import { writeDraft } from "./drafts.js";
import * as journal from "./journal.js";

/** @typedef {import("./database.js").Database} Database */
/** @typedef {import("./database.js").Table} Table */
/** @typedef {import("./journal.js").Change} Change */
/** @typedef {import("./journal.js").Entry} Entry */

const KEEP_ACKNOWLEDGED_MS = 24 * 3600 * 1000;

/** @param {Entry[]} rows @param {number} userId @returns {Entry[]} that person's, oldest first */
function own(rows, userId) {
  return rows.filter((entry) => entry.userId === userId).sort((a, b) => a.order - b.order);
}

export class Entries {
  #database;
  /** Which page this is: its own saves raise the base of its next edits, those of other pages do not. */
  #tab = crypto.randomUUID();

  /** @param {Database} database */
  constructor(database) {
    this.#database = database;
  }

  /** @param {number} userId @returns {Promise<Entry[]>} oldest first */
  async list(userId) {
    const rows = await this.#database.transaction(["entries"], "readonly", (entries) => entries.all());
    return own(rows, userId);
  }

  /**
   * Write changes down, and the drafts beside them: all or nothing. Resolves when they are on disk.
   *
   * @param {number} userId
   * @param {readonly Change[]} changes
   * @param {ReadonlyMap<string, unknown>} [drafts] by their keys; null: there is none any more
   * @returns {Promise<Change[]>} those that no other page's change stands against
   */
  add(userId, changes, drafts = new Map()) {
    const tables = /** @type {const} */ (["entries", "acknowledged", "drafts"]);
    return this.#database.transaction([...tables], "readwrite", async (entries, acknowledged, kept) => {
      const undisputed = [];
      for (const change of changes) {
        if (!(await this.#enqueue(entries, acknowledged, userId, change))) undisputed.push(change);
      }
      for (const [key, draft] of drafts) await writeDraft(kept, key, draft);
      return undisputed;
    });
  }

  /** @param {Table} entries @param {Table} acknowledged @param {number} userId @param {Change} change
   * @returns {Promise<boolean>} whether another page's change stands against it */
  async #enqueue(entries, acknowledged, userId, change) {
    const { id } = change;
    const [tab, stamp, now] = [this.#tab, crypto.randomUUID(), Date.now()];
    const last = await acknowledged.get(id);
    const context = { userId, tab, stamp, now, acknowledged: last?.tab === tab ? last.revision : null };
    const { entry, apart } = journal.enqueue(await entries.get(id), change, context);
    if (entry) await entries.put(entry);
    else await entries.remove(id);
    return apart;
  }

  /**
   * Take the oldest entry that is due and mark it as sent, before it is.
   * @param {number} userId
   * @returns {Promise<{entry: Entry | null, nextAt: number | null}>} nextAt: when the next one is due, if none is now
   */
  async claim(userId) {
    return this.#database.transaction(["entries"], "readwrite", async (entries) => {
      const waiting = own(await entries.all(), userId).filter((entry) => entry.state === "waiting");
      const now = Date.now();
      const due = waiting.find((entry) => entry.retryAt <= now);
      const nextAt = waiting.length > 0 ? Math.min(...waiting.map((entry) => entry.retryAt)) : null;
      if (!due) return { entry: null, nextAt };
      const entry = journal.markSent(due);
      await entries.put(entry);
      return { entry, nextAt };
    });
  }

  /** The server has what was sent. @param {Entry} sent @param {number | null} revision null after a delete */
  async acknowledge({ id, stamp, tab }, revision) {
    const tables = /** @type {const} */ (["entries", "acknowledged"]);
    await this.#database.transaction([...tables], "readwrite", async (entries, acknowledged) => {
      const queued = await entries.get(id);
      const left = queued && journal.afterSaved(queued, stamp, revision);
      if (left) await entries.put(left);
      else await entries.remove(id);
      if (revision !== null) await acknowledged.put({ id, revision, tab, at: Date.now() });
    });
  }

  /** @param {string} id @param {(entry: Entry) => Entry | null} change null: settled
   * @returns {Promise<Entry | null>} the entry as it was */
  update(id, change) {
    return this.#database.transaction(["entries"], "readwrite", async (entries) => {
      /** @type {Entry | null} */
      const entry = await entries.get(id);
      if (!entry) return null;
      const next = change(entry) ?? journal.following(entry);
      if (next) await entries.put(next);
      else await entries.remove(id);
      return entry;
    });
  }

  /** Drop what no page needs any more. */
  async forget() {
    const oldest = Date.now() - KEEP_ACKNOWLEDGED_MS;
    await this.#database.transaction(["acknowledged"], "readwrite", async (acknowledged) => {
      for (const row of await acknowledged.all()) if (row.at < oldest) await acknowledged.remove(row.id);
    });
  }
}

/** The annotation endpoints as the contract describes them, in memory, with the failures that networks have. */

import { ApiError } from "../../static/js/api.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").AnnotationBody} AnnotationBody */

/** @param {number} status @param {string} code @param {any} [body] */
function refuse(status, code, body = null) {
  return new ApiError({ status, code, message: code, body });
}

export class FakeServer {
  /** @type {Map<string, Annotation & {deleted?: boolean}>} */
  rows = new Map();
  /** @type {string[]} */
  log = [];
  /** Who is signed in; null = nobody. @type {number | null} */
  user = 1;
  /** What happens to the next requests: an error before it arrives, or "lost" when only the answer is. @type {any[]} */
  trouble = [];
  /** When set, requests wait for it. @type {Promise<void> | null} */
  gate = null;
  session = new EventTarget();

  /** @param {string} what @param {() => any} work @param {AbortSignal} [signal] */
  async #request(what, work, signal) {
    this.log.push(what);
    await this.gate;
    signal?.throwIfAborted();
    const trouble = this.trouble.shift();
    if (trouble && trouble !== "lost") throw trouble;
    if (this.user === null) {
      this.session.dispatchEvent(new Event("signed-out"));
      throw refuse(401, "signed_out");
    }
    const answer = work();
    if (trouble === "lost") throw refuse(0, "offline");
    return answer;
  }

  getMe = () =>
    this.#request("me", () => {
      this.session.dispatchEvent(new CustomEvent("signed-in", { detail: { id: this.user } }));
      return { user: { id: this.user }, csrf_token: "t" };
    });

  /** @param {string} id @param {{signal?: AbortSignal}} [options] */
  getAnnotation = (id, { signal } = {}) =>
    this.#request(`get ${id}`, () => structuredClone(this.#live(id)), signal);

  /** @param {string} id @param {AnnotationBody} body @param {number | null} revision @param {{signal?: AbortSignal}} [options] */
  saveAnnotation = (id, body, revision, { signal } = {}) =>
    this.#request(`put ${id} ${revision}`, () => this.#save(id, body, revision), signal);

  /** @param {string} id @param {number} revision @param {{signal?: AbortSignal}} [options] */
  deleteAnnotation = (id, revision, { signal } = {}) =>
    this.#request(
      `delete ${id} ${revision}`,
      () => {
        const row = this.rows.get(id);
        if (!row || row.deleted) return;
        if (row.revision !== revision) throw refuse(409, "conflict", { current: structuredClone(row) });
        row.deleted = true;
        row.revision++;
      },
      signal,
    );

  /** @param {string} id @param {number} revision @param {{signal?: AbortSignal}} [options] */
  restoreAnnotation = (id, revision, { signal } = {}) =>
    this.#request(
      `restore ${id} ${revision}`,
      () => {
        const row = this.rows.get(id);
        if (!row) throw refuse(404, "not_found");
        row.deleted = false;
        row.revision++;
        return structuredClone(row);
      },
      signal,
    );

  /** Somebody else changes a row. @param {string} id @param {Partial<AnnotationBody>} change */
  meddle(id, change) {
    const row = this.#live(id);
    Object.assign(row, change, { revision: row.revision + 1 });
  }

  /** @param {string} id */
  #live(id) {
    const row = this.rows.get(id);
    if (!row || row.deleted) throw refuse(404, "not_found");
    return row;
  }

  /** @param {string} id @param {AnnotationBody} body @param {number | null} revision */
  #save(id, body, revision) {
    const row = this.rows.get(id);
    if (!row && revision !== null) throw refuse(404, "not_found");
    if (row?.deleted) throw refuse(409, "deleted", { current: structuredClone(row) });
    const same = row && Object.entries(body).every(([key, value]) => this.#equal(row, key, value));
    if (row && !same && row.revision !== revision) {
      throw refuse(409, "conflict", { current: structuredClone(row) });
    }
    if (!same) {
      const next = { state: "accepted", z: 0, note: "", ...structuredClone(body), id };
      this.rows.set(id, /** @type {any} */ ({ ...next, revision: (row?.revision ?? 0) + 1 }));
    }
    return structuredClone(this.rows.get(id));
  }

  /** @param {any} row @param {string} key @param {unknown} value */
  #equal(row, key, value) {
    return JSON.stringify(row[key]) === JSON.stringify(value);
  }
}

/** IndexedDB in promises: the outbox's tables and one transaction function that resolves when the data is on disk. */

import { t } from "../core/translate.js";

const VERSION = 1;

/**
 * Tables by name, with their key.
 * - entries: unsaved changes, one an annotation
 * - acknowledged: the revision that the server gave to each annotation saved lately
 * - drafts: what was being drawn, one an image, user and tab
 */
const TABLES = { entries: "id", acknowledged: "id", drafts: "key" };

/** @typedef {keyof typeof TABLES} TableName */

/**
 * @typedef {object} Table
 * @property {(key: IDBValidKey) => Promise<any>} get null when absent
 * @property {() => Promise<any[]>} all
 * @property {(prefix: string) => Promise<any[]>} startingWith rows whose key begins so
 * @property {(row: object) => Promise<IDBValidKey>} put
 * @property {(key: IDBValidKey) => Promise<void>} remove
 */

/** @template Result @param {IDBRequest<Result>} request @returns {Promise<Result>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBObjectStore} store @returns {Table} */
function table(store) {
  return {
    get: async (key) => (await settled(store.get(key))) ?? null,
    all: () => settled(store.getAll()),
    startingWith: (prefix) => settled(store.getAll(IDBKeyRange.bound(prefix, `${prefix}\uffff`))),
    put: (row) => settled(store.put(row)),
    remove: (key) => settled(store.delete(key)),
  };
}

export class Database {
  #connection;

  /** Use `open`. @param {IDBDatabase} connection */
  constructor(connection) {
    this.#connection = connection;
    // Another tab with a newer version of the page must not wait for this one.
    connection.onversionchange = () => connection.close();
  }

  /** @param {string} name @returns {Promise<Database>} */
  static async open(name) {
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(TABLES))
        request.result.createObjectStore(store, { keyPath });
    };
    return new Database(await settled(request));
  }

  /**
   * Run `work` in one transaction; inside it only the tables may be awaited.
   * @template Result
   * @param {TableName[]} names
   * @param {IDBTransactionMode} mode
   * @param {(...tables: Table[]) => Promise<Result>} work receives the tables in the order of `names`
   * @returns {Promise<Result>} settles when the transaction is durable, or undone
   */
  async transaction(names, mode, work) {
    const transaction = this.#connection.transaction(names, mode, { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () =>
        reject(transaction.error ?? new Error(t("The browser's storage refused the change.")));
    });
    // Without this a failing `work` would leave a second, unhandled rejection behind.
    done.catch(() => {});
    try {
      const result = await work(...names.map((name) => table(transaction.objectStore(name))));
      await done;
      return result;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It is finished already; the error below tells what happened.
      }
      throw error;
    }
  }

  close() {
    this.#connection.close();
  }
}

/**
 * The rows of a long list: what may be in sight at once, the others when nothing else is to be done. Rows are kept, not
 * rebuilt.
 */

/** @typedef {{row: HTMLElement, update: () => void}} Row update: make it look as its item does now */

/** Rows that are built at once, and those that follow in each idle moment. */
const [AT_ONCE, NEXT] = [40, 30];
/** Not every browser tells when it is idle. */
const whenIdle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ task) => setTimeout(task, 30));

/** @template {object} Item */
export class GrowingList {
  #list;
  #makeRow;
  /** @type {Map<Item, Row>} */
  #rows = new Map();
  /** @type {readonly Item[]} */
  #items = [];
  #limit = AT_ONCE;
  #waiting = false;

  /** @param {HTMLElement} list @param {(item: Item) => Row} makeRow */
  constructor(list, makeRow) {
    this.#list = list;
    this.#makeRow = makeRow;
  }

  /** @param {readonly Item[]} items in their order */
  show(items) {
    if (!items.some((item) => this.#rows.has(item))) this.#limit = AT_ONCE;
    this.#items = items;
    const present = new Set(items.slice(0, this.#limit));
    for (const [item, { row }] of this.#rows) {
      if (present.has(item)) continue;
      row.remove();
      this.#rows.delete(item);
    }
    this.#place(0);
  }

  /** Rows from this place on, as far as they are wanted by now. */
  #place(/** @type {number} */ from) {
    for (let index = from; index < Math.min(this.#items.length, this.#limit); index++) {
      const item = this.#items[index];
      const entry = this.#rows.get(item) ?? this.#makeRow(item);
      this.#rows.set(item, entry);
      const there = this.#list.children[index];
      if (there !== entry.row) this.#list.insertBefore(entry.row, there ?? null);
      entry.update();
    }
    if (this.#waiting || this.#items.length <= this.#limit) return;
    this.#waiting = true;
    whenIdle(() => this.#grow());
  }

  #grow() {
    this.#waiting = false;
    const from = this.#limit;
    this.#limit += NEXT;
    this.#place(from);
  }
}

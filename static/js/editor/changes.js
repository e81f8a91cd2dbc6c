/**
 * Announcing changes: whatever happens within one microtask is told once, as one "change" event with the kinds of things that
 * are different.
 */

import { EMPTY_RECT, unionRect } from "../core/bitmap.js";

/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {"image" | "objects" | "selection" | "draft" | "mask" | "categories" | "decoder" | "look" | "history"} ChangeKind */
/** @typedef {CustomEvent<{kinds: Set<ChangeKind>, rect: Rect | null}>} ChangeEvent rect: image pixels of the draft's mask
 *   that changed, null = all */

export class Changes extends EventTarget {
  /** @type {Set<ChangeKind>} */
  #kinds = new Set();
  /** @type {Rect | null} */
  #rect = EMPTY_RECT;

  /** @param {...ChangeKind} kinds */
  touch(...kinds) {
    if (kinds.includes("mask")) this.#rect = null;
    this.#announce(kinds);
  }

  /** A part of the draft's mask is different. */
  touchMask(/** @type {Rect} */ rect) {
    if (this.#rect) this.#rect = unionRect(this.#rect, rect);
    this.#announce(["mask"]);
  }

  #announce(/** @type {ChangeKind[]} */ kinds) {
    if (!this.#kinds.size) queueMicrotask(() => this.#emit());
    for (const kind of kinds) this.#kinds.add(kind);
  }

  #emit() {
    const detail = { kinds: this.#kinds, rect: this.#rect };
    this.#kinds = new Set();
    this.#rect = EMPTY_RECT;
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }
}

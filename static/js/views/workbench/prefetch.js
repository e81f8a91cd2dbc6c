/**
 * The next images, fetched while the person works on this one: photograph and embedding. Bounded, and dropped when the person
 * goes elsewhere; files also stay in the HTTP cache, because their URLs never change.
 */

import { getFile, getImage } from "../../api.js";
import { loadBitmap } from "./photograph.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {{bitmap: Promise<ImageBitmap> | null, embedding: Promise<ArrayBuffer> | null}} Ahead */

const AHEAD = 3;
/** Decoded photographs kept in memory: 4 bytes a pixel. */
const BITMAP_PIXELS = 16_000_000;

export class Prefetch {
  /** @type {Map<number, Ahead>} */
  #ahead = new Map();
  #run = new AbortController();

  /**
   * What is already here of an image; the caller owns it from now on.
   *
   * @param {number} id
   * @returns {Ahead | null}
   */
  take(id) {
    this.#run.abort();
    const found = this.#ahead.get(id) ?? null;
    this.#ahead.delete(id);
    return found;
  }

  /** Fetch the images after this one. */
  async around(/** @type {Image} */ image) {
    this.#run.abort();
    this.#run = new AbortController();
    const { signal } = this.#run;
    const wanted = new Set();
    let next = image.next_id ?? null;
    try {
      for (let step = 0; step < AHEAD && next !== null && !signal.aborted; step++) {
        wanted.add(next);
        const neighbour = await getImage(next, { signal });
        const ahead = this.#ahead.get(next) ?? this.#fetch(neighbour, step === 0, signal);
        this.#ahead.set(next, ahead);
        await Promise.allSettled([ahead.bitmap, ahead.embedding]);
        next = neighbour.next_id ?? null;
      }
    } catch {
      // A neighbour that cannot be fetched ahead is fetched when it is opened, and says then what is wrong.
    }
    if (!signal.aborted) this.#keep(wanted);
  }

  /** @returns {Ahead} */
  #fetch(/** @type {Image} */ image, /** @type {boolean} */ nearest, /** @type {AbortSignal} */ signal) {
    const small = image.width * image.height <= BITMAP_PIXELS;
    const bitmap = nearest && small ? loadBitmap(image.urls.file) : null;
    if (!bitmap) new Image().src = image.urls.file; // into the HTTP cache only
    const embedding = image.embedding.url ? getFile(image.embedding.url, { signal, priority: "low" }) : null;
    bitmap?.catch(() => this.#ahead.delete(image.id));
    embedding?.catch(() => this.#ahead.delete(image.id));
    return { bitmap, embedding };
  }

  #keep(/** @type {Set<number>} */ wanted) {
    for (const [id, { bitmap }] of this.#ahead) {
      if (wanted.has(id)) continue;
      bitmap?.then((picture) => picture.close()).catch(() => {});
      this.#ahead.delete(id);
    }
  }
}

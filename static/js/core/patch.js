/**
 * Undo of bitmap edits without copies of the bitmap: tiles are saved before they are first touched, and only those that
 * really changed are kept, as the pixels that flipped, eight a byte. Written down, a tile is a COCO RLE of those pixels.
 */

import { clipRect, EMPTY_RECT, isEmptyRect, unionRect } from "./bitmap.js";
import { decode, encode } from "./rle.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */

/** @typedef {{rect: Rect, flips: Uint8Array}} Tile flips: eight pixels a byte, row-major in `rect`; 1 = changed */
/** @typedef {{rect: Rect, counts: string}[]} StoredPatch counts: the flipped pixels of each tile as RLE */

const TILE = 128;

/** @param {Bitmap} bitmap @param {Rect} rect @returns {Uint8Array} eight pixels a byte, row-major in `rect` */
function packRect(bitmap, rect) {
  const pixels = (rect.x1 - rect.x0) * (rect.y1 - rect.y0);
  const packed = new Uint8Array(Math.ceil(pixels / 8));
  let bit = 0;
  for (let y = rect.y0; y < rect.y1; y++) {
    const end = y * bitmap.width + rect.x1;
    for (let i = y * bitmap.width + rect.x0; i < end; i++, bit++) {
      packed[bit >> 3] |= bitmap.data[i] << (bit & 7);
    }
  }
  return packed;
}

/** @param {Tile} tile @returns {Uint8Array} a byte a pixel, row-major in the tile */
function unpack({ rect, flips }) {
  const pixels = new Uint8Array((rect.x1 - rect.x0) * (rect.y1 - rect.y0));
  for (let i = 0; i < pixels.length; i++) pixels[i] = (flips[i >> 3] >> (i & 7)) & 1;
  return pixels;
}

/** @param {Bitmap} bitmap @param {Tile} tile */
function flip(bitmap, { rect, flips }) {
  let bit = 0;
  for (let y = rect.y0; y < rect.y1; y++) {
    const end = y * bitmap.width + rect.x1;
    for (let i = y * bitmap.width + rect.x0; i < end; i++, bit++) {
      bitmap.data[i] ^= (flips[bit >> 3] >> (bit & 7)) & 1;
    }
  }
}

/** What one edit changed; applies both ways to a bitmap in the matching state. */
export class Patch {
  #tiles;

  /** @param {Tile[]} tiles that differ */
  constructor(tiles) {
    this.#tiles = tiles;
    /** Memory held, bytes. */
    this.bytes = tiles.reduce((total, tile) => total + tile.flips.length + 64, 0);
    /** Rectangle around the tiles that changed. */
    this.rect = tiles.reduce((all, tile) => unionRect(all, tile.rect), /** @type {Rect} */ (EMPTY_RECT));
  }

  /** True when the edit changed nothing. */
  get isEmpty() {
    return this.#tiles.length === 0;
  }

  /** @param {Bitmap} bitmap in the state after the edit @returns {Rect} what may have changed */
  undo(bitmap) {
    for (const tile of this.#tiles) flip(bitmap, tile);
    return this.rect;
  }

  /** @param {Bitmap} bitmap in the state before the edit @returns {Rect} what may have changed */
  redo(bitmap) {
    return this.undo(bitmap); // flipping twice changes nothing
  }

  /** @returns {StoredPatch} to be written down */
  stored() {
    return this.#tiles.map((tile) => {
      const { rect } = tile;
      return { rect, counts: encode(unpack(tile), rect.x1 - rect.x0, rect.y1 - rect.y0) };
    });
  }

  /** @param {StoredPatch} stored @throws {RangeError} when it was not written by `stored` */
  static from(stored) {
    const tiles = stored.map(({ rect, counts }) => {
      const [width, height] = [rect.x1 - rect.x0, rect.y1 - rect.y0];
      const data = decode(counts, width, height);
      return { rect, flips: packRect({ width, height, data }, { x0: 0, y0: 0, x1: width, y1: height }) };
    });
    return new Patch(tiles);
  }
}

/** Watches one edit (a brush stroke, a clean-up) and makes its patch. Call `touch` before each change. */
export class PatchRecorder {
  #bitmap;
  /** @type {Map<number, {rect: Rect, before: Uint8Array}>} */
  #saved = new Map();

  /** @param {Bitmap} bitmap the bitmap that is about to be edited */
  constructor(bitmap) {
    this.#bitmap = bitmap;
  }

  /** Save what lies under `rect`, unless it is saved already. @param {Rect} rect may reach outside the bitmap */
  touch(rect) {
    const inside = clipRect(rect, this.#bitmap);
    if (isEmptyRect(inside)) return;
    const across = Math.ceil(this.#bitmap.width / TILE);
    for (let row = Math.floor(inside.y0 / TILE); row * TILE < inside.y1; row++) {
      for (let column = Math.floor(inside.x0 / TILE); column * TILE < inside.x1; column++) {
        const key = row * across + column;
        if (this.#saved.has(key)) continue;
        const [x0, y0] = [column * TILE, row * TILE];
        const tile = clipRect({ x0, y0, x1: x0 + TILE, y1: y0 + TILE }, this.#bitmap);
        this.#saved.set(key, { rect: tile, before: packRect(this.#bitmap, tile) });
      }
    }
  }

  /** @returns {Patch} from the state at construction to the bitmap as it is now */
  finish() {
    const tiles = [];
    for (const { rect, before } of this.#saved.values()) {
      const flips = packRect(this.#bitmap, rect);
      for (let i = 0; i < flips.length; i++) flips[i] ^= before[i];
      if (flips.some(Boolean)) tiles.push({ rect, flips });
    }
    this.#saved.clear();
    return new Patch(tiles);
  }
}

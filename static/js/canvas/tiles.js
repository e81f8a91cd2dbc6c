/**
 * A photograph that is too large to decode whole: only the tiles in sight are fetched and kept, at the level that fits the
 * zoom. What is not there yet is drawn from a coarser tile, in the end from the thumbnail, so that nothing is ever blank.
 */

import { levelFor, parentOf, tileName, tileRect, tilesIn } from "../core/tiling.js";

/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {import("../core/tiling.js").Layout} Layout */
/** @typedef {import("../core/tiling.js").Tile} Tile */
/** @typedef {import("./overlay.js").DeviceView} DeviceView */
/** @typedef {(tile: Tile, signal: AbortSignal) => Promise<ImageBitmap>} FetchTile */

/** Decoded tiles kept, 4 bytes a pixel; what is in sight is kept beyond that. */
const KEPT_BYTES = 160 * 2 ** 20;
const PARALLEL = 6;
const RETRY_MS = 1500;
/** Levels up to this side stay: what a fast pan shows before its tiles arrive. */
const COARSE_SIDE = 2048;
/** Around the view, a part of its size: tiles that the next pan will need. */
const MARGIN = 0.25;

export class TiledPicture {
  #layout;
  #thumbnail;
  #fetch;
  /** Least recently drawn first. @type {Map<string, ImageBitmap>} */
  #tiles = new Map();
  /** @type {Map<string, AbortController>} */
  #loading = new Map();
  /** In the order of their need; those in sight come first. @type {Tile[]} */
  #wanted = [];
  #needed = new Set();
  #inSight = new Set();
  #bytes = 0;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #retry = null;
  #closed = false;
  #changed = () => {};
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #scratch = null;

  /**
   * @param {Layout} layout
   * @param {ImageBitmap} thumbnail of the whole image; belongs to the picture from now on
   * @param {FetchTile} fetchTile
   */
  constructor(layout, thumbnail, fetchTile) {
    this.#layout = layout;
    this.#thumbnail = thumbnail;
    this.#fetch = fetchTile;
    this.width = layout.width;
    this.height = layout.height;
  }

  /** @param {() => void} changed called when it can be drawn better than before */
  start(changed) {
    this.#changed = changed;
  }

  /** Everything in sight is drawn at the level that fits. */
  get isSharp() {
    return [...this.#inSight].every((name) => this.#tiles.has(name));
  }

  /** Fetch what this view needs, and give up what only earlier views needed. @param {DeviceView} view */
  prepare(view) {
    const { levels } = this.#layout;
    const level = levelFor(view.scale, levels);
    const rect = visibleRect(view);
    const inSight = tilesIn(this.#layout, level, rect);
    const coarse = Array.from({ length: levels }, (_, each) => each).filter((each) => this.#isCoarse(each));
    const everywhere = { x0: 0, y0: 0, x1: this.width, y1: this.height };
    this.#wanted = [
      ...inSight,
      ...tilesIn(this.#layout, level, grown(rect)),
      ...coarse.flatMap((each) => tilesIn(this.#layout, each, everywhere)),
    ];
    this.#inSight = new Set(inSight.map(tileName));
    this.#needed = new Set(this.#wanted.map(tileName));
    for (const [name, loading] of this.#loading) if (!this.#needed.has(name)) loading.abort();
    this.#fill();
  }

  /**
   * Draw what is visible of the photograph.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {DeviceView} view
   */
  draw(context, view) {
    if (context.imageSmoothingEnabled) this.#drawTiles(context, view);
    else this.#drawPixels(context, view);
  }

  /** Release the memory; the picture must not be drawn afterwards. */
  close() {
    this.#closed = true;
    if (this.#retry) clearTimeout(this.#retry);
    this.#wanted = [];
    for (const loading of this.#loading.values()) loading.abort();
    for (const bitmap of [...this.#tiles.values(), this.#thumbnail]) bitmap.close();
    this.#tiles.clear();
    this.#scratch = null;
  }

  #isCoarse(/** @type {number} */ level) {
    return Math.max(this.width, this.height) / 2 ** level <= COARSE_SIDE;
  }

  /** @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context @param {DeviceView} view */
  #drawTiles(context, view) {
    const level = levelFor(view.scale, this.#layout.levels);
    for (const tile of tilesIn(this.#layout, level, visibleRect(view))) this.#drawTile(context, view, tile);
  }

  /** Edges are rounded to device pixels: neighbours meet without a seam. */
  #drawTile(
    /** @type {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} */ context,
    /** @type {DeviceView} */ { scale, x, y },
    /** @type {Tile} */ tile,
  ) {
    const rect = tileRect(this.#layout, tile);
    const [left, right] = [Math.round(x + rect.x0 * scale), Math.round(x + rect.x1 * scale)];
    const [top, bottom] = [Math.round(y + rect.y0 * scale), Math.round(y + rect.y1 * scale)];
    const { bitmap, originX, originY, stepX, stepY } = this.#best(tile);
    context.drawImage(
      bitmap,
      (rect.x0 - originX) / stepX,
      (rect.y0 - originY) / stepY,
      (rect.x1 - rect.x0) / stepX,
      (rect.y1 - rect.y0) / stepY,
      left,
      top,
      right - left,
      bottom - top,
    );
  }

  /** The finest that is here of a tile's place; origin and step in image pixels. */
  #best(/** @type {Tile} */ tile) {
    for (let each = tile; each.level < this.#layout.levels; each = parentOf(each)) {
      const bitmap = this.#recall(tileName(each));
      if (!bitmap) continue;
      const { x0, y0 } = tileRect(this.#layout, each);
      const step = 2 ** each.level;
      return { bitmap, originX: x0, originY: y0, stepX: step, stepY: step };
    }
    const bitmap = this.#thumbnail;
    const [stepX, stepY] = [this.width / bitmap.width, this.height / bitmap.height];
    return { bitmap, originX: 0, originY: 0, stepX, stepY };
  }

  /** Enlarged without smoothing, each pixel has its exact place: the few in sight are put together first. */
  #drawPixels(/** @type {CanvasRenderingContext2D} */ context, /** @type {DeviceView} */ view) {
    const { x0, y0, x1, y1 } = visibleRect(view);
    const [left, top] = [Math.max(Math.floor(x0), 0), Math.max(Math.floor(y0), 0)];
    const [width, height] = [
      Math.min(Math.ceil(x1), this.width) - left,
      Math.min(Math.ceil(y1), this.height) - top,
    ];
    if (width <= 0 || height <= 0) return;
    const scratch = this.#sized(width, height);
    this.#drawTiles(scratch, { scale: 1, x: -left, y: -top, width, height });
    const { scale, x, y } = view;
    const target = [x + left * scale, y + top * scale, width * scale, height * scale];
    context.drawImage(scratch.canvas, 0, 0, width, height, target[0], target[1], target[2], target[3]);
  }

  #sized(/** @type {number} */ width, /** @type {number} */ height) {
    const canvas = this.#scratch?.canvas;
    if (!canvas || canvas.width < width || canvas.height < height) {
      this.#scratch = new OffscreenCanvas(width, height).getContext("2d");
    }
    if (!this.#scratch) throw new Error("this browser gave no 2D canvas");
    return this.#scratch;
  }

  /** A tile that is about to be drawn is the last to go. */
  #recall(/** @type {string} */ name) {
    const bitmap = this.#tiles.get(name);
    if (!bitmap) return null;
    this.#tiles.delete(name);
    this.#tiles.set(name, bitmap);
    return bitmap;
  }

  /** Start as many fetches as may run at once. */
  #fill() {
    if (this.#retry) return;
    for (const tile of this.#wanted) {
      if (this.#loading.size >= PARALLEL) return;
      const name = tileName(tile);
      const room = this.#bytes < KEPT_BYTES || this.#inSight.has(name);
      if (room && !this.#tiles.has(name) && !this.#loading.has(name)) this.#load(name, tile);
    }
  }

  async #load(/** @type {string} */ name, /** @type {Tile} */ tile) {
    const loading = new AbortController();
    this.#loading.set(name, loading);
    try {
      const bitmap = await this.#fetch(tile, loading.signal);
      if (this.#closed) bitmap.close();
      else this.#keep(name, bitmap);
    } catch {
      // Being made, or the server is away: the coarser picture stays until it is back.
      if (!loading.signal.aborted) this.#pause();
    }
    this.#loading.delete(name);
    if (!this.#closed) this.#fill();
  }

  #keep(/** @type {string} */ name, /** @type {ImageBitmap} */ bitmap) {
    this.#tiles.set(name, bitmap);
    this.#bytes += bytesOf(bitmap);
    for (const [old, kept] of this.#tiles) {
      if (this.#bytes <= KEPT_BYTES) break;
      if (this.#needed.has(old)) continue;
      this.#tiles.delete(old);
      this.#bytes -= bytesOf(kept);
      kept.close();
    }
    this.#changed();
  }

  #pause() {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.#fill();
    }, RETRY_MS);
  }
}

function bytesOf(/** @type {ImageBitmap} */ { width, height }) {
  return 4 * width * height;
}

/** What a view shows, image pixels. @returns {Rect} */
function visibleRect(/** @type {DeviceView} */ { scale, x, y, width, height }) {
  return { x0: -x / scale, y0: -y / scale, x1: (width - x) / scale, y1: (height - y) / scale };
}

/** @returns {Rect} */
function grown(/** @type {Rect} */ { x0, y0, x1, y1 }) {
  const [dx, dy] = [(x1 - x0) * MARGIN, (y1 - y0) * MARGIN];
  return { x0: x0 - dx, y0: y0 - dy, x1: x1 + dx, y1: y1 + dy };
}

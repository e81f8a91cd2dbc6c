/** The photograph with display adjustments: drawn aside, toned, and put on the canvas. The tables are kept per image. */

import { applyLocalTones, applyTable, localTones, toneTable } from "../core/adjust.js";

/** @typedef {import("../core/adjust.js").Adjustment} Adjustment */
/** @typedef {import("../core/adjust.js").LocalTones} LocalTones */
/** @typedef {import("./overlay.js").DeviceView} DeviceView */
/** @typedef {import("./pyramid.js").ImagePyramid | import("./tiles.js").TiledPicture} Picture */

/** Longer side of the copy whose histograms give the local tones. */
const SAMPLE = 512;

export class Adjuster {
  #adjustment;
  #table;
  #scratch = readable(1, 1);
  /** @type {{of: Picture, tones: LocalTones} | null} */
  #local = null;

  /** @param {Adjustment} adjustment */
  constructor(adjustment) {
    this.#adjustment = adjustment;
    this.#table = toneTable(adjustment);
  }

  /**
   * Draw what is visible of the photograph, toned.
   *
   * @param {CanvasRenderingContext2D} context cleared, without transform
   * @param {DeviceView} view
   * @param {Picture} pyramid
   */
  draw(context, view, pyramid) {
    const left = Math.max(Math.floor(view.x), 0);
    const top = Math.max(Math.floor(view.y), 0);
    const size = { width: pyramid.width * view.scale, height: pyramid.height * view.scale };
    const width = Math.min(Math.ceil(view.x + size.width), view.width) - left;
    const height = Math.min(Math.ceil(view.y + size.height), view.height) - top;
    if (width <= 0 || height <= 0) return;
    const scratch = this.#sized(width, height);
    scratch.imageSmoothingEnabled = context.imageSmoothingEnabled;
    scratch.imageSmoothingQuality = "medium";
    const part = { scale: view.scale, x: view.x - left, y: view.y - top, width, height };
    pyramid.draw(scratch, part);
    const picture = scratch.getImageData(0, 0, width, height);
    if (this.#adjustment.local > 0) {
      const place = { x: part.x, y: part.y, ...size };
      applyLocalTones(picture.data, width, height, this.#tonesOf(pyramid), place);
    }
    applyTable(picture.data, this.#table);
    context.putImageData(picture, left, top);
  }

  #tonesOf(/** @type {Picture} */ pyramid) {
    if (this.#local?.of === pyramid) return this.#local.tones;
    const scale = Math.min(SAMPLE / Math.max(pyramid.width, pyramid.height), 1);
    const width = Math.max(1, Math.round(pyramid.width * scale));
    const height = Math.max(1, Math.round(pyramid.height * scale));
    const context = readable(width, height);
    pyramid.draw(context, { scale, x: 0, y: 0, width, height });
    const { data } = context.getImageData(0, 0, width, height);
    const tones = localTones(data, width, height, this.#adjustment.local);
    this.#local = { of: pyramid, tones };
    return tones;
  }

  /** The scratch canvas, blank and at least this large. */
  #sized(/** @type {number} */ width, /** @type {number} */ height) {
    const { canvas } = this.#scratch;
    if (canvas.width < width || canvas.height < height) {
      this.#scratch = readable(Math.max(width, canvas.width), Math.max(height, canvas.height));
    } else this.#scratch.clearRect(0, 0, width, height);
    return this.#scratch;
  }
}

/** A canvas in main memory: its pixels are read at every paint. */
function readable(/** @type {number} */ width, /** @type {number} */ height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gave no 2D canvas");
  return context;
}

/** The draft on screen; while it is painted on, only what a stroke has touched is repainted. */

import { isEmptyRect, unionRect } from "../core/bitmap.js";
import { colourLabels, deviceRect, labelBitmap } from "./overlay.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {import("./overlay.js").DeviceView} DeviceView */
/** @typedef {import("./overlay.js").Style} Style */

/**
 * @typedef {object} Shown
 * @property {Bitmap | null} bitmap null: there is none
 * @property {Rect | null} bounds image pixels that hold its foreground
 * @property {Style} style
 */

export class DraftLayer {
  #context;
  /** @type {Rect | null} device pixels that hold paint */
  #painted = null;

  /** @param {CanvasRenderingContext2D} context of a canvas that nobody else draws on */
  constructor(context) {
    this.#context = context;
  }

  /** The canvas was cleared. */
  forget() {
    this.#painted = null;
  }

  /**
   * @param {DeviceView} view of the whole canvas
   * @param {Shown} shown
   * @param {number} thickness of the outline, device pixels
   * @param {Rect | null} rect image pixels that changed; null: all
   */
  paint(view, { bitmap, bounds, style }, thickness, rect) {
    const box = bitmap && bounds && !isEmptyRect(bounds) ? deviceRect(view, bounds, thickness) : null;
    const target = rect ? deviceRect(view, rect, thickness) : union(this.#painted, box);
    if (!target || isEmptyRect(target)) return;
    const [x0, y0] = [Math.max(target.x0, 0), Math.max(target.y0, 0)];
    const [width, height] = [Math.min(target.x1, view.width) - x0, Math.min(target.y1, view.height) - y0];
    if (width <= 0 || height <= 0) return;
    // One outline more on each side, so that a partial repaint draws the same edge as a whole one.
    const pad = 2 * thickness;
    const part = {
      scale: view.scale,
      x: view.x - x0 + pad,
      y: view.y - y0 + pad,
      width: width + 2 * pad,
      height: height + 2 * pad,
    };
    const labels = new Uint16Array(part.width * part.height);
    if (bitmap && bounds) labelBitmap(labels, part, bitmap, 1, bounds);
    const picture = new ImageData(part.width, part.height);
    const pixels = new Uint32Array(picture.data.buffer);
    colourLabels(labels, part.width, part.height, new Map([[1, style]]), pixels, thickness);
    this.#context.putImageData(picture, x0 - pad, y0 - pad, pad, pad, width, height);
    this.#painted = rect ? union(this.#painted, target) : box;
  }
}

/** @param {Rect | null} a @param {Rect | null} b */
function union(a, b) {
  return a && b ? unionRect(a, b) : (a ?? b);
}

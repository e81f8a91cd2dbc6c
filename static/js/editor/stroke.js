/**
 * One brush or eraser stroke: gap-free capsules on the draft's mask, and the patch that takes them back.
 */

import { capsuleRect, fillCapsule } from "../core/bitmap.js";
import { PatchRecorder } from "../core/patch.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */

export class Stroke {
  #recorder;
  /** @type {[number, number] | null} */
  #last = null;

  /**
   * @param {Bitmap} bitmap painted in place
   * @param {0 | 1} value 1 paints, 0 erases
   */
  constructor(bitmap, value) {
    this.bitmap = bitmap;
    this.value = value;
    this.#recorder = new PatchRecorder(bitmap);
  }

  /**
   * Continue the stroke to (x, y); the first call sets a disc.
   *
   * @param {number} x image frame, pixel centres at integers
   * @param {number} y
   * @param {number} radius image pixels
   * @returns {Rect} what may have changed
   */
  to(x, y, radius) {
    const [ax, ay] = this.#last ?? [x, y];
    this.#last = [x, y];
    // One pixel more: a brush thinner than a pixel still sets the nearest one.
    this.#recorder.touch(capsuleRect(ax, ay, x, y, radius + 1));
    return fillCapsule(this.bitmap, ax, ay, x, y, radius, this.value);
  }

  /** @returns {import("../core/patch.js").Patch} */
  finish() {
    return this.#recorder.finish();
  }
}

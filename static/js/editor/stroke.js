/**
 * One edit of the draft's mask by hand, and the patch that takes it back: a brush or eraser stroke (gap-free capsules), a
 * polygon, or a clean-up that is tried out before it is kept.
 */

import { capsuleRect, fillCapsule } from "../core/bitmap.js";
import { cleanUp, cleanupRect } from "../core/cleanup.js";
import { PatchRecorder } from "../core/patch.js";
import { fillPolygon, polygonRect } from "../core/polygon.js";

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

  /**
   * Fill a closed polygon.
   *
   * @param {ReadonlyArray<readonly [number, number]>} points image frame, pixel centres at integers
   * @returns {Rect} what may have changed
   */
  polygon(points) {
    this.#recorder.touch(polygonRect(points));
    return fillPolygon(this.bitmap, points, this.value);
  }

  /**
   * Clean the mask up.
   *
   * @param {Rect} bounds  holds the mask
   * @param {import("../core/cleanup.js").CleanupName} name
   * @param {number} amount
   * @returns {Rect} what may have changed
   */
  cleanUp(bounds, name, amount) {
    const rect = cleanupRect(this.bitmap, bounds, name, amount);
    this.#recorder.touch(rect);
    cleanUp(this.bitmap, rect, name, amount);
    return rect;
  }

  /** Take everything back and begin anew. @returns {Rect} what may have changed */
  takeBack() {
    this.#last = null;
    return this.#recorder.finish().undo(this.bitmap);
  }

  /** @returns {import("../core/patch.js").Patch} */
  finish() {
    return this.#recorder.finish();
  }
}

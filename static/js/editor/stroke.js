/**
 * One edit of the draft's mask by hand, and the patch that takes it back: a brush or eraser stroke (gap-free capsules), a
 * polygon, or a clean-up that is tried out before it is kept.
 */

import { capsuleRect, EMPTY_RECT, fillCapsule, unionRect } from "../core/bitmap.js";
import { cleanUp, cleanupRect } from "../core/cleanup.js";
import { PatchRecorder } from "../core/patch.js";
import { fillPolygon, polygonRect } from "../core/polygon.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */

/** A line that tapers is drawn in pieces whose radii differ by this many pixels. */
const TAPER = 0.5;

export class Stroke {
  #recorder;
  /** x, y, radius. @type {[number, number, number] | null} */
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
   * Continue the stroke to (x, y); the first call sets a disc. Where the radius changes, the line tapers.
   *
   * @param {number} x image frame, pixel centres at integers
   * @param {number} y
   * @param {number} radius image pixels
   * @returns {Rect} what may have changed
   */
  to(x, y, radius) {
    const [ax, ay, from] = this.#last ?? [x, y, radius];
    this.#last = [x, y, radius];
    const widest = Math.max(from, radius);
    // One pixel more: a brush thinner than a pixel still sets the nearest one.
    this.#recorder.touch(capsuleRect(ax, ay, x, y, widest + 1));
    const pieces = Math.max(Math.ceil(Math.abs(radius - from) / TAPER), 1);
    /** @type {Rect} */
    let changed = EMPTY_RECT;
    let [px, py] = [ax, ay];
    for (let piece = 1; piece <= pieces; piece++) {
      const share = piece / pieces;
      const [qx, qy] = share < 1 ? [ax + (x - ax) * share, ay + (y - ay) * share] : [x, y];
      const rect = fillCapsule(this.bitmap, px, py, qx, qy, from + (radius - from) * share, this.value);
      changed = unionRect(changed, rect);
      [px, py] = [qx, qy];
    }
    return changed;
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

/**
 * The clean-ups people choose from: what each is called with, how far it reaches, and how it changes a mask. All of them work
 * inside the mask's own box, so a small object on a large photograph costs what the object measures.
 */

import { clipRect, crop, EMPTY_RECT, isEmptyRect } from "./bitmap.js";
import { fillHoles, removeSpecks } from "./components.js";
import { grow, keepLargest, shrink, smooth } from "./morphology.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */
/** @typedef {"fill_holes" | "remove_specks" | "smooth" | "grow" | "shrink" | "keep_largest"} CleanupName */

/**
 * @typedef {object} Cleanup
 * @property {"area" | "radius" | null} amount  what its number means: pixels of a part, pixels of a radius, or none
 * @property {(amount: number) => number} reach how far outside the mask it looks or paints, pixels
 * @property {(bitmap: Bitmap, amount: number) => void} run changes the bitmap in place
 */

const near = () => 1;

/** @type {Readonly<Record<CleanupName, Cleanup>>} */
export const CLEANUPS = Object.freeze({
  fill_holes: { amount: "area", reach: near, run: (bitmap, area) => fillHoles(bitmap, area + 1) },
  remove_specks: { amount: "area", reach: near, run: (bitmap, area) => removeSpecks(bitmap, area + 1) },
  smooth: { amount: "radius", reach: (radius) => radius + 1, run: smooth },
  grow: { amount: "radius", reach: (radius) => radius + 1, run: grow },
  shrink: { amount: "radius", reach: near, run: shrink },
  keep_largest: { amount: null, reach: near, run: (bitmap) => keepLargest(bitmap) },
});

/**
 * The part of the image that a clean-up may look at or change.
 *
 * @param {Bitmap} bitmap
 * @param {Rect} bounds  holds all set pixels
 * @param {CleanupName} name
 * @param {number} amount parts up to this many pixels are filled or removed; or a radius from 1
 * @returns {Rect} empty when the mask is
 */
export function cleanupRect(bitmap, bounds, name, amount) {
  if (isEmptyRect(bounds)) return EMPTY_RECT;
  const reach = CLEANUPS[name].reach(amount);
  const { x0, y0, x1, y1 } = bounds;
  return clipRect({ x0: x0 - reach, y0: y0 - reach, x1: x1 + reach, y1: y1 + reach }, bitmap);
}

/**
 * Change the mask in place.
 *
 * @param {Bitmap} bitmap
 * @param {Rect} rect  from {@link cleanupRect}
 * @param {CleanupName} name
 * @param {number} amount as there
 */
export function cleanUp(bitmap, rect, name, amount) {
  if (isEmptyRect(rect)) return;
  // The window has an unset margin wherever the image goes on, so its border means what the image's border means.
  const region = crop(bitmap, rect);
  CLEANUPS[name].run(region, amount);
  for (let y = 0; y < region.height; y++) {
    const row = region.data.subarray(y * region.width, (y + 1) * region.width);
    bitmap.data.set(row, (rect.y0 + y) * bitmap.width + rect.x0);
  }
}

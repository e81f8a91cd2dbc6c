/**
 * Whole-mask clean-ups: grow, shrink, smooth, keep the largest part, split into parts.
 *
 * Each works inside the mask's own box plus the reach of the operation, so a small object on a 50-megapixel image
 * costs what the object measures. The image border is no edge of an object: what is cut off by the frame neither
 * shrinks away from it nor is rounded there.
 */

import { boundingRect, clipRect, crop, EMPTY_RECT, isEmptyRect } from "./bitmap.js";
import { connectedComponents } from "./components.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Region} Region */
/** @typedef {import("./bitmap.js").Rect} Rect */

/**
 * Add every pixel within `radius` of a set pixel (Euclidean disc), in place.
 * @param {Bitmap} bitmap
 * @param {number} [radius] whole pixels, at least 1
 * @returns {Rect} what may have changed
 */
export function grow(bitmap, radius = 1) {
  return spread(bitmap, radius, 1);
}

/**
 * Take away every pixel within `radius` of an unset pixel (Euclidean disc), in place.
 * @param {Bitmap} bitmap
 * @param {number} [radius] whole pixels, at least 1
 * @returns {Rect} what may have changed
 */
export function shrink(bitmap, radius = 1) {
  return spread(bitmap, radius, 0);
}

/** Let the pixels of `value` spread by a disc.
 * @param {Bitmap} bitmap @param {number} radius @param {0 | 1} value @returns {Rect} */
function spread(bitmap, radius, value) {
  if (!Number.isInteger(radius) || radius < 1) {
    throw new RangeError(`radius must be a whole number from 1, got ${radius}`);
  }
  const rect = paddedRect(bitmap, radius);
  if (isEmptyRect(rect)) return EMPTY_RECT;
  const before = crop(bitmap, rect);
  for (let y = 0; y < before.height; y++) {
    const row = before.data.subarray(y * before.width, (y + 1) * before.width);
    const other = value ? 0 : 1;
    for (let x0 = row.indexOf(value); x0 >= 0; ) {
      const end = row.indexOf(other, x0);
      const x1 = end < 0 ? before.width : end;
      stampRun(bitmap, rect, y, x0, x1, radius, value);
      x0 = end < 0 ? -1 : row.indexOf(value, end);
    }
  }
  return rect;
}

/** Write one run, widened by the disc's profile, into the rows that the disc reaches.
 * @param {Bitmap} bitmap @param {Rect} rect @param {number} y row of the run inside `rect`
 * @param {number} x0 @param {number} x1 half-open, inside `rect` @param {number} radius @param {0 | 1} value */
function stampRun(bitmap, rect, y, x0, x1, radius, value) {
  for (let dy = -radius; dy <= radius; dy++) {
    const row = rect.y0 + y + dy;
    if (row < rect.y0 || row >= rect.y1) continue;
    const reach = Math.floor(Math.sqrt(radius * radius - dy * dy));
    const from = Math.max(rect.x0, rect.x0 + x0 - reach);
    const to = Math.min(rect.x1, rect.x0 + x1 + reach);
    bitmap.data.fill(value, row * bitmap.width + from, row * bitmap.width + to);
  }
}

/**
 * Round off steps and whiskers: each pixel takes the majority of the square window around it, in place.
 * Pixels outside the image repeat the border.
 * @param {Bitmap} bitmap
 * @param {number} [radius] the window is (2·radius + 1)² pixels
 * @returns {Rect} what may have changed
 */
export function smooth(bitmap, radius = 2) {
  if (!Number.isInteger(radius) || radius < 1) {
    throw new RangeError(`radius must be a whole number from 1, got ${radius}`);
  }
  const rect = paddedRect(bitmap, radius);
  if (isEmptyRect(rect)) return EMPTY_RECT;
  const sums = rowSums(bitmap, rect, radius);
  const columns = rect.x1 - rect.x0;
  const half = (2 * radius + 1) ** 2 / 2;
  const total = new Uint32Array(columns);
  for (let r = 0; r < 2 * radius; r++) addRow(total, sums, r, columns, 1);
  for (let y = rect.y0; y < rect.y1; y++) {
    const top = y - rect.y0;
    addRow(total, sums, top + 2 * radius, columns, 1);
    const out = y * bitmap.width + rect.x0;
    for (let x = 0; x < columns; x++) bitmap.data[out + x] = total[x] > half ? 1 : 0;
    addRow(total, sums, top, columns, -1);
  }
  return rect;
}

/** Horizontal window sums of the rows rect.y0 − radius … rect.y1 + radius − 1, border repeated; one row after the
 * other, rect's width each. @param {Bitmap} bitmap @param {Rect} rect @param {number} radius */
function rowSums({ width, height, data }, rect, radius) {
  const columns = rect.x1 - rect.x0;
  const rows = rect.y1 - rect.y0 + 2 * radius;
  const sums = new Uint16Array(columns * rows);
  const clampX = (/** @type {number} */ x) => Math.min(width - 1, Math.max(0, x));
  for (let r = 0; r < rows; r++) {
    const start = Math.min(height - 1, Math.max(0, rect.y0 - radius + r)) * width;
    let sum = 0;
    for (let x = rect.x0 - radius; x < rect.x0 + radius; x++) sum += data[start + clampX(x)];
    for (let x = rect.x0; x < rect.x1; x++) {
      sum += data[start + clampX(x + radius)];
      sums[r * columns + x - rect.x0] = sum;
      sum -= data[start + clampX(x - radius)];
    }
  }
  return sums;
}

/** @param {Uint32Array} total @param {Uint16Array} sums @param {number} row @param {number} columns
 * @param {1 | -1} sign */
function addRow(total, sums, row, columns, sign) {
  const start = row * columns;
  for (let x = 0; x < columns; x++) total[x] += sign * sums[start + x];
}

/**
 * Drop all parts but the largest (8-connected), in place; of equals the first in reading order stays.
 * @param {Bitmap} bitmap
 * @returns {Rect} what may have changed
 */
export function keepLargest(bitmap) {
  const { count, runs, labels, areas } = connectedComponents(bitmap, 1, 8);
  if (count < 2) return EMPTY_RECT;
  const largest = areas.indexOf(areas.reduce((most, size) => Math.max(most, size), 0));
  const rect = boundingRect(bitmap);
  for (let run = 0; run < labels.length; run++) {
    if (labels[run] === largest) continue;
    const start = runs[3 * run] * bitmap.width;
    bitmap.data.fill(0, start + runs[3 * run + 1], start + runs[3 * run + 2]);
  }
  return rect;
}

/**
 * The connected parts (8-connected) as masks of their own, in reading order; the bitmap is not changed.
 * @param {Bitmap} bitmap
 * @returns {Region[]}
 */
export function splitParts(bitmap) {
  const { count, runs, labels, rects } = connectedComponents(bitmap, 1, 8);
  /** @type {Region[]} */
  const parts = [];
  for (let part = 0; part < count; part++) {
    const { x0, y0, x1, y1 } = rects[part];
    const [width, height] = [x1 - x0, y1 - y0];
    parts.push({ x: x0, y: y0, width, height, data: new Uint8Array(width * height) });
  }
  for (let run = 0; run < labels.length; run++) {
    const part = parts[labels[run]];
    const start = (runs[3 * run] - part.y) * part.width - part.x;
    part.data.fill(1, start + runs[3 * run + 1], start + runs[3 * run + 2]);
  }
  return parts;
}

/** The mask's box and `margin` pixels more, inside the image. @param {Bitmap} bitmap @param {number} margin */
function paddedRect(bitmap, margin) {
  const { x0, y0, x1, y1 } = boundingRect(bitmap);
  if (x1 <= x0) return EMPTY_RECT;
  return clipRect({ x0: x0 - margin, y0: y0 - margin, x1: x1 + margin, y1: y1 + margin }, bitmap);
}

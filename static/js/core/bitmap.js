/**
 * Binary masks, row-major, one byte a pixel (0 or 1 and nothing else), edited in place.
 *
 * Everything works by rows or runs, never by a callback per pixel, and reports what it changed as a half-open
 * rectangle, so that a 50-megapixel mask costs what the edit costs. Pixel centres lie at integer coordinates.
 */

import { firstSet, lastSet } from "./scan.js";

/**
 * @typedef {object} Bitmap
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {Uint8Array} data height * width bytes, row-major, 0 or 1
 */

/** A bitmap that is a window of a larger image; (x, y) is its top-left pixel there.
 * @typedef {Bitmap & {x: number, y: number}} Region */

/** Half-open rectangle: x0 <= x < x1, y0 <= y < y1; empty when x1 <= x0 or y1 <= y0.
 * @typedef {{x0: number, y0: number, x1: number, y1: number}} Rect */

/** @type {Readonly<Rect>} */
export const EMPTY_RECT = Object.freeze({ x0: 0, y0: 0, x1: 0, y1: 0 });

/**
 * @param {number} width
 * @param {number} height
 * @returns {Bitmap} all zero
 */
export function createBitmap(width, height) {
  return { width, height, data: new Uint8Array(width * height) };
}

/** @param {Bitmap} bitmap @returns {Bitmap} */
export function cloneBitmap(bitmap) {
  return { width: bitmap.width, height: bitmap.height, data: bitmap.data.slice() };
}

/** @param {Bitmap} bitmap @returns {Rect} */
export function fullRect(bitmap) {
  return { x0: 0, y0: 0, x1: bitmap.width, y1: bitmap.height };
}

/** @param {Rect} rect */
export function isEmptyRect(rect) {
  return rect.x1 <= rect.x0 || rect.y1 <= rect.y0;
}

/** Smallest rectangle around both; an empty one adds nothing. @param {Rect} a @param {Rect} b @returns {Rect} */
export function unionRect(a, b) {
  if (isEmptyRect(a)) return b;
  if (isEmptyRect(b)) return a;
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

/** @param {Rect} rect @param {{width: number, height: number}} bitmap @returns {Rect} the part of `rect` that lies in the bitmap */
export function clipRect(rect, bitmap) {
  const clipped = {
    x0: Math.max(0, Math.floor(rect.x0)),
    y0: Math.max(0, Math.floor(rect.y0)),
    x1: Math.min(bitmap.width, Math.ceil(rect.x1)),
    y1: Math.min(bitmap.height, Math.ceil(rect.y1)),
  };
  return isEmptyRect(clipped) ? EMPTY_RECT : clipped;
}

/** Rectangle that a capsule may touch, not clipped.
 * @param {number} ax @param {number} ay @param {number} bx @param {number} by @param {number} radius
 * @returns {Rect} */
export function capsuleRect(ax, ay, bx, by, radius) {
  return {
    x0: Math.ceil(Math.min(ax, bx) - radius),
    y0: Math.ceil(Math.min(ay, by) - radius),
    x1: Math.floor(Math.max(ax, bx) + radius) + 1,
    y1: Math.floor(Math.max(ay, by) + radius) + 1,
  };
}

/**
 * Paint one brush movement: set every pixel whose centre is within `radius` of the segment a–b.
 * A stroke made of such capsules has no gaps however fast the pointer moved.
 * @param {Bitmap} bitmap edited in place
 * @param {number} ax @param {number} ay start, image frame
 * @param {number} bx @param {number} by end, image frame
 * @param {number} radius pixels; up to 0.5 the nearest pixel of the end is set at least
 * @param {0|1} value
 * @returns {Rect} what may have changed
 */
export function fillCapsule(bitmap, ax, ay, bx, by, radius, value) {
  const { width, height, data } = bitmap;
  const reach = Math.max(radius, 0.5);
  const rect = clipRect(capsuleRect(ax, ay, bx, by, reach), bitmap);
  const length = Math.hypot(bx - ax, by - ay);
  // Normal of the segment, `reach` long: the capsule is two discs plus the quad between a±n and b±n.
  const nx = length > 0 ? (-(by - ay) / length) * reach : 0;
  const ny = length > 0 ? ((bx - ax) / length) * reach : 0;
  const quadX = [ax + nx, bx + nx, bx - nx, ax - nx];
  const quadY = [ay + ny, by + ny, by - ny, ay - ny];
  for (let y = rect.y0; y < rect.y1; y++) {
    // The capsule is convex, so each row is one span: the hull of the discs' spans and the quad's.
    let low = Infinity;
    let high = -Infinity;
    const da = reach * reach - (y - ay) * (y - ay);
    if (da >= 0) {
      const half = Math.sqrt(da);
      low = ax - half;
      high = ax + half;
    }
    const db = reach * reach - (y - by) * (y - by);
    if (db >= 0) {
      const half = Math.sqrt(db);
      low = Math.min(low, bx - half);
      high = Math.max(high, bx + half);
    }
    for (let i = 0; length > 0 && i < 4; i++) {
      const j = (i + 1) & 3;
      const y0 = quadY[i];
      const y1 = quadY[j];
      if (y0 === y1 || y < Math.min(y0, y1) || y > Math.max(y0, y1)) continue;
      const x = quadX[i] + ((y - y0) / (y1 - y0)) * (quadX[j] - quadX[i]);
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    const from = Math.max(0, Math.ceil(low));
    const to = Math.min(width - 1, Math.floor(high));
    if (to >= from) data.fill(value, y * width + from, y * width + to + 1);
  }
  if (radius <= 0.5) {
    const x = Math.round(bx);
    const y = Math.round(by);
    if (x >= 0 && y >= 0 && x < width && y < height) data[y * width + x] = value;
  }
  return rect;
}

/** Number of set pixels. @param {Bitmap} bitmap @param {Rect} [rect] @returns {number} */
export function area(bitmap, rect = fullRect(bitmap)) {
  const { width, data } = bitmap;
  let total = 0;
  for (let y = rect.y0; y < rect.y1; y++) {
    const end = y * width + rect.x1;
    for (let i = y * width + rect.x0; i < end; i++) total += data[i];
  }
  return total;
}

/**
 * Smallest rectangle around the set pixels.
 * @param {Bitmap} bitmap
 * @param {Rect} [within] inside the bitmap; holds all set pixels
 * @returns {Rect} empty when nothing is set
 */
export function boundingRect(bitmap, within = fullRect(bitmap)) {
  const { width, data } = bitmap;
  let [y0, y1] = [within.y0, within.y1];
  while (y0 < y1 && firstSet(data, y0 * width + within.x0, y0 * width + within.x1) < 0) y0++;
  while (y1 > y0 && firstSet(data, (y1 - 1) * width + within.x0, (y1 - 1) * width + within.x1) < 0) y1--;
  if (y0 === y1) return EMPTY_RECT;
  let [x0, x1] = [within.x1, within.x0];
  for (let y = y0; y < y1; y++) {
    const start = y * width;
    // Only the parts that could widen the box need a look.
    const left = firstSet(data, start + within.x0, start + x0);
    if (left >= 0) x0 = left - start;
    const right = lastSet(data, start + x1, start + within.x1);
    if (right >= 0) x1 = right - start + 1;
  }
  return { x0, y0, x1, y1 };
}

/** COCO bounding box. @param {Bitmap} bitmap @returns {[number, number, number, number]} [x, y, width, height] */
export function bbox(bitmap) {
  const rect = boundingRect(bitmap);
  return [rect.x0, rect.y0, rect.x1 - rect.x0, rect.y1 - rect.y0];
}

/** @param {Bitmap} bitmap @param {Rect} [within] inside the bitmap; holds all set pixels */
export function isBlank({ width, data }, within) {
  if (!within) return firstSet(data, 0, data.length) < 0;
  for (let y = within.y0; y < within.y1; y++) {
    if (firstSet(data, y * width + within.x0, y * width + within.x1) >= 0) return false;
  }
  return true;
}

/** @param {Bitmap} a @param {Bitmap} b */
export function equals(a, b) {
  if (a.width !== b.width || a.height !== b.height) return false;
  const left = a.data;
  const right = b.data;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/**
 * Cut the bitmap to the box of its set pixels.
 * @param {Bitmap} bitmap
 * @param {Rect} [rect] window to keep; the set pixels' box when absent
 * @returns {Region}
 */
export function crop(bitmap, rect = boundingRect(bitmap)) {
  const { x0, y0, x1, y1 } = rect;
  const data = new Uint8Array((x1 - x0) * (y1 - y0));
  for (let y = y0; y < y1; y++) {
    const start = y * bitmap.width;
    data.set(bitmap.data.subarray(start + x0, start + x1), (y - y0) * (x1 - x0));
  }
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0, data };
}

/**
 * Combine another bitmap or region into `target`, in place.
 * @param {Bitmap} target edited in place
 * @param {Bitmap | Region} source placed at its (x, y), or at the origin
 * @param {"union" | "subtract"} operation
 * @returns {Rect} what may have changed
 */
export function combine(target, source, operation) {
  const offsetX = "x" in source ? source.x : 0;
  const offsetY = "y" in source ? source.y : 0;
  const rect = clipRect(
    { x0: offsetX, y0: offsetY, x1: offsetX + source.width, y1: offsetY + source.height },
    target,
  );
  const remove = operation === "subtract";
  for (let y = rect.y0; y < rect.y1; y++) {
    let from = (y - offsetY) * source.width + rect.x0 - offsetX;
    const end = y * target.width + rect.x1;
    for (let i = y * target.width + rect.x0; i < end; i++, from++) {
      if (source.data[from]) target.data[i] = remove ? 0 : 1;
    }
  }
  return rect;
}

/** Set pixels of both. @param {Bitmap} target @param {Bitmap | Region} source @returns {Rect} changed */
export function union(target, source) {
  return combine(target, source, "union");
}

/** Set pixels of `target` that are not in `source`. @param {Bitmap} target @param {Bitmap | Region} source
 * @returns {Rect} changed */
export function subtract(target, source) {
  return combine(target, source, "subtract");
}

/**
 * Intersection over union. Two empty masks agree: 1.
 * @param {Bitmap} a
 * @param {Bitmap} b same size
 */
export function iou(a, b) {
  if (a.width !== b.width || a.height !== b.height) throw new RangeError("iou needs masks of one size");
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.data.length; i++) {
    both += a.data[i] & b.data[i];
    either += a.data[i] | b.data[i];
  }
  return either === 0 ? 1 : both / either;
}

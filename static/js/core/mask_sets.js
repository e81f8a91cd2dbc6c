/**
 * Union, difference, overlap and moves of whole masks without a bitmap: COCO's runs are sorted intervals of one line of pixels, so
 * two masks are combined in one walk over their runs, on a 50-megapixel photograph as on a thumbnail.
 */

import { bitmapToLengths, lengthsToString, stringToLengths } from "./rle.js";

/** @typedef {import("./bitmap.js").Region} Region */
/** @typedef {"union" | "subtract" | "intersect"} SetOperation */

/** @type {Record<SetOperation, (a: number, b: number) => number>} */
const OPERATIONS = {
  union: (a, b) => a | b,
  subtract: (a, b) => a & (b ^ 1),
  intersect: (a, b) => a & b,
};

/**
 * @param {string} a COCO compressed counts
 * @param {string} b counts of a mask of the same size
 * @param {SetOperation} operation
 * @returns {string} counts as an encoder would write them
 */
export function combineCounts(a, b, operation) {
  return lengthsToString(combineLengths(stringToLengths(a), stringToLengths(b), OPERATIONS[operation]));
}

/**
 * @param {ArrayLike<number>} a run lengths, background first
 * @param {ArrayLike<number>} b
 * @param {(a: number, b: number) => number} rule pixel by pixel, 0 or 1; 0 of two zeros
 */
function combineLengths(a, b, rule) {
  /** @type {number[]} */
  const out = [];
  let [i, j] = [0, 0];
  let [restA, restB] = [a[0] ?? 0, b[0] ?? 0];
  let value = 0;
  let run = 0;
  while (i < a.length && j < b.length) {
    const step = Math.min(restA, restB);
    const next = rule(i & 1, j & 1);
    if (step && next !== value) {
      out.push(run);
      [value, run] = [next, 0];
    }
    run += step;
    restA -= step;
    restB -= step;
    if (!restA) restA = a[++i] ?? 0;
    if (!restB) restB = b[++j] ?? 0;
  }
  out.push(run);
  return out;
}

/** Set pixels. @param {string} counts */
export function countsArea(counts) {
  const lengths = stringToLengths(counts);
  let total = 0;
  for (let i = 1; i < lengths.length; i += 2) total += lengths[i];
  return total;
}

/** Whether the masks share a pixel. @param {string} a @param {string} b counts of a mask of the same size */
export function countsTouch(a, b) {
  return countsArea(combineCounts(a, b, "intersect")) > 0;
}

/** Intersection over union; 0 when both are empty. @param {string} a @param {string} b counts of a mask of the same size */
export function countsIou(a, b) {
  const both = countsArea(combineCounts(a, b, "intersect"));
  const either = countsArea(a) + countsArea(b) - both;
  return either ? both / either : 0;
}

/** @typedef {{width: number, height: number}} Extent pixels of an image */

/**
 * A mask moved, or taken to an image of another size.
 *
 * @param {string} counts
 * @param {Extent} from  the image of `counts`
 * @param {readonly [number, number]} by  pixels to the right and down
 * @param {Extent} to  the image of the answer
 * @returns {string} counts; what lies outside that image is cut off
 */
export function placeCounts(counts, from, by, to) {
  return placeLengths(stringToLengths(counts), from, by, to);
}

/**
 * A mask of its own for a window of an image.
 *
 * @param {Region} region
 * @param {number} width  of the image
 * @param {number} height
 * @returns {string} counts; what lies outside the image is cut off
 */
export function regionCounts(region, width, height) {
  const lengths = bitmapToLengths(region.data, region.width, region.height);
  return placeLengths(lengths, region, [region.x, region.y], { width, height });
}

/**
 * @param {ArrayLike<number>} lengths background first, column-major
 * @param {Extent} from
 * @param {readonly [number, number]} by
 * @param {Extent} to
 */
function placeLengths(lengths, from, [dx, dy], { width, height }) {
  /** @type {number[]} */
  const out = [];
  let painted = 0;
  const paint = (/** @type {number} */ start, /** @type {number} */ end) => {
    if (out.length && start === painted) out[out.length - 1] += end - start;
    else out.push(start - painted, end - start);
    painted = end;
  };
  let position = 0;
  for (let index = 0; index < lengths.length; index++) {
    const end = position + lengths[index];
    while (index & 1 && position < end) {
      const column = Math.floor(position / from.height);
      const above = column * from.height - dy;
      const bottom = Math.min(end, (column + 1) * from.height);
      const [x, y0, y1] = [column + dx, Math.max(position - above, 0), Math.min(bottom - above, height)];
      if (x >= 0 && x < width && y1 > y0) paint(x * height + y0, x * height + y1);
      position = bottom;
    }
    position = end;
  }
  if (painted < width * height || !out.length) out.push(width * height - painted);
  return lengthsToString(out);
}

/**
 * Low-resolution mask logits, as the decoder gives and takes them, and a painted mask turned into a prompt. A mask prompt alone
 * says little to the decoder (it was trained with masks that accompany points), so a point in its middle goes along.
 */

import { addPoint, NO_PROMPTS } from "./prompts.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */
/** @typedef {import("./geometry.js").Frame} Frame */
/** @typedef {import("./prompts.js").Prompts} Prompts */

/** Logit of a cell that is covered wholly, and minus that of an empty one: about what the decoder itself gives. */
const CERTAIN = 4;
/** Samples along each side of a cell. */
const SAMPLES = 4;
/** What was erased must be this many cells deep to count as "not this". */
const ERASED_DEPTH = 2;

/**
 * The masks by size, smallest first; equals keep their order. The order at low resolution is that of the masks themselves:
 * all lie in one frame, and its padding is background.
 *
 * @param {readonly ArrayLike<number>[]} logits one mask each
 * @returns {number[]} indexes
 */
export function bySize(logits) {
  const areas = logits.map((mask) => {
    let area = 0;
    for (let i = 0; i < mask.length; i++) if (mask[i] > 0) area++;
    return area;
  });
  return areas.map((_, index) => index).sort((a, b) => areas[a] - areas[b]);
}

/**
 * A mask as the decoder takes it.
 *
 * @param {Bitmap} bitmap image frame
 * @param {Rect} bounds holds the mask
 * @param {Frame} frame
 * @returns {Float32Array} logits over the mask grid, row-major
 */
export function maskLogits(bitmap, bounds, frame) {
  const [rows, columns] = frame.maskSize;
  const logits = new Float32Array(rows * columns).fill(-CERTAIN);
  const [stepY, stepX] = cellSize(frame);
  const [top, bottom] = [Math.floor(bounds.y0 / stepY), Math.min(Math.ceil(bounds.y1 / stepY), rows)];
  const [left, right] = [Math.floor(bounds.x0 / stepX), Math.min(Math.ceil(bounds.x1 / stepX), columns)];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const share = coverage(bitmap, column * stepX, row * stepY, stepX, stepY);
      logits[row * columns + column] = (2 * share - 1) * CERTAIN;
    }
  }
  return logits;
}

/** Image pixels a cell of the mask grid: along y, along x. @returns {[number, number]} */
function cellSize(/** @type {Frame} */ { imageSize, maskSize, original, input }) {
  return [
    ((imageSize / maskSize[0]) * original[0]) / input[0],
    ((imageSize / maskSize[1]) * original[1]) / input[1],
  ];
}

/** How much of a cell is mask, 0 … 1. @param {Bitmap} bitmap @param {number} x left edge @param {number} y top edge
 * @param {number} width @param {number} height */
function coverage({ data, width: columns, height: rows }, x, y, width, height) {
  let hits = 0;
  for (let j = 0; j < SAMPLES; j++) {
    const row = Math.floor(y + ((j + 0.5) / SAMPLES) * height);
    if (row >= rows) break;
    for (let i = 0; i < SAMPLES; i++) {
      const column = Math.floor(x + ((i + 0.5) / SAMPLES) * width);
      if (column < columns) hits += data[row * columns + column];
    }
  }
  return hits / SAMPLES ** 2;
}

/**
 * The pixel of the mask that is farthest from its edge.
 *
 * @param {Float32Array} logits of the mask
 * @param {Bitmap} bitmap the mask itself
 * @param {Frame} frame
 * @returns {{x: number, y: number, depth: number} | null} depth in cells; null when the mask is blank
 */
export function deepestPoint(logits, bitmap, frame) {
  const [rows, columns] = frame.maskSize;
  const depths = distances(logits, rows, columns);
  const [stepY, stepX] = cellSize(frame);
  const depth = Math.max(...rowMaxima(depths, columns));
  if (depth > 0) {
    const cell = centralCell(depths, depth, columns);
    const x = Math.min(Math.floor(((cell % columns) + 0.5) * stepX), bitmap.width - 1);
    const y = Math.min(Math.floor((Math.floor(cell / columns) + 0.5) * stepY), bitmap.height - 1);
    if (bitmap.data[y * bitmap.width + x]) return { x, y, depth };
  }
  // Thinner than a cell: any of its pixels is as deep as it gets.
  const at = bitmap.data.indexOf(1);
  return at < 0 ? null : { x: at % bitmap.width, y: Math.floor(at / bitmap.width), depth: 0 };
}

/** A stroke is equally deep all along: of the deepest cells, the one in their middle. */
function centralCell(
  /** @type {Uint16Array} */ depths,
  /** @type {number} */ depth,
  /** @type {number} */ columns,
) {
  const deepest = [...depths.keys()].filter((cell) => depths[cell] === depth);
  const [row, column] = [0, 0].map((_, axis) => {
    const places = deepest.map((cell) => (axis ? cell % columns : Math.floor(cell / columns)));
    return places.reduce((sum, place) => sum + place, 0) / places.length;
  });
  const away = (/** @type {number} */ cell) =>
    Math.hypot((cell % columns) - column, Math.floor(cell / columns) - row);
  return deepest.reduce((best, cell) => (away(cell) < away(best) ? cell : best));
}

function rowMaxima(/** @type {Uint16Array} */ values, /** @type {number} */ columns) {
  return Array.from({ length: values.length / columns }, (_, row) =>
    values.subarray(row * columns, (row + 1) * columns).reduce((most, value) => Math.max(most, value), 0),
  );
}

/** Steps (along x or y) to the nearest cell outside of the mask; outside of the grid counts as outside. */
function distances(
  /** @type {Float32Array} */ logits,
  /** @type {number} */ rows,
  /** @type {number} */ columns,
) {
  const far = new Uint16Array(rows * columns);
  for (let at = 0; at < far.length; at++) {
    if (logits[at] <= 0) continue;
    const above = at >= columns ? far[at - columns] : 0;
    const before = at % columns ? far[at - 1] : 0;
    far[at] = Math.min(above, before) + 1;
  }
  for (let at = far.length - 1; at >= 0; at--) {
    const below = at + columns < far.length ? far[at + columns] : 0;
    const after = (at + 1) % columns ? far[at + 1] : 0;
    far[at] = Math.min(far[at], below + 1, after + 1);
  }
  return far;
}

/**
 * What to ask the model so that it draws a painted mask crisply: the points that agree with the paint, a point in its middle
 * when none includes it, and one in the middle of what was erased. Boxes are left out: they may cut what was painted.
 *
 * @param {Prompts} prompts of the object so far
 * @param {{bitmap: Bitmap, bounds: Rect}} painted not blank
 * @param {{bitmap: Bitmap, bounds: Rect} | null} erased from the model's mask
 * @param {Frame} frame
 * @returns {{prompts: Prompts, maskInput: Float32Array}}
 */
export function promptsOfMask(prompts, painted, erased, frame) {
  const maskInput = maskLogits(painted.bitmap, painted.bounds, frame);
  let result = NO_PROMPTS;
  prompts.points.forEach(([x, y], index) => {
    const inside = painted.bitmap.data[y * painted.bitmap.width + x];
    if (inside === prompts.labels[index]) result = addPoint(result, x, y, prompts.labels[index]);
  });
  if (!result.labels.includes(1)) {
    const middle = deepestPoint(maskInput, painted.bitmap, frame);
    if (middle) result = addPoint(result, middle.x, middle.y, 1);
  }
  if (erased && !result.labels.includes(0)) {
    const hole = deepestPoint(maskLogits(erased.bitmap, erased.bounds, frame), erased.bitmap, frame);
    if (hole && hole.depth >= ERASED_DEPTH) result = addPoint(result, hole.x, hole.y, 0);
  }
  return { prompts: result, maskInput };
}

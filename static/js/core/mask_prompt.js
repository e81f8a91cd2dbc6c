/**
 * Low-resolution mask logits, as the decoder gives and takes them; masks and lines drawn by hand turned into prompts. A mask
 * prompt alone says little to the decoder (it was trained with masks that accompany points), so points inside go along.
 */

import { boundingRect, createBitmap, isEmptyRect } from "./bitmap.js";
import { fillPolygon } from "./polygon.js";
import { addBox, addPoint, NO_PROMPTS } from "./prompts.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */
/** @typedef {import("./geometry.js").Frame} Frame */
/** @typedef {import("./prompts.js").Prompts} Prompts */
/** @typedef {{x: number, y: number, depth: number}} Deep a pixel, and how many cells it is from the mask's edge */
/** @typedef {{bitmap: Bitmap, bounds: Rect}} Painted a mask and what holds it */

/** Logit of a cell that is covered wholly, and minus that of an empty one: about what the decoder itself gives. */
const CERTAIN = 4;
/** Samples along each side of a cell. */
const SAMPLES = 4;
/** What was added or erased must be this many cells deep to be told to the model as a point. */
const MEANT_DEPTH = 2;
/** Points in a mask: at most so many, apart by this share of the grid, and at least this share as deep as the deepest. */
const [SEVERAL, APART, DEEP] = [3, 0.1, 0.7];

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
  const [x, y] = frame.origin ?? [0, 0];
  const [top, bottom] = cells(bounds.y0 - y, bounds.y1 - y, stepY, rows);
  const [left, right] = cells(bounds.x0 - x, bounds.x1 - x, stepX, columns);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const share = coverage(bitmap, x + column * stepX, y + row * stepY, stepX, stepY);
      logits[row * columns + column] = (2 * share - 1) * CERTAIN;
    }
  }
  return logits;
}

/** The cells that pixels [from, to) touch, first included, end excluded. @param {number} from @param {number} to
 * @param {number} step @param {number} count */
function cells(from, to, step, count) {
  return [Math.max(Math.floor(from / step), 0), Math.min(Math.ceil(to / step), count)];
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
 * Pixels deep inside the mask, spread over it: the one farthest from the edge, then those farthest from the ones before.
 *
 * @param {Float32Array} logits of the mask
 * @param {Bitmap} bitmap the mask itself
 * @param {Frame} frame
 * @param {number} most  no more than these
 * @returns {Deep[]} none when the mask is blank
 */
export function deepestPoints(logits, bitmap, frame, most) {
  const [rows, columns] = frame.maskSize;
  const depths = distances(logits, rows, columns);
  const deepest = depths.reduce((top, value) => Math.max(top, value), 0);
  const [stepY, stepX] = cellSize(frame);
  const [left, top] = frame.origin ?? [0, 0];
  const deep = [...depths.keys()].filter((cell) => depths[cell] && depths[cell] >= deepest * DEEP);
  /** @type {Deep[]} */
  const found = [];
  /** @type {number | null} */
  let cell = deep.length ? centralCell(depths, deepest, columns) : null;
  /** @type {number[]} */
  const taken = [];
  while (cell !== null && taken.length < most) {
    taken.push(cell);
    const x = Math.min(Math.floor(left + ((cell % columns) + 0.5) * stepX), bitmap.width - 1);
    const y = Math.min(Math.floor(top + (Math.floor(cell / columns) + 0.5) * stepY), bitmap.height - 1);
    if (bitmap.data[y * bitmap.width + x]) found.push({ x, y, depth: depths[cell] });
    cell = farthestCell(deep, taken, columns);
  }
  if (found.length) return found;
  // Thinner than a cell: any of its pixels is as deep as it gets.
  const at = bitmap.data.indexOf(1);
  return at < 0 ? [] : [{ x: at % bitmap.width, y: Math.floor(at / bitmap.width), depth: 0 }];
}

/** The cell that is farthest from all that are taken; null when every one is near. */
function farthestCell(
  /** @type {number[]} */ cells,
  /** @type {number[]} */ taken,
  /** @type {number} */ columns,
) {
  let farthest = APART * columns;
  let found = null;
  for (const cell of cells) {
    const away = (/** @type {number} */ other) =>
      Math.hypot(
        (cell % columns) - (other % columns),
        Math.floor(cell / columns) - Math.floor(other / columns),
      );
    const nearest = Math.min(...taken.map(away));
    if (nearest <= farthest) continue;
    farthest = nearest;
    found = cell;
  }
  return found;
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
 * What to ask the model so that it draws a painted mask crisply: the points that agree with the paint, points in the middle of
 * what was added to the model's mask (of all paint, when no point includes it), and of what was erased from it. Boxes are left
 * out: they may cut what was painted.
 *
 * @param {Prompts} prompts of the object so far
 * @param {Painted} painted not blank
 * @param {{added: Painted, erased: Painted} | null} strokes what was changed by hand, where the model had drawn a mask
 * @param {Frame} frame
 * @returns {{prompts: Prompts, maskInput: Float32Array}}
 */
export function promptsOfMask(prompts, painted, strokes, frame) {
  const maskInput = maskLogits(painted.bitmap, painted.bounds, frame);
  let result = NO_PROMPTS;
  prompts.points.forEach(([x, y], index) => {
    const inside = painted.bitmap.data[y * painted.bitmap.width + x];
    if (inside === prompts.labels[index]) result = addPoint(result, x, y, prompts.labels[index]);
  });
  if (!result.labels.includes(1)) {
    for (const { x, y } of deepestPoints(maskInput, painted.bitmap, frame, SEVERAL)) {
      result = addPoint(result, x, y, 1);
    }
  }
  if (!strokes) return { prompts: result, maskInput };
  for (const [{ bitmap, bounds }, label] of /** @type {const} */ ([
    [strokes.added, 1],
    [strokes.erased, 0],
  ])) {
    const said = result.points.some(
      ([x, y], at) => result.labels[at] === label && bitmap.data[y * bitmap.width + x],
    );
    if (said) continue;
    for (const { x, y, depth } of deepestPoints(maskLogits(bitmap, bounds, frame), bitmap, frame, SEVERAL)) {
      if (depth >= MEANT_DEPTH) result = addPoint(result, x, y, label);
    }
  }
  return { prompts: result, maskInput };
}

/**
 * Some points of a line drawn by hand, at equal distances and away from its ends.
 *
 * @param {ReadonlyArray<readonly [number, number]>} path image frame
 * @param {number} count
 * @param {{width: number, height: number}} image
 * @returns {[number, number][]} whole pixels of the image, each once
 */
export function pointsAlong(path, count, image) {
  const along = [0];
  for (let i = 1; i < path.length; i++) {
    along.push(along[i - 1] + Math.hypot(path[i][0] - path[i - 1][0], path[i][1] - path[i - 1][1]));
  }
  /** @type {Map<string, [number, number]>} */
  const points = new Map();
  for (let i = 0; i < count; i++) {
    const wanted = (along[along.length - 1] * (i + 0.5)) / count;
    const next = Math.max(
      along.findIndex((length) => length >= wanted),
      1,
    );
    const [from, to] = [path[next - 1], path[next] ?? path[next - 1]];
    const share = (wanted - along[next - 1]) / (along[next] - along[next - 1] || 1);
    const point = clampedPixel(
      [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share],
      image,
    );
    points.set(point.join(), point);
  }
  return [...points.values()];
}

/** The nearest pixel of the image. @param {readonly [number, number]} point @param {{width: number, height: number}} image
 * @returns {[number, number]} */
function clampedPixel([x, y], { width, height }) {
  return [Math.min(Math.max(Math.round(x), 0), width - 1), Math.min(Math.max(Math.round(y), 0), height - 1)];
}

/**
 * What to ask the model for the object that a line goes around: its box, a point in its middle, and the inside as a mask.
 *
 * @param {Prompts} prompts so far
 * @param {ReadonlyArray<readonly [number, number]>} outline image frame, closed
 * @param {{width: number, height: number}} image
 * @param {Frame} frame
 * @returns {{prompts: Prompts, maskInput: Float32Array} | null} null: it holds no pixel of the image
 */
export function promptsOfLasso(prompts, outline, image, frame) {
  const bitmap = createBitmap(image.width, image.height);
  const bounds = boundingRect(bitmap, fillPolygon(bitmap, outline, 1));
  if (isEmptyRect(bounds)) return null;
  const maskInput = maskLogits(bitmap, bounds, frame);
  const [middle] = deepestPoints(maskInput, bitmap, frame, 1);
  const boxed = addBox(prompts, bounds.x0, bounds.y0, bounds.x1 - 1, bounds.y1 - 1);
  return { prompts: addPoint(boxed, middle.x, middle.y, 1), maskInput };
}

/**
 * Points inside what a line goes around.
 *
 * @param {ReadonlyArray<readonly [number, number]>} outline image frame, closed
 * @param {{width: number, height: number}} image
 * @param {Frame} frame
 * @returns {[number, number][]} whole pixels
 */
export function pointsInside(outline, image, frame) {
  const bitmap = createBitmap(image.width, image.height);
  const bounds = boundingRect(bitmap, fillPolygon(bitmap, outline, 1));
  return deepestPoints(maskLogits(bitmap, bounds, frame), bitmap, frame, SEVERAL).map(({ x, y }) => [x, y]);
}

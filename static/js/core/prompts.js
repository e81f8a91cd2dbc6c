/**
 * The prompts of one mask as a frozen value in the form in which the API stores them, and the one JavaScript copy of the
 * packing rule for the decoder (its twin is annotator/sam/transforms.py).
 */

import { sameCrop } from "./crop.js";
import { toModelSpace } from "./geometry.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./geometry.js").Frame} Frame */

/**
 * @typedef {object} Prompts image frame, pixel centres at integers
 * @property {ReadonlyArray<readonly [number, number]>} points [x, y]
 * @property {ReadonlyArray<0 | 1>} labels one a point: 1 include, 0 exclude
 * @property {ReadonlyArray<readonly [number, number, number, number]>} boxes [x0, y0, x1, y1], x0 <= x1, y0 <= y1
 * @property {Crop | null} [crop] the part of the image whose closer look answers them; absent or null: the whole image does
 */

/** Labels that the decoder knows besides 0 and 1. */
const BOX_TOP_LEFT = 2;
const BOX_BOTTOM_RIGHT = 3;
const PADDING = -1;

/** Mask 0 answers prompts that are clear, 1 … 3 are the readings of an ambiguous one. */
const SINGLE_MASK = 0;

/** @param {Prompts} prompts @returns {Prompts} a frozen copy */
function freeze({ points, labels, boxes, crop = null }) {
  return Object.freeze({
    ...(crop && { crop: Object.freeze(/** @type {Crop} */ ([...crop])) }),
    points: Object.freeze(points.map((point) => Object.freeze(/** @type {[number, number]} */ ([...point])))),
    labels: Object.freeze([...labels]),
    boxes: Object.freeze(
      boxes.map((box) => Object.freeze(/** @type {[number, number, number, number]} */ ([...box]))),
    ),
  });
}

/** @type {Prompts} */
export const NO_PROMPTS = freeze({ points: [], labels: [], boxes: [] });

/**
 * Prompts from the API's form.
 * @param {{points?: number[][], labels?: number[], boxes?: number[][], crop_box?: number[] | null} | null | undefined} json
 * @returns {Prompts}
 * @throws {RangeError} when points and labels do not pair up
 */
export function promptsFromJson(json) {
  const points = json?.points ?? [];
  const labels = json?.labels ?? [];
  if (points.length !== labels.length) {
    throw new RangeError(`prompts have ${points.length} points and ${labels.length} labels`);
  }
  const value = /** @type {unknown} */ ({ points, labels, boxes: json?.boxes ?? [], crop: json?.crop_box });
  return freeze(/** @type {Prompts} */ (value));
}

/** @param {Prompts} prompts */
export function isEmpty(prompts) {
  return prompts.points.length === 0 && prompts.boxes.length === 0;
}

/** @param {Prompts} a @param {Prompts} b */
export function samePrompts(a, b) {
  if (a === b) return true;
  const same =
    JSON.stringify([a.points, a.labels, a.boxes]) === JSON.stringify([b.points, b.labels, b.boxes]);
  return same && sameCrop(a.crop, b.crop);
}

/** The same prompts, to be answered by a closer look or, without one, by the whole image.
 * @param {Prompts} prompts @param {Crop | null} crop @returns {Prompts} */
export function withCrop(prompts, crop) {
  return sameCrop(prompts.crop, crop) ? prompts : freeze({ ...prompts, crop });
}

/** @param {Prompts} prompts @param {number} x @param {number} y @param {0 | 1} label @returns {Prompts} */
export function addPoint(prompts, x, y, label) {
  return freeze({
    ...prompts,
    points: [...prompts.points, [x, y]],
    labels: [...prompts.labels, label],
  });
}

/** @param {Prompts} prompts @param {number} index @param {number} x @param {number} y @returns {Prompts} */
export function movePoint(prompts, index, x, y) {
  return freeze({ ...prompts, points: prompts.points.map((point, i) => (i === index ? [x, y] : point)) });
}

/** @param {Prompts} prompts @param {number} index @param {0 | 1} label @returns {Prompts} */
export function labelPoint(prompts, index, label) {
  return freeze({ ...prompts, labels: prompts.labels.map((old, i) => (i === index ? label : old)) });
}

/** @param {Prompts} prompts @param {number} index @returns {Prompts} */
export function removePoint(prompts, index) {
  return freeze({
    ...prompts,
    points: prompts.points.filter((_, i) => i !== index),
    labels: prompts.labels.filter((_, i) => i !== index),
  });
}

/** Two opposite corners in any order. @param {number} ax @param {number} ay @param {number} bx @param {number} by
 * @returns {[number, number, number, number]} */
function orderedBox(ax, ay, bx, by) {
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

/** @param {Prompts} prompts @param {number} ax @param {number} ay one corner
 * @param {number} bx @param {number} by the opposite corner @returns {Prompts} */
export function addBox(prompts, ax, ay, bx, by) {
  return freeze({ ...prompts, boxes: [...prompts.boxes, orderedBox(ax, ay, bx, by)] });
}

/** @param {Prompts} prompts @param {number} index @param {number} ax @param {number} ay @param {number} bx
 * @param {number} by @returns {Prompts} */
export function moveBox(prompts, index, ax, ay, bx, by) {
  return freeze({
    ...prompts,
    boxes: prompts.boxes.map((box, i) => (i === index ? orderedBox(ax, ay, bx, by) : box)),
  });
}

/** @param {Prompts} prompts @param {number} index @returns {Prompts} */
export function removeBox(prompts, index) {
  return freeze({ ...prompts, boxes: prompts.boxes.filter((_, i) => i !== index) });
}

/**
 * One point and nothing else can mean the whole, a part or a subpart.
 * @param {Prompts} prompts
 * @param {boolean} hasMaskInput an earlier mask goes along
 */
export function isAmbiguous(prompts, hasMaskInput) {
  return prompts.points.length === 1 && prompts.boxes.length === 0 && !hasMaskInput;
}

/**
 * The decoder's masks in the order in which they are offered; the first one is shown.
 * @param {boolean} ambiguous the prompts, see isAmbiguous
 * @param {ArrayLike<number>} iou predicted or expected IoU of masks 0 … n
 * @param {boolean} rankSingleMask the model's mask 0 answers ambiguous prompts, too, where it is the best of all
 * @returns {number[]} mask indexes
 */
export function rankCandidates(ambiguous, iou, rankSingleMask) {
  const others = Array.from({ length: iou.length - 1 }, (_, i) => i + 1);
  others.sort((a, b) => iou[b] - iou[a]);
  if (!ambiguous) return [SINGLE_MASK, ...others];
  // Second or third it would be one of the others once more: the mean of what they tell apart.
  const single = rankSingleMask && iou[SINGLE_MASK] > iou[others[0]];
  return single ? [SINGLE_MASK, ...others.slice(0, -1)] : others;
}

/** Difference of predicted IoU that makes one mask e times as likely to be meant (annotator/sam/mask_decoder.py). */
const GUESS = 0.3;

/**
 * What IoU each mask would have if one of them were the wanted one, guessed by predicted IoU: the mask that shares most
 * with the likely ones loses least if the guess is wrong.
 * @param {ArrayLike<number>} iou predicted IoU of masks 0 … n
 * @param {readonly ArrayLike<number>[]} logits of each, equally many
 * @param {number} threshold of what belongs to a mask
 * @returns {number[]}
 */
export function expectedIou(iou, logits, threshold) {
  const masks = logits.map((_, mask) => mask);
  // Pixels by which masks they are inside of, a bit each.
  const pixels = new Uint32Array(1 << masks.length);
  for (let i = 0; i < logits[0].length; i++) {
    let inside = 0;
    for (let mask = 0; mask < logits.length; mask++) if (logits[mask][i] > threshold) inside |= 1 << mask;
    pixels[inside]++;
  }
  const count = (/** @type {(inside: number) => unknown} */ holds) =>
    pixels.reduce((sum, number, inside) => (holds(inside) ? sum + number : sum), 0);
  const best = Math.max(...Array.from(iou));
  const likely = Array.from(iou, (value) => Math.exp((value - best) / GUESS));
  const all = likely.reduce((sum, value) => sum + value, 0);
  return masks.map((one) =>
    masks.reduce((sum, other) => {
      const bits = [1 << one, 1 << other];
      const both = count((inside) => bits.every((bit) => inside & bit));
      const either = count((inside) => bits.some((bit) => inside & bit));
      return sum + (likely[other] / all) * (both / Math.max(either, 1));
    }, 0),
  );
}

/**
 * Masks without a single pixel go behind the others: an answer that shows nothing helps nobody.
 * @param {readonly number[]} ranked mask indexes
 * @param {ReadonlyMap<number, Float32Array>} logits of each
 * @param {number} threshold of what belongs to a mask
 * @returns {number[]}
 */
export function emptyLast(ranked, logits, threshold) {
  const isEmpty = (/** @type {number} */ mask) => !logits.get(mask)?.some((value) => value > threshold);
  const empty = new Set(ranked.filter(isEmpty));
  return [...ranked.filter((mask) => !empty.has(mask)), ...empty];
}

/**
 * Prompts as the decoder's input: points in order, then two corner tokens a box; one padding point when there is no box.
 * @param {Pick<Prompts, "points" | "labels" | "boxes">} prompts in pixels of what the frame holds
 * @param {Frame} frame
 * @returns {{coords: Float32Array, labels: Float32Array, count: number}} coords (count, 2) x,y in the input frame;
 *   labels (count): 1 include, 0 exclude, 2 and 3 box corners, −1 padding
 */
export function packPrompts(prompts, frame) {
  /** @type {(readonly number[])[]} */
  const points = [...prompts.points];
  /** @type {number[]} */
  const labels = [...prompts.labels];
  for (const [x0, y0, x1, y1] of prompts.boxes) {
    points.push([x0, y0], [x1, y1]);
    labels.push(BOX_TOP_LEFT, BOX_BOTTOM_RIGHT);
  }
  /** @type {(readonly number[])[]} */
  const packed = toModelSpace(points, frame);
  if (prompts.boxes.length === 0) {
    packed.push([0, 0]);
    labels.push(PADDING);
  }
  return {
    coords: Float32Array.from(packed.flat()),
    labels: Float32Array.from(labels),
    count: labels.length,
  };
}

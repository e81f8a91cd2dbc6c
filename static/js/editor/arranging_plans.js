/**
 * What arranging does to objects, worked out before anything is changed: new bodies by id, null for what goes. Pure, so that
 * the same plan is shown as a preview and carried out afterwards.
 */

import { combineCounts, countsArea, countsTouch, placeCounts, regionCounts } from "../core/mask_sets.js";
import { splitParts } from "../core/morphology.js";
import { decode } from "../core/rle.js";

/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {import("../core/mask_sets.js").Extent} Extent */
/** @typedef {Map<string, AnnotationBody | null>} Plan null: deleted */
/** @typedef {"forward" | "backward" | "front" | "back"} Move */

/**
 * A body with a mask that a person made out of others. The model's own mask stays beside it, as after brushing.
 *
 * @param {AnnotationBody} body
 * @param {string} counts
 * @returns {AnnotationBody}
 */
export function reshaped(body, counts) {
  const untouched = body.source === "manual" ? null : (body.model_segmentation ?? body.segmentation);
  return { ...body, segmentation: { ...body.segmentation, counts }, model_segmentation: untouched };
}

/**
 * A body for an object that no prompt has made.
 *
 * @param {AnnotationBody} body
 * @param {string} counts
 * @param {number} z
 * @returns {AnnotationBody}
 */
function handMade(body, counts, z) {
  return {
    ...body,
    segmentation: { ...body.segmentation, counts },
    state: "accepted",
    source: "manual",
    prompts: null,
    candidate: null,
    predicted_iou: null,
    stability_score: null,
    model_digest: null,
    model_segmentation: null,
    active_ms: 0,
    z,
  };
}

/**
 * One object of all: the first keeps its label, notes and prompts, the others go.
 *
 * @param {readonly SavedObject[]} objects
 * @returns {Plan}
 */
export function planMerge([first, ...others]) {
  const counts = others.reduce((all, { body }) => union(all, body.segmentation.counts), countsOf(first));
  const body = {
    ...reshaped(first.body, counts),
    state: /** @type {const} */ ("accepted"),
    active_ms: [first, ...others].reduce((sum, each) => sum + each.body.active_ms, 0),
  };
  /** @type {Plan} */
  const plan = new Map([[first.id, body]]);
  for (const { id } of others) plan.set(id, null);
  return plan;
}

/**
 * The first without what the others cover; they stay.
 *
 * @param {readonly SavedObject[]} objects
 * @returns {Plan} empty when nothing would change, or nothing would be left
 */
export function planSubtract([first, ...others]) {
  const counts = others.reduce((left, other) => difference(left, countsOf(other)), countsOf(first));
  return counts === countsOf(first) || countsArea(counts) === 0
    ? new Map()
    : new Map([[first.id, { ...reshaped(first.body, counts), state: "accepted" }]]);
}

/**
 * Parts that do not touch, not even by a corner, become objects of their own. The largest part stays the object it was.
 *
 * @param {readonly SavedObject[]} objects
 * @param {number} top  the highest place in the order so far
 * @param {() => string} newId
 * @returns {Plan} empty when all are in one piece
 */
export function planSplit(objects, top, newId) {
  /** @type {Plan} */
  const plan = new Map();
  let z = top;
  for (const { id, body, runs } of objects) {
    const parts = partsOf(body.segmentation.counts, runs);
    if (parts.length < 2) continue;
    const [largest, ...rest] = parts.sort((a, b) => countsArea(b) - countsArea(a));
    plan.set(id, { ...reshaped(body, largest), state: "accepted" });
    for (const part of rest) plan.set(newId(), handMade(body, part, ++z));
  }
  return plan;
}

/** Looked for inside the mask's box only. @param {string} counts @param {import("../core/runs.js").RunMask} runs */
function partsOf(counts, { width: imageWidth, height: imageHeight, bbox: [x, y, width, height] }) {
  const image = { width: imageWidth, height: imageHeight };
  const window = placeCounts(counts, image, [-x, -y], { width, height });
  const parts = splitParts({ width, height, data: decode(window, width, height) });
  return parts.map((part) =>
    regionCounts({ ...part, x: part.x + x, y: part.y + y }, image.width, image.height),
  );
}

/**
 * What a mask covers is taken from these objects; one that is covered wholly goes.
 *
 * @param {string} counts
 * @param {readonly SavedObject[]} objects
 * @returns {Plan}
 */
export function planCut(counts, objects) {
  /** @type {Plan} */
  const plan = new Map();
  for (const object of objects) {
    const own = countsOf(object);
    if (!countsTouch(own, counts)) continue;
    const left = difference(own, counts);
    plan.set(object.id, countsArea(left) ? reshaped(object.body, left) : null);
  }
  return plan;
}

/**
 * Another place in the order of painting.
 *
 * @param {readonly SavedObject[]} order  all objects, bottom first
 * @param {ReadonlySet<string>} ids  what moves; keeps its own order
 * @param {Move} move
 * @returns {Plan} as few changes as the move needs
 */
export function planOrder(order, ids, move) {
  const next = MOVES[move](order, ids);
  const from = next.findIndex((object, index) => object !== order[index]);
  if (from < 0) return new Map();
  const to = next.findLastIndex((object, index) => object !== order[index]);
  const [low, high] = [order[0].body.z, order[order.length - 1].body.z];
  const moved = next.filter(({ id }) => ids.has(id));
  if (move === "front") return numbered(moved, high + 1);
  if (move === "back") return numbered(moved, low - moved.length);
  const places = order.slice(from, to + 1).map(({ body }) => body.z);
  const distinct = places.every((z, index) => index === 0 || z > places[index - 1]);
  // Objects of one z lie as they were read: only new numbers put them in another order.
  return distinct
    ? withPlaces(next.slice(from, to + 1), (index) => places[index])
    : numbered(next.slice(from), order[from].body.z);
}

/** @type {Record<Move, (order: readonly SavedObject[], ids: ReadonlySet<string>) => SavedObject[]>} */
const MOVES = {
  front: (order, ids) => [
    ...order.filter(({ id }) => !ids.has(id)),
    ...order.filter(({ id }) => ids.has(id)),
  ],
  back: (order, ids) => [...order.filter(({ id }) => ids.has(id)), ...order.filter(({ id }) => !ids.has(id))],
  forward: (order, ids) => stepped(order.toReversed(), ids).reverse(),
  backward: (order, ids) => stepped([...order], ids),
};

/** Each of `ids` changes places with the one before it, unless that one moves too. @param {SavedObject[]} list
 * @param {ReadonlySet<string>} ids */
function stepped(list, ids) {
  for (let i = 1; i < list.length; i++) {
    const [before, own] = [list[i - 1], list[i]];
    if (ids.has(own.id) && !ids.has(before.id)) [list[i - 1], list[i]] = [own, before];
  }
  return list;
}

/** @param {readonly SavedObject[]} objects @param {number} first */
function numbered(objects, first) {
  return withPlaces(objects, (index) => first + index);
}

/** @param {readonly SavedObject[]} objects @param {(index: number) => number} place @returns {Plan} */
function withPlaces(objects, place) {
  const entries = objects.map(
    ({ id, body }, index) => /** @type {const} */ ([id, { ...body, z: place(index) }]),
  );
  return new Map(entries.filter(([, { z }], index) => z !== objects[index].body.z));
}

/**
 * Copies on an image, above all others.
 *
 * @param {readonly AnnotationBody[]} bodies  of an image of the size of their masks
 * @param {object} target
 * @param {number} target.imageId
 * @param {Extent} target.extent
 * @param {readonly [number, number]} target.by  pixels to the right and down
 * @param {number} target.top  the highest place in the order so far
 * @param {ReadonlySet<number>} target.categoryIds  labels that exist there
 * @param {() => string} newId
 * @returns {{plan: Plan, clipped: number, lost: number}} how many were cut at the border, and how many lie outside wholly
 */
export function planPaste(bodies, { imageId, extent, by, top, categoryIds }, newId) {
  /** @type {Plan} */
  const plan = new Map();
  let [clipped, lost, z] = [0, 0, top];
  for (const body of bodies) {
    const [height, width] = body.segmentation.size;
    const counts = placeCounts(body.segmentation.counts, { width, height }, by, extent);
    const [before, after] = [countsArea(body.segmentation.counts), countsArea(counts)];
    if (!after) {
      lost++;
      continue;
    }
    if (after < before) clipped++;
    const known = body.category_id !== null && categoryIds.has(body.category_id);
    plan.set(newId(), {
      ...handMade(body, counts, ++z),
      image_id: imageId,
      category_id: known ? body.category_id : null,
      segmentation: { size: [extent.height, extent.width], counts },
    });
  }
  return { plan, clipped, lost };
}

/**
 * How far copies beside their originals go, so that both are seen and no pixel leaves the image.
 *
 * @param {readonly SavedObject[]} objects
 * @param {Extent} extent
 * @param {number} distance pixels
 * @returns {[number, number]}
 */
export function besides(objects, { width, height }, distance) {
  const boxes = objects.map(({ runs }) => runs.bbox);
  const spare = (/** @type {number} */ axis, /** @type {number} */ side) => ({
    after: side - Math.max(...boxes.map((box) => box[axis] + box[axis + 2])),
    before: Math.min(...boxes.map((box) => box[axis])),
  });
  return /** @type {[number, number]} */ (
    [spare(0, width), spare(1, height)].map(({ after, before }) =>
      after >= distance || after >= before ? Math.min(after, distance) : -Math.min(before, distance),
    )
  );
}

/** A mask of the same size, moved. @param {AnnotationBody["segmentation"]} mask @param {readonly [number, number]} by */
export function moved({ size: [height, width], counts }, by) {
  return placeCounts(counts, { width, height }, by, { width, height });
}

const countsOf = (/** @type {SavedObject} */ object) => object.body.segmentation.counts;
const union = (/** @type {string} */ a, /** @type {string} */ b) => combineCounts(a, b, "union");
const difference = (/** @type {string} */ a, /** @type {string} */ b) => combineCounts(a, b, "subtract");

/** An editor over an image of 40 × 30 pixels with the objects A, B and C, made anew before each test. */

import assert from "node:assert/strict";
import { beforeEach } from "node:test";
import { createBitmap } from "../../static/js/core/bitmap.js";
import { encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").Image} Image */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1, half-open */

export const [WIDTH, HEIGHT] = [40, 30];
/** @type {any[]} what the editor sent to its store */
export let sent = [];
/** @type {any} the last work it wrote down */
export let journal = null;
/** @type {string[]} what people were told */
export let told = [];
/** @type {Editor} */
export let editor;

/** A mask of rectangles. @param {...Box} boxes */
export function counts(...boxes) {
  const mask = createBitmap(WIDTH, HEIGHT);
  for (const [x0, y0, x1, y1] of boxes)
    for (let y = y0; y < y1; y++) mask.data.fill(1, y * WIDTH + x0, y * WIDTH + x1);
  return encode(mask.data, WIDTH, HEIGHT);
}

/** @param {string} id @param {number} z @param {...Box} boxes @returns {Annotation} */
export function annotation(id, z, ...boxes) {
  const more = { revision: 3, category_id: z, state: "accepted", source: "manual", active_ms: 100, note: id };
  const mask = {
    segmentation: { size: [HEIGHT, WIDTH], counts: counts(...boxes) },
    model_segmentation: null,
  };
  const rest = {
    prompts: null,
    candidate: null,
    predicted_iou: null,
    stability_score: null,
    model_digest: null,
  };
  return /** @type {any} */ ({ id, z, image_id: 7, attributes: {}, ...more, ...mask, ...rest });
}

export const A = annotation("a", 1, [0, 0, 10, 10]);
export const B = annotation("b", 2, [5, 5, 15, 15]);
export const C = annotation("c", 3, [20, 20, 25, 25], [30, 0, 34, 4]);

export function newEditor(
  /** @type {Annotation[]} */ annotations,
  stored = null,
  id = 7,
  [width, height] = [WIDTH, HEIGHT],
) {
  const fresh = new Editor({
    put: (id, body, revision, { revive }) => sent.push({ put: id, body, revision, revive }),
    remove: (id) => sent.push({ remove: id }),
    draft: (_, work) => {
      journal = structuredClone(work);
    },
  });
  fresh.setCategories(
    /** @type {any} */ ([1, 2, 3].map((id) => ({ id, name: `label ${id}`, color: "#ff0000", position: id }))),
  );
  fresh.addEventListener("notice", (event) => told.push(/** @type {CustomEvent} */ (event).detail.message));
  fresh.open(/** @type {Image} */ (/** @type {unknown} */ ({ id, width, height })), annotations, stored);
  return fresh;
}

beforeEach(() => {
  [sent, told, journal] = [[], [], null];
  editor = newEditor([A, B, C]);
});

/** Go on with other objects, or with the work that was written down. @param {Annotation[]} annotations @param {any} [stored] */
export function reopen(annotations, stored = null) {
  editor = newEditor(annotations, stored);
}

export function forgetSent() {
  sent = [];
}

export const countsOf = (/** @type {string} */ id) => editor.objects.get(id)?.body.segmentation.counts;
export const ids = () => editor.listedObjects().map(({ id }) => id);
export const chosen = () => editor.selection.map(({ id }) => id);
/** A call, so that what one assertion learnt does not hold for the next one. */
export const opened = () => editor.selectedId;

/** Undo brings back what was, redo what is. @param {() => unknown} state */
export function walksBack(state, /** @type {unknown} */ before, label = editor.undoLabel) {
  const after = state();
  editor.undo();
  assert.deepEqual(state(), before, `${label} is taken back`);
  editor.redo();
  assert.deepEqual(state(), after, `${label} is brought back`);
  editor.undo();
}

export const everything = () =>
  [...editor.objects.values()]
    .map(({ id, body }) => [id, body])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode as decodeRle } from "../../static/js/core/rle.js";
import {
  acknowledge,
  asked,
  click,
  counts,
  DIGEST,
  disc,
  editor,
  HEIGHT,
  open,
  sent,
  shown,
  stroke,
  WIDTH,
} from "./editing_desk.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */

test("a click gives a mask, a second one sends the chosen logits back", async () => {
  await click(10, 10);
  assert.equal(shown(), counts(disc(10, 10, 5)));
  assert.equal(asked[0].maskInput, null);
  editor.cycleCandidate(1);
  assert.equal(shown(), counts(disc(10, 10, 7)));
  await click(20, 15, 0);
  assert.deepEqual(asked[1].maskInput, Float32Array.of(7));
  assert.deepEqual(asked[1].prompts.labels, [1, 0]);
});

test("one more click after painting leaves the strokes alone", async () => {
  await click(10, 10);
  stroke(false, [[30, 20]], 3);
  stroke(true, [[10, 10]], 1);
  await click(12, 10);
  const mask = editor.draft?.mask.data ?? new Uint8Array();
  assert.equal(mask[20 * WIDTH + 30], 1, "painted pixel stays");
  assert.equal(mask[10 * WIDTH + 10], 0, "erased pixel stays erased");
  assert.equal(mask[10 * WIDTH + 17], 1, "the model's new part is there");
});

test("accept sends prompts, scores and the untouched model mask", async () => {
  await click(10, 10);
  const model = shown();
  stroke(false, [[30, 20]]);
  const painted = shown();
  await editor.accept();
  assert.equal(editor.draft, null);
  assert.equal(sent.length, 1);
  const { body, revision } = sent[0];
  assert.equal(revision, 0);
  assert.deepEqual(body.segmentation, { size: [HEIGHT, WIDTH], counts: painted });
  assert.deepEqual(body.model_segmentation, { size: [HEIGHT, WIDTH], counts: model });
  assert.deepEqual(body.prompts, { points: [[10, 10]], labels: [1], boxes: [] });
  assert.equal(body.source, "assisted");
  assert.equal(body.candidate, 1);
  assert.equal(body.predicted_iou, 0.9);
  assert.equal(body.model_digest, DIGEST);
  assert.equal(body.category_id, 1);
});

test("a painted object is manual and needs no model", async () => {
  editor.attachDecoder(null);
  stroke(false, [[20, 20]], 4);
  await editor.accept();
  assert.equal(sent[0].body.source, "manual");
  assert.equal(sent[0].body.prompts, null);
  assert.equal(sent[0].body.model_segmentation, null);
  assert.equal(sent[0].body.model_digest, null);
});

test("nothing empty is saved", async () => {
  /** @type {string[]} */
  const notices = [];
  editor.addEventListener("notice", (event) =>
    notices.push(/** @type {CustomEvent} */ (event).detail.message),
  );
  stroke(false, [[20, 20]], 3);
  stroke(true, [[20, 20]], 8);
  await editor.accept();
  assert.deepEqual(sent, []);
  assert.equal(notices.length, 1);
});

test("a saved object reopens with its prompts and keeps its revision chain", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  acknowledge(id, 4);
  await editor.select(id);
  assert.deepEqual(editor.prompts.points, [[10, 10]]);
  assert.equal(editor.draft?.dirty, false);
  await click(14, 10);
  assert.equal(asked.at(-1).maskInput, null);
  assert.equal(asked.at(-1).prompts.points.length, 2);
  await editor.accept();
  assert.equal(sent.at(-1).put, id);
  assert.equal(sent.at(-1).revision, 4);
  const changed = sent.at(-1).body.segmentation.counts;
  editor.undo();
  assert.notEqual(sent.at(-1).body.segmentation.counts, changed, "the server gets the earlier mask back");
  assert.equal(shown(), changed, "the change is a draft again");
});

test("a label on a selected object is saved at once and can be undone", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  await editor.select(id);
  editor.setCategory(2);
  assert.equal(sent.at(-1).body.category_id, 2);
  editor.undo();
  assert.equal(sent.at(-1).body.category_id, 1);
  assert.equal(editor.categoryId, 1);
});

test("a revision of something else does not count as seen", async () => {
  await click(10, 10);
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  editor.acknowledge(/** @type {Annotation} */ ({ ...object.body, category_id: 2, id, revision: 9 }));
  assert.equal(object.revision, 0);
});

test("a saved object's runs equal its mask", async () => {
  await click(10, 10);
  const mask = decodeRle(/** @type {string} */ (shown()), WIDTH, HEIGHT);
  await editor.accept();
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) assert.equal(editor.objectAt(x, y) !== null, mask[y * WIDTH + x] === 1);
  }
});

test("idle time is not work", async () => {
  editor.activity(1_000_000);
  editor.activity(1_004_000);
  editor.activity(1_064_000);
  editor.activity(1_065_000);
  await click(10, 10);
  await editor.accept();
  assert.equal(sent[0].body.active_ms, 5000);
});

test("a dragged point is decoded afresh, without the old mask", async () => {
  await click(10, 10);
  await click(20, 20);
  editor.movePoint(1, 22, 18);
  await editor.idle();
  assert.equal(asked.at(-1).maskInput, null);
  assert.deepEqual(asked.at(-1).prompts.points, [
    [10, 10],
    [22, 18],
  ]);
});

test("proposals are accepted as they are, and keep their source", async () => {
  stroke(false, [[20, 20]], 4);
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  const proposal = {
    ...object.body,
    id,
    revision: 3,
    state: "proposal",
    source: "proposal",
    model_digest: DIGEST,
  };
  open([/** @type {Annotation} */ (/** @type {unknown} */ (proposal))]);
  await editor.select(id);
  await editor.accept();
  assert.equal(sent.at(-1).body.state, "accepted");
  assert.equal(sent.at(-1).body.source, "proposal");
  assert.equal(sent.at(-1).body.model_digest, DIGEST);
  assert.equal(sent.at(-1).revision, 3);
});

test("opening another object accepts the draft first", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  await click(30, 20);
  await editor.select(id);
  assert.equal(editor.objects.size, 2);
  assert.equal(editor.selectedId, id);
});

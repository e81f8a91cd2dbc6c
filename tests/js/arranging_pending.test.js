import assert from "node:assert/strict";
import { test } from "node:test";
import { createBitmap } from "../../static/js/core/bitmap.js";
import { makeFrame } from "../../static/js/core/geometry.js";
import { countsArea } from "../../static/js/core/mask_sets.js";
import {
  A,
  annotation,
  B,
  C,
  countsOf,
  editor,
  forgetSent,
  HEIGHT,
  journal,
  reopen,
  sent,
  told,
  WIDTH,
} from "./arranging_desk.js";

// ---- many objects at once ------------------------------------------------------------------------------------------

/** A model that sees a square of nine pixels around the last included point, without the excluded ones. */
function fakeDecoder() {
  return {
    modelDigest: "f".repeat(64),
    frame: makeFrame([HEIGHT, WIDTH], 40, [10, 10]),
    decode: async (/** @type {any} */ { points, labels, boxes }) => {
      const [x, y] = boxes[0] ?? points[0];
      const mask = createBitmap(WIDTH, HEIGHT);
      for (let row = y - 1; row <= y + 1; row++) mask.data.fill(1, row * WIDTH + x - 1, row * WIDTH + x + 2);
      points.forEach((/** @type {number[]} */ [px, py], /** @type {number} */ index) => {
        if (!labels[index]) mask.data[py * WIDTH + px] = 0;
      });
      const logits = new Float32Array(100).fill(-1);
      const candidates = [{ candidate: 1, iou: 0.9, stability: 0.9, logits }];
      return { candidates, mask: () => structuredClone(mask), timings: { decode: 1, upsample: 1 } };
    },
  };
}

async function clickMany() {
  editor.attachDecoder(fakeDecoder());
  await editor.setManyObjects(true);
  editor.addPoint(5, 20, 1);
  editor.addPoint(15, 20, 1);
  editor.addBox([30, 10, 33, 13], 0);
  await editor.idle();
}

test("each click is an object that only this browser has, until all are accepted in one step", async () => {
  await clickMany();
  assert.equal(editor.draft, null);
  assert.equal(editor.pendingObjects().length, 3);
  assert.equal(sent.length, 0);
  editor.undo();
  assert.equal(editor.pendingObjects().length, 2);
  editor.redo();
  editor.setCategory(2);
  await editor.accept();
  assert.deepEqual(
    sent.map(({ body, revive }) => [body.state, body.category_id, body.source, revive]),
    Array(3).fill(["accepted", 2, "assisted", false]),
  );
  assert.equal(editor.steps.length, 4);
  forgetSent();
  editor.undo();
  assert.equal(editor.pendingObjects().length, 3);
  assert.deepEqual(
    sent.map(({ remove }) => typeof remove),
    Array(3).fill("string"),
  );
  forgetSent();
  editor.redo();
  assert.deepEqual(
    sent.map(({ revive }) => revive),
    [true, true, true],
  );
});

test("an excluded click refines the nearest pending object", async () => {
  await clickMany();
  editor.addPoint(16, 21, 0);
  editor.addPoint(6, 22, 0);
  await editor.idle();
  const areas = editor.pendingObjects().map(({ runs }) => runs.area);
  assert.deepEqual(areas, [9, 8, 9]);
  const prompts = editor.pendingObjects().map(({ body }) => body.prompts?.labels);
  assert.deepEqual(prompts, [[1, 0], [1, 0], []]);
  editor.undo();
  assert.deepEqual(editor.pendingObjects()[0].body.prompts?.labels, [1]);
});

test("Esc discards what is pending, undo brings it back, and a reload keeps it", async () => {
  await clickMany();
  const pending = editor.pendingObjects().map(({ id, body }) => [id, body]);
  editor.cancel();
  assert.equal(editor.pendingObjects().length, 0);
  editor.undo();
  assert.equal(editor.pendingObjects().length, 3);
  editor.flushDraft();
  reopen([A, B, C], journal);
  assert.deepEqual(
    editor.pendingObjects().map(({ id, body }) => [id, body]),
    pending,
  );
  assert.equal(editor.steps.length, 4, "with its steps");
  editor.undo();
  assert.equal(editor.pendingObjects().length, 2);
});

test("undo while the model answers gives the question up", async () => {
  await clickMany();
  editor.addPoint(20, 5, 1);
  editor.undo();
  await editor.idle();
  assert.equal(editor.pendingObjects().length, 3);
  assert.equal(editor.decoding, false);
});

test("more like an object are found where the features are alike, not where one lies already", async () => {
  const decoder = fakeDecoder();
  /** Ten by ten cells of four pixels: three places of one kind, the rest another. */
  const values = new Float32Array(2 * 100);
  values.fill(1, 100, 200);
  for (const cell of [11, 15, 62]) [values[cell], values[100 + cell]] = [1, 0];
  const logits = new Float32Array(100).fill(-1);
  reopen([annotation("x", 1, [4, 4, 8, 8]), annotation("q", 2, [30, 20, 32, 22])]);
  editor.attachDecoder({
    ...decoder,
    features: async () => ({ values, shape: [2, 10, 10] }),
    decode: async (/** @type {any} */ prompts) => {
      const answer = await decoder.decode(prompts);
      const [x, y] = prompts.points[0];
      const own = logits.slice();
      own[Math.floor(y / 4) * 10 + Math.floor(x / 4)] = 1;
      return { ...answer, candidates: [{ ...answer.candidates[0], logits: own }] };
    },
  });
  await editor.choose(["x"]);
  await editor.findSimilar();
  assert.deepEqual(
    editor.pendingObjects().map(({ body }) => body.prompts?.points),
    [[[22, 6]], [[10, 26]]],
  );
  assert.equal(editor.steps.length, 1);
  await editor.findSimilar();
  assert.equal(editor.pendingObjects().length, 2, "what is pending is not found again");
  assert.equal(told.length, 1);
});

test("masks of one to three pixels can be arranged like any other", async () => {
  reopen([annotation("one", 1, [3, 3, 4, 4]), annotation("two", 2, [6, 3, 8, 4])]);
  await editor.choose(["one", "two"]);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  assert.equal(countsArea(countsOf("one") ?? ""), 3);
});

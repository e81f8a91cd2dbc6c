import assert from "node:assert/strict";
import { test } from "node:test";
import { combineCounts } from "../../static/js/core/mask_sets.js";
import {
  A,
  annotation,
  B,
  counts,
  countsOf,
  editor,
  everything,
  forgetSent,
  ids,
  newEditor,
  reopen,
  sent,
  told,
  walksBack,
} from "./arranging_desk.js";

// ---- order ---------------------------------------------------------------------------------------------------------

test("objects change places in the order, with as few saves as it takes", async () => {
  const before = everything();
  for (const [move, expected, saves] of /** @type {const} */ ([
    ["front", ["a", "c", "b"], 1],
    ["forward", ["c", "a", "b"], 2],
    ["back", ["c", "b", "a"], 0],
    ["backward", ["c", "b", "a"], 0],
  ])) {
    forgetSent();
    await editor.choose(["a"]);
    editor.reorder(move);
    assert.deepEqual(ids(), expected, move);
    assert.equal(sent.length, saves, move);
    if (saves) walksBack(everything, before);
  }
  await editor.choose(["a", "b"]);
  editor.reorder("front");
  assert.deepEqual(ids(), ["b", "a", "c"], "they keep their own order");
});

test("objects that share a place can be told apart by moving one", async () => {
  reopen([
    annotation("x", 0, [0, 0, 5, 5]),
    annotation("y", 0, [0, 0, 5, 5]),
    annotation("w", 0, [1, 1, 2, 2]),
  ]);
  const listed = ids();
  await editor.choose([listed[2]]);
  editor.reorder("forward");
  assert.deepEqual(ids(), [listed[0], listed[2], listed[1]]);
});

// ---- copies --------------------------------------------------------------------------------------------------------

test("a copy lies beside its original, pixel for pixel, and again beside that one", async () => {
  await editor.choose(["c"]);
  await editor.duplicate();
  await editor.duplicate();
  const copies = editor.listedObjects().filter(({ id }) => !["a", "b", "c"].includes(id));
  assert.equal(copies.length, 2);
  for (const { body, runs } of copies) {
    assert.equal(runs.area, 41);
    assert.equal(body.note, "c");
  }
  assert.equal(
    new Set([...copies, ...editor.objects.values()].map(({ body }) => body.segmentation.counts)).size,
    5,
  );
  assert.equal(editor.steps.length, 2);
});

test("another image gets the same pixels, what lies outside is told", async () => {
  await editor.choose(["a", "c"]);
  const clipping = editor.copy();
  assert.ok(clipping);
  const roomy = newEditor([], null, 8, [50, 60]);
  await roomy.paste(clipping);
  assert.deepEqual(
    roomy.listedObjects().map(({ runs, body }) => [...runs.bbox, runs.area, body.category_id, body.image_id]),
    [
      [20, 0, 14, 25, 41, 3, 8],
      [0, 0, 10, 10, 100, 1, 8],
    ],
  );
  assert.deepEqual(told, []);
  const small = newEditor([], null, 9, [8, 20]);
  await small.paste(clipping);
  assert.deepEqual(
    small.listedObjects().map(({ runs }) => runs.bbox),
    [[0, 0, 8, 10]],
  );
  assert.equal(told.length, 2);
});

// ---- no overlaps ---------------------------------------------------------------------------------------------------

test("without overlaps, what is accepted takes its pixels from unlocked objects, in one step", () => {
  const locked = annotation("l", 4, [0, 0, 4, 4]);
  const proposal = { ...annotation("p", 5, [0, 0, 4, 4]), state: /** @type {const} */ ("proposal") };
  const covered = annotation("v", 6, [6, 6, 8, 8]);
  reopen([A, B, locked, proposal, covered]);
  const before = everything();
  editor.setLocked(["l"], true);
  editor.setNoOverlaps(true);
  editor.fillPolygon(
    [
      [-0.5, -0.5],
      [7.5, -0.5],
      [7.5, 7.5],
      [-0.5, 7.5],
    ],
    false,
  );
  return editor.accept().then(() => {
    const cut = counts([0, 0, 8, 8]);
    assert.equal(countsOf("a"), combineCounts(A.segmentation.counts, cut, "subtract"));
    assert.equal(countsOf("b"), combineCounts(B.segmentation.counts, cut, "subtract"));
    assert.equal(countsOf("l"), locked.segmentation.counts);
    assert.equal(countsOf("p"), proposal.segmentation.counts);
    assert.equal(countsOf("v"), undefined, "covered wholly");
    assert.equal(editor.steps.length, 2);
    editor.undo();
    assert.deepEqual(everything(), before);
    assert.equal(editor.draft?.isBlank, false, "the draft is back as well");
  });
});

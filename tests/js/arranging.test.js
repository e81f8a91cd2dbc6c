import assert from "node:assert/strict";
import { test } from "node:test";
import { combineCounts } from "../../static/js/core/mask_sets.js";
import {
  A,
  annotation,
  chosen,
  counts,
  countsOf,
  editor,
  everything,
  ids,
  opened,
  reopen,
  sent,
  told,
  walksBack,
} from "./arranging_desk.js";

test("one object is opened; several are chosen in their order, ranges as the list shows them", async () => {
  await editor.choose(["b"]);
  assert.equal(opened(), "b");
  await editor.toggleChosen("a");
  assert.deepEqual([opened(), chosen()], [null, ["b", "a"]]);
  await editor.toggleChosen("b");
  assert.deepEqual([opened(), chosen()], ["a", ["a"]]);
  await editor.choose(["c"]);
  await editor.chooseRange("a");
  assert.deepEqual(chosen(), ["c", "b", "a"]);
  await editor.chooseRange("b");
  assert.deepEqual(chosen(), ["c", "b"]);
  await editor.chooseAll();
  assert.deepEqual(chosen().sort(), ["a", "b", "c"]);
  editor.cancel();
  assert.deepEqual(chosen(), []);
  assert.equal(editor.canUndo, false, "selecting is no step");
});

test("a rectangle finds what it touches, pixel by pixel", () => {
  const found = (/** @type {import("./arranging_desk.js").Box} */ [x0, y0, x1, y1]) =>
    editor.objectsIn({ x0, y0, x1, y1 }).map(({ id }) => id);
  assert.deepEqual(found([9, 9, 21, 21]), ["a", "b", "c"]);
  assert.deepEqual(found([26, 5, 29, 19]), [], "inside the box of c, beside its parts");
  assert.deepEqual(found([10, 10, 11, 11]), ["b"]);
});

test("locked objects are passed over on the image and refuse changes", async () => {
  editor.setLocked(["b"], true);
  assert.equal(editor.objectAt(7, 7)?.id, "a");
  assert.deepEqual(
    editor.objectsIn({ x0: 0, y0: 0, x1: 40, y1: 30 }).map(({ id }) => id),
    ["a", "c"],
  );
  await editor.choose(["b"]);
  assert.deepEqual([opened(), chosen()], [null, ["b"]], "chosen, to be unlocked, not opened");
  editor.deleteSelected();
  editor.deleteObject("b");
  editor.setCategory(1);
  editor.reorder("front");
  editor.describe("b", { note: "other", attributes: {} });
  assert.equal(sent.length, 0);
  assert.equal(told.length, 3);
  await editor.choose(["a", "b"]);
  assert.equal(editor.tryCombination("merge", "Merge"), null);
  await editor.toggleLocked(["a", "b"]);
  assert.deepEqual([...editor.locked].sort(), ["a", "b"], "locked when not all are");
  await editor.toggleLocked(["a", "b"]);
  assert.equal(editor.locked.size, 0);
});

test("solo shows nothing else, and ends with its object", () => {
  const shown = () => editor.visibleObjects().map(({ id }) => id);
  editor.setHidden("c", true);
  assert.deepEqual(shown(), ["a", "b"]);
  editor.toggleSolo(["c"]);
  assert.deepEqual(shown(), ["c"], "even a hidden one");
  editor.deleteObject("c");
  assert.deepEqual(shown(), ["a", "b"]);
  editor.undo();
  editor.toggleSolo(["c"]);
  assert.deepEqual(shown(), ["a", "b"]);
});

test("label and delete mean all that is chosen, in one step", async () => {
  const before = everything();
  await editor.choose(["a", "c"]);
  editor.setCategory(2);
  assert.deepEqual(
    ["a", "b", "c"].map((id) => editor.objects.get(id)?.body.category_id),
    [2, 2, 2],
  );
  walksBack(everything, before);
  await editor.choose(["a", "c"]);
  editor.deleteSelected();
  assert.deepEqual(ids(), ["b"]);
  walksBack(everything, before);
});

// ---- combining -----------------------------------------------------------------------------------------------------

test("merging is seen first, then one step: the first one's label, the pixels of all", async () => {
  const before = everything();
  await editor.choose(["b", "a"]);
  assert.deepEqual(editor.tryCombination("merge", "Merge"), { objects: -1, pixels: -25 });
  assert.deepEqual(
    editor.visibleObjects().map(({ id, runs }) => [id, runs.area]),
    [
      ["b", 175],
      ["c", 41],
    ],
  );
  assert.equal(sent.length, 0, "nothing is done yet");
  assert.equal(editor.objects.size, 3);
  editor.dropCombination();
  assert.equal(editor.visibleObjects().length, 3);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  const merged = editor.objects.get("b")?.body;
  assert.equal(merged?.segmentation.counts, counts([0, 0, 10, 10], [5, 5, 15, 15]));
  assert.deepEqual([merged?.category_id, merged?.note, merged?.active_ms], [2, "b", 200]);
  assert.deepEqual(
    sent.map(({ put, remove }) => put ?? remove),
    ["b", "a"],
  );
  assert.equal(editor.steps.length, 1);
  walksBack(everything, before);
  assert.deepEqual(
    new Map(sent.slice(-2).map(({ put, revive }) => [put, revive])),
    new Map([
      ["a", true],
      ["b", false],
    ]),
  );
});

test("subtracting takes from the first what the others cover, unless nothing would be left", async () => {
  const before = everything();
  await editor.choose(["a", "b"]);
  assert.deepEqual(editor.tryCombination("subtract", "Subtract"), { objects: 0, pixels: -25 });
  editor.chooseFirst("b");
  assert.deepEqual(editor.tryCombination("subtract", "Subtract"), { objects: 0, pixels: -25 });
  await editor.keepCombination();
  assert.equal(countsOf("a"), counts([0, 0, 10, 10]));
  assert.equal(countsOf("b"), combineCounts(counts([5, 5, 15, 15]), counts([0, 0, 10, 10]), "subtract"));
  walksBack(everything, before);
  reopen([A, annotation("whole", 4, [0, 0, 40, 30])]);
  await editor.choose(["a", "whole"]);
  assert.equal(editor.tryCombination("subtract", "Subtract"), null);
});

test("parts become objects; the largest stays what it was", async () => {
  const before = everything();
  await editor.choose(["a", "c"]);
  assert.deepEqual(editor.tryCombination("split", "Split"), { objects: 1, pixels: 0 });
  await editor.keepCombination();
  assert.equal(countsOf("c"), counts([20, 20, 25, 25]));
  const [part] = editor.listedObjects();
  assert.equal(part.body.segmentation.counts, counts([30, 0, 34, 4]));
  assert.deepEqual([part.body.category_id, part.body.z, part.body.source], [3, 4, "manual"]);
  assert.deepEqual(chosen().sort(), ["c", part.id].sort());
  walksBack(everything, before);
});

test("what is open is closed when undo changes its mask under it", async () => {
  await editor.choose(["a", "b"]);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  await editor.select("a");
  assert.equal(opened(), "a");
  editor.undo();
  assert.equal(opened(), null);
});

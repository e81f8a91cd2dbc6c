import assert from "node:assert/strict";
import { test } from "node:test";
import { area, createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { fillPolygon } from "../../static/js/core/polygon.js";
import { counts, editor, HEIGHT, journal, shown, stroke, WIDTH } from "./editing_desk.js";

/** @typedef {import("../../static/js/core/bitmap.js").Bitmap} Bitmap */

/** A mask that `paint` has painted. */
function mask(/** @type {(bitmap: Bitmap) => void} */ paint) {
  const bitmap = createBitmap(WIDTH, HEIGHT);
  paint(bitmap);
  return bitmap;
}

/** A call, so that what one assertion learnt about the draft does not hold for the next one. */
const draftMask = () => /** @type {Bitmap} */ (editor.draft?.mask);

const SQUARE = /** @type {[number, number][]} */ ([
  [4.5, 4.5],
  [14.5, 4.5],
  [14.5, 14.5],
  [4.5, 14.5],
]);

test("a polygon adds to the draft, a second one cuts, each is one step", () => {
  assert.equal(editor.fillPolygon(SQUARE, true), false, "there is nothing to cut from");
  assert.equal(editor.fillPolygon(SQUARE, false), true);
  const whole = counts(mask((bitmap) => fillPolygon(bitmap, SQUARE, 1)));
  assert.equal(shown(), whole);
  const corner = SQUARE.map(([x, y]) => /** @type {[number, number]} */ ([x + 5, y + 5]));
  editor.fillPolygon(corner, true);
  assert.equal(area(draftMask()), 75);
  assert.equal(editor.undoLabel, "Cut polygon");
  editor.undo();
  assert.equal(shown(), whole);
  editor.undo();
  assert.equal(editor.draft, null);
  editor.redo();
  editor.redo();
  assert.equal(area(draftMask()), 75);
});

test("a clean-up is tried, changed, dropped and kept; only keeping is a step", () => {
  editor.fillPolygon(SQUARE, false);
  const before = shown();
  assert.equal(editor.tryCleanup("grow", 3, "Grow"), true);
  editor.tryCleanup("shrink", 1, "Shrink");
  assert.equal(area(draftMask()), 64);
  editor.undo();
  assert.equal(area(draftMask()), 64, "nothing else happens meanwhile");
  editor.endStroke();
  assert.equal(shown(), before);
  assert.equal(editor.undoLabel, "Polygon");
  editor.tryCleanup("shrink", 1, "Shrink");
  editor.keepCleanup();
  assert.equal(editor.undoLabel, "Shrink");
  editor.undo();
  assert.equal(shown(), before);
  editor.redo();
  assert.equal(area(draftMask()), 64);
});

test("what is only tried out never reaches the journal", () => {
  editor.fillPolygon(SQUARE, false);
  editor.tryCleanup("grow", 2, "Grow");
  const kept = counts(mask((bitmap) => fillPolygon(bitmap, SQUARE, 1)));
  assert.equal(journal.draft.counts, kept);
  editor.flushDraft();
  assert.equal(journal.draft.counts, kept);
});

test("there is nothing to clean up without a mask", () => {
  assert.equal(editor.tryCleanup("smooth", 1, "Smooth"), false);
});

test("the thinnest brush makes an object of one pixel wherever it is set down", async () => {
  for (const [x, y] of /** @type {[number, number][]} */ ([
    [10, 10],
    [10.49, 10.49],
    [9.51, 10.3],
  ])) {
    stroke(false, [[x, y]], 0.5);
    assert.equal(
      shown(),
      counts(mask((bitmap) => fillCapsule(bitmap, 10, 10, 10, 10, 0.4, 1))),
      `${x}, ${y}`,
    );
    await editor.accept();
  }
  assert.deepEqual(
    [...editor.objects.values()].map(({ runs }) => runs.area),
    [1, 1, 1],
  );
});

import assert from "node:assert/strict";
import test from "node:test";
import { boundingRect, cloneBitmap } from "../../../static/js/core/bitmap.js";
import { CLEANUPS, cleanUp, cleanupRect } from "../../../static/js/core/cleanup.js";
import { draw, noise, rowsOf } from "../masks.js";

/** @typedef {import("../../../static/js/core/cleanup.js").CleanupName} CleanupName */

/** @param {import("../../../static/js/core/bitmap.js").Bitmap} bitmap @param {CleanupName} name @param {number} amount */
function cleaned(bitmap, name, amount) {
  const copy = cloneBitmap(bitmap);
  cleanUp(copy, cleanupRect(copy, boundingRect(copy), name, amount), name, amount);
  return copy;
}

test("inside its window a clean-up gives what it gives on the whole image", () => {
  const names = /** @type {CleanupName[]} */ (Object.keys(CLEANUPS));
  for (const seed of [1, 2, 3]) {
    const small = noise(14, 12, seed, 0.6);
    for (const [left, top] of [
      [0, 0],
      [9, 7],
      [26, 18],
    ]) {
      const image = noise(40, 30, 0, 0);
      for (let y = 0; y < 12; y++)
        image.data.set(small.data.subarray(y * 14, y * 14 + 14), (top + y) * 40 + left);
      for (const name of names) {
        for (const amount of [1, 3]) {
          const whole = cloneBitmap(image);
          CLEANUPS[name].run(whole, amount);
          assert.deepEqual(cleaned(image, name, amount), whole, `${name} ${amount} at ${left}, ${top}`);
        }
      }
    }
  }
});

test("sizes are inclusive: parts of so many pixels go", () => {
  const mask = draw(`
    #####...
    #.###.##
    #####...
    .......#
    .......#`);
  assert.deepEqual(rowsOf(cleaned(mask, "remove_specks", 1)), rowsOf(mask));
  assert.deepEqual(rowsOf(cleaned(mask, "remove_specks", 2))[1], "#.###...");
  assert.deepEqual(rowsOf(cleaned(mask, "fill_holes", 1))[1], "#####.##");
});

test("an empty mask stays empty", () => {
  const empty = noise(6, 5, 0, 0);
  assert.deepEqual(cleaned(empty, "grow", 2), empty);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { CELL, cellCount, cut, place, windowsOf } from "../../../static/js/decoder/windows.js";

const GRID = [8, 8];
const SIDE = GRID[0] * CELL;

/** @param {number} height @param {number} width */
const windows = (height, width) => windowsOf(makeFrame([height, width], 128, [SIDE, SIDE]), GRID);

test("what shows and what is left cover the square once, in every orientation", () => {
  for (const size of [
    [300, 451],
    [451, 300],
    [100, 100],
    [20, 3000],
    [3000, 20],
    [1, 1],
  ]) {
    const { shown, rest } = windows(size[0], size[1]);
    const total = cellCount(shown) + (rest ? cellCount(rest) : 0);
    assert.equal(total, SIDE * SIDE, size.join());
    assert.equal(rest === null, size[0] === size[1]);
  }
  assert.deepEqual(windows(300, 451), { shown: [0, 6, 0, 8], rest: [6, 8, 0, 8] });
  assert.deepEqual(windows(451, 300), { shown: [0, 8, 0, 6], rest: [0, 8, 6, 8] });
});

test("windows put together are the mask that they were cut from", () => {
  const logits = Float32Array.from({ length: SIDE * SIDE }, (_, i) => Math.sin(i));
  for (const [height, width] of [
    [300, 451],
    [451, 300],
  ]) {
    const { shown, rest } = windows(height, width);
    const again = new Float32Array(logits.length);
    for (const window of [shown, rest ?? shown]) {
      const values = new Float32Array(cellCount(window));
      cut(logits, SIDE, window, values);
      place(again, SIDE, values, window);
    }
    assert.deepEqual(again, logits);
  }
});

test("every logit that a photograph's pixel depends on is shown", () => {
  for (let side = 1; side <= 128; side++) {
    const { shown } = windowsOf({ ...makeFrame([side, 128], 128, [SIDE, SIDE]), input: [side, 128] }, GRID);
    // The last input row lies between these two rows of logits.
    const lower = Math.floor((side - 0.5) * (SIDE / 128) - 0.5);
    assert.ok(Math.min(lower + 1, SIDE - 1) < shown[1] * CELL, `${side} input rows`);
  }
});

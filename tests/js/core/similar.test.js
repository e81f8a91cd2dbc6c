import assert from "node:assert/strict";
import test from "node:test";
import { createBitmap } from "../../../static/js/core/bitmap.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { encode, stringToLengths } from "../../../static/js/core/rle.js";
import { runsFromLengths } from "../../../static/js/core/runs.js";
import * as similar from "../../../static/js/core/similar.js";

// Input of 16 × 16, cells of 4 × 4 input pixels; the image is twice as large and half as high: two rows of padding cells.
const FRAME = makeFrame([16, 32], 16, [8, 8]);

/** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function block(x0, y0, x1, y1) {
  const mask = createBitmap(32, 16);
  for (let y = y0; y < y1; y++) mask.data.fill(1, y * 32 + x0, y * 32 + x1);
  return runsFromLengths(stringToLengths(encode(mask.data, 32, 16)), 32, 16);
}

/** Two channels; the first is set in these cells of the 4 × 4 grid, the second in the others. */
function grid(/** @type {number[]} */ ...set) {
  const values = new Float32Array(32);
  for (let cell = 0; cell < 16; cell++) values[set.includes(cell) ? cell : 16 + cell] = 3;
  return similar.gridOf({ values, shape: [2, 4, 4] }, FRAME);
}

test("padding is no part of the grid, and vectors have the length one", () => {
  const { rows, columns, cells, size } = grid(1);
  assert.deepEqual([rows, columns, ...size], [2, 4, 8, 8]);
  for (let at = 0; at < cells.length; at += 2) {
    assert.ok(Math.abs(Math.hypot(cells[at], cells[at + 1]) - 1) < 1e-6);
  }
});

test("a mask covers cells by its share of them; the smallest one still counts", () => {
  const covered = similar.coverage(block(0, 0, 12, 8), grid());
  assert.deepEqual([...covered], [1, 0.5, 0, 0, 0, 0, 0, 0]);
  const speck = similar.coverage(block(30, 14, 31, 15), grid());
  assert.deepEqual([...speck], [0, 0, 0, 0, 0, 0, 0, 1]);
});

test("the model's own answer is measured like a mask", () => {
  const logits = new Float32Array(64).fill(-1);
  for (const at of [0, 1, 8, 9, 2]) logits[at] = 2;
  const { weights, area } = similar.coverageOfLogits(logits, FRAME, grid());
  assert.deepEqual([...weights], [1, 0.25, 0, 0, 0, 0, 0, 0]);
  assert.equal(area, 5 * 16);
});

test("places like the example stand out, taken ones are passed over", () => {
  const here = grid(0, 6);
  const map = similar.likeness(here, [similar.lookOf(here, similar.coverage(block(0, 0, 8, 8), here))]);
  assert.ok(Math.abs(map[6] - 1) < 1e-6);
  assert.ok(map[3] < 0);
  const options = { threshold: 0.5, limit: 9, taken: new Float32Array(8) };
  const places = (/** @type {any} */ more) =>
    similar.peaks(map, here, { ...options, ...more }).map(({ row, column }) => row * 4 + column);
  assert.deepEqual(places({}), [0, 6]);
  assert.deepEqual(places({ limit: 1 }), [0]);
  assert.deepEqual(places({ taken: Float32Array.of(1, 0, 0, 0, 0, 0, 0.5, 0) }), [6]);
});

test("a mean over no cells is the least likely", () => {
  assert.equal(similar.weightedMean([0.5, 1], [0, 0]), -1);
  assert.equal(similar.weightedMean([0.5, 1], [1, 3]), 0.875);
});

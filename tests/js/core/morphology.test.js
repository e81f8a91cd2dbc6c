import assert from "node:assert/strict";
import test from "node:test";
import { area, createBitmap } from "../../../static/js/core/bitmap.js";
import { grow, keepLargest, shrink, smooth, splitParts } from "../../../static/js/core/morphology.js";

/** @param {string[]} rows "#" is set */
function bitmapOf(rows) {
  const bitmap = createBitmap(rows[0].length, rows.length);
  rows.forEach((row, y) => {
    [...row].forEach((mark, x) => {
      if (mark === "#") bitmap.data[y * bitmap.width + x] = 1;
    });
  });
  return bitmap;
}

/** @param {import("../../../static/js/core/bitmap.js").Bitmap} bitmap */
function rowsOf({ width, height, data }) {
  return Array.from({ length: height }, (_, y) =>
    Array.from(data.subarray(y * width, (y + 1) * width), (value) => (value ? "#" : ".")).join(""),
  );
}

/** Blobs from a fixed seed. @param {number} width @param {number} height @param {number} seed */
function noise(width, height, seed) {
  const bitmap = createBitmap(width, height);
  let state = seed;
  for (let i = 0; i < bitmap.data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bitmap.data[i] = state >>> 28 < 5 ? 1 : 0;
  }
  return bitmap;
}

/** The definition, pixel by pixel; outside the image nothing spreads.
 * @param {import("../../../static/js/core/bitmap.js").Bitmap} bitmap @param {number} radius @param {0 | 1} value */
function spreadByDefinition(bitmap, radius, value) {
  const { width, height, data } = bitmap;
  const out = data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let v = 0; v < height; v++) {
        for (let u = 0; u < width; u++) {
          const near = (u - x) ** 2 + (v - y) ** 2 <= radius * radius;
          if (near && data[v * width + u] === value) out[y * width + x] = value;
        }
      }
    }
  }
  return out;
}

test("grow and shrink equal their definition, borders included", () => {
  for (const [width, height, radius] of [
    [1, 1, 1],
    [13, 9, 1],
    [17, 12, 2],
    [11, 19, 3],
  ]) {
    for (let seed = 1; seed < 6; seed++) {
      const grown = noise(width, height, seed);
      const expectedGrown = spreadByDefinition(grown, radius, 1);
      grow(grown, radius);
      assert.deepEqual(grown.data, expectedGrown);
      const shrunk = noise(width, height, seed);
      const expectedShrunk = spreadByDefinition(shrunk, radius, 0);
      shrink(shrunk, radius);
      assert.deepEqual(shrunk.data, expectedShrunk);
    }
  }
});

test("an object cut off by the frame does not shrink away from it", () => {
  const bitmap = bitmapOf(["##..", "##..", "...."]);
  shrink(bitmap);
  assert.deepEqual(rowsOf(bitmap), ["#...", "....", "...."]);
});

test("grow reports a rectangle that holds every change", () => {
  const bitmap = bitmapOf([".....", ".....", "..#..", ".....", "....."]);
  assert.deepEqual(grow(bitmap), { x0: 1, y0: 1, x1: 4, y1: 4 });
  assert.deepEqual(rowsOf(bitmap), [".....", "..#..", ".###.", "..#..", "....."]);
});

test("a radius that is no whole number from 1 is refused with its value", () => {
  const bitmap = bitmapOf(["#"]);
  assert.throws(() => grow(bitmap, 0), /got 0/);
  assert.throws(() => shrink(bitmap, 1.5), /got 1.5/);
  assert.throws(() => smooth(bitmap, -1), /got -1/);
});

test("smooth takes the majority of each window, the border repeated", () => {
  for (let seed = 1; seed < 8; seed++) {
    const bitmap = noise(15, 11, seed);
    const before = bitmap.data.slice();
    smooth(bitmap, 2);
    const at = (/** @type {number} */ x, /** @type {number} */ y) =>
      before[Math.min(10, Math.max(0, y)) * 15 + Math.min(14, Math.max(0, x))];
    for (let y = 0; y < 11; y++) {
      for (let x = 0; x < 15; x++) {
        let votes = 0;
        for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) votes += at(x + dx, y + dy);
        assert.equal(bitmap.data[y * 15 + x], votes > 12.5 ? 1 : 0);
      }
    }
  }
});

test("empty masks stay empty and report nothing", () => {
  for (const operation of [grow, shrink, smooth, keepLargest]) {
    const bitmap = createBitmap(7, 5);
    const rect = operation(bitmap);
    assert.ok(rect.x1 <= rect.x0);
    assert.equal(area(bitmap), 0);
  }
  assert.deepEqual(splitParts(createBitmap(3, 3)), []);
});

test("keepLargest keeps the larger part whole", () => {
  const bitmap = bitmapOf(["##..#", "##...", "....#", "#..##"]);
  keepLargest(bitmap);
  assert.deepEqual(rowsOf(bitmap), ["##...", "##...", ".....", "....."]);
});

test("splitParts gives each part where it was, and together they are the mask", () => {
  const bitmap = bitmapOf(["##..#", "##..#", "..#..", "#...#"]);
  const parts = splitParts(bitmap);
  assert.equal(parts.length, 4);
  const sum = createBitmap(5, 4);
  for (const part of parts) {
    part.data.forEach((value, i) => {
      sum.data[(part.y + Math.floor(i / part.width)) * 5 + part.x + (i % part.width)] += value;
    });
  }
  assert.deepEqual(sum.data, bitmap.data);
});

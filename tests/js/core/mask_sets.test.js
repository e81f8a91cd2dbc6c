import assert from "node:assert/strict";
import test from "node:test";
import { area, createBitmap, crop, subtract, union } from "../../../static/js/core/bitmap.js";
import {
  combineCounts,
  countsArea,
  countsIou,
  countsTouch,
  placeCounts,
  regionCounts,
} from "../../../static/js/core/mask_sets.js";
import { splitParts } from "../../../static/js/core/morphology.js";
import { decode, encode } from "../../../static/js/core/rle.js";
import { noise } from "../masks.js";

const counts = (/** @type {import("../../../static/js/core/bitmap.js").Bitmap} */ bitmap) =>
  encode(bitmap.data, bitmap.width, bitmap.height);

test("sets of runs are sets of pixels", () => {
  for (const [width, height] of [
    [1, 1],
    [7, 5],
    [33, 20],
  ]) {
    for (const share of [0, 0.03, 0.5, 1]) {
      const [a, b] = [noise(width, height, 1, 0.4), noise(width, height, 2, share)];
      const [ca, cb] = [counts(a), counts(b)];
      const both = { ...a, data: a.data.map((bit, i) => bit & b.data[i]) };
      assert.equal(combineCounts(ca, cb, "intersect"), counts(both));
      const less = { ...a, data: a.data.slice() };
      subtract(less, b);
      assert.equal(combineCounts(ca, cb, "subtract"), counts(less));
      const more = { ...a, data: a.data.slice() };
      union(more, b);
      assert.equal(combineCounts(ca, cb, "union"), counts(more));
      assert.equal(countsArea(cb), area(b));
    }
  }
});

test("a window becomes a mask of the whole image", () => {
  const image = noise(31, 23, 7, 0.3);
  for (const rect of [
    { x0: 0, y0: 0, x1: 31, y1: 23 },
    { x0: 4, y0: 0, x1: 9, y1: 23 },
    { x0: 30, y0: 22, x1: 31, y1: 23 },
    { x0: 3, y0: 5, x1: 17, y1: 19 },
  ]) {
    const expected = createBitmap(31, 23);
    for (let y = rect.y0; y < rect.y1; y++)
      for (let x = rect.x0; x < rect.x1; x++) expected.data[y * 31 + x] = image.data[y * 31 + x];
    assert.equal(regionCounts(crop(image, rect), 31, 23), counts(expected));
  }
});

test("a window that reaches beyond the image is cut off", () => {
  const full = { x: -2, y: -1, width: 6, height: 4, data: new Uint8Array(24).fill(1) };
  const expected = createBitmap(10, 8);
  for (let y = 0; y < 3; y++) for (let x = 0; x < 4; x++) expected.data[y * 10 + x] = 1;
  assert.deepEqual(decode(regionCounts(full, 10, 8), 10, 8), expected.data);
  const outside = { ...full, x: 20, y: 20 };
  assert.equal(regionCounts(outside, 10, 8), counts(createBitmap(10, 8)));
});

test("the parts of a mask are the mask", () => {
  const mask = noise(40, 30, 3, 0.2);
  const parts = splitParts(mask).map((part) => regionCounts(part, 40, 30));
  assert.ok(parts.length > 3);
  assert.equal(
    parts.reduce((all, part) => combineCounts(all, part, "union")),
    counts(mask),
  );
});

test("a moved mask has every pixel that stays inside, at its new place", () => {
  const mask = noise(13, 9, 5, 0.4);
  for (const [dx, dy, width, height] of [
    [0, 0, 13, 9],
    [3, -2, 13, 9],
    [-4, 5, 20, 30],
    [0, 0, 6, 4],
    [-13, 0, 13, 9],
  ]) {
    const expected = createBitmap(width, height);
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 13; x++) {
        const [toX, toY] = [x + dx, y + dy];
        const inside = toX >= 0 && toY >= 0 && toX < width && toY < height;
        if (inside) expected.data[toY * width + toX] = mask.data[y * 13 + x];
      }
    }
    assert.equal(placeCounts(counts(mask), mask, [dx, dy], { width, height }), counts(expected));
  }
});

test("overlap is counted by pixels", () => {
  const one = createBitmap(4, 4);
  one.data.fill(1, 0, 8);
  const other = createBitmap(4, 4);
  other.data.fill(1, 4, 12);
  const apart = createBitmap(4, 4);
  apart.data.fill(1, 12, 16);
  assert.equal(countsIou(counts(one), counts(other)), 1 / 3);
  assert.equal(countsIou(counts(apart), counts(createBitmap(4, 4))), 0);
  assert.equal(countsTouch(counts(one), counts(other)), true);
  assert.equal(countsTouch(counts(one), counts(apart)), false);
});

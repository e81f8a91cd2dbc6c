import assert from "node:assert/strict";
import { test } from "node:test";
import {
  boundingRect,
  clipRect,
  createBitmap,
  fillCapsule,
  isBlank,
} from "../../../static/js/core/bitmap.js";
import {
  bitmapToLengths,
  decode,
  encode,
  lengthsToString,
  stringToLengths,
} from "../../../static/js/core/rle.js";
import { draw, noise, randomNumbers } from "../masks.js";

/** Run lengths by the definition: one pixel after the other, column by column.
 * @param {import("../../../static/js/core/bitmap.js").Bitmap} bitmap */
function lengthsByDefinition({ width, height, data }) {
  const lengths = [0];
  let value = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (data[y * width + x] !== value) {
        lengths.push(0);
        value ^= 1;
      }
      lengths[lengths.length - 1]++;
    }
  }
  return lengths;
}

test("known masks give the strings that pycocotools writes", () => {
  // Written down from pycocotools 2.0.11; tests/js/test_rle_parity.py compares with the installed one.
  for (const [picture, counts] of [
    ["#", "01"],
    [".", "1"],
    ["..", "2"],
    ["## ##", "04"],
    ["#. .#", "0120"],
  ]) {
    const { width, height, data } = draw(picture);
    assert.equal(encode(data, width, height), counts, picture);
  }
});

test("run lengths follow the definition at every width modulo four", () => {
  for (const [width, height] of [
    [1, 1],
    [1, 9],
    [9, 1],
    [2, 3],
    [4, 4],
    [5, 7],
    [6, 5],
    [7, 8],
    [33, 65],
    [64, 3],
  ]) {
    for (const share of [0, 0.03, 0.5, 0.97, 1]) {
      const bitmap = noise(width, height, width * 100 + height, share);
      const lengths = bitmapToLengths(bitmap.data, width, height);
      assert.deepEqual([...lengths], lengthsByDefinition(bitmap), `${width} x ${height}, ${share}`);
    }
  }
});

test("what is encoded is decoded, and the string's numbers too", () => {
  for (const [width, height] of [
    [1, 1],
    [3, 2],
    [40, 30],
    [1, 500],
    [500, 1],
    [127, 211],
  ]) {
    for (const share of [0, 0.01, 0.5, 1]) {
      const { data } = noise(width, height, 7 * width + height, share);
      const counts = encode(data, width, height);
      assert.deepEqual(decode(counts, width, height), data);
      assert.equal(lengthsToString(stringToLengths(counts)), counts);
    }
  }
});

test("long runs need several characters and differences may be negative", () => {
  const lengths = [5, 1_000_000, 3, 2, 40_000_000, 1, 0, 7];
  const counts = lengthsToString(lengths);
  assert.deepEqual([...stringToLengths(counts)], lengths);
});

test("runs of length zero, which other tools write, change nothing", () => {
  const counts = lengthsToString([1, 2, 0, 0, 0, 3]);
  assert.deepEqual([...decode(counts, 3, 2)], [...decode(lengthsToString([1, 5]), 3, 2)]);
});

test("damaged counts are refused with the reason", () => {
  assert.throws(() => decode("04", 3, 3), /covers 4 pixels, the 3 x 3 image has 9/);
  assert.throws(() => decode("1 2", 3, 3), /malformed at character 1/);
  assert.throws(() => decode("é", 1, 1), /malformed/);
  assert.throws(() => decode("P", 1, 1), /middle of a number/);
  assert.throws(() => decode("oooooooo0", 1, 1), /malformed/);
  assert.throws(() => decode("O", 1, 1), /length -1/);
  assert.throws(() => encode(new Uint8Array(5), 2, 3), /5 bytes, 2 x 3 need 6/);
});

test("a box around the mask is all that encoding and looking need", () => {
  const random = randomNumbers(11);
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit);
  for (let round = 0; round < 400; round++) {
    const bitmap = createBitmap(1 + below(24), 1 + below(24));
    for (let dab = below(4); dab > 0; dab--) {
      const [x, y] = [below(bitmap.width), below(bitmap.height)];
      fillCapsule(bitmap, x, y, x + below(7) - 3, y + below(6), random() * 5, 1);
    }
    const { data, width, height } = bitmap;
    const box = boundingRect(bitmap);
    const { x0, y0, x1, y1 } = box;
    const loose = clipRect({ x0: x0 - 2, y0: y0 - 1, x1: x1 + 1, y1: y1 + 3 }, bitmap);
    assert.equal(encode(data, width, height, box), encode(data, width, height));
    assert.equal(isBlank(bitmap, box), isBlank(bitmap));
    if (isBlank(bitmap)) continue;
    assert.equal(encode(data, width, height, loose), encode(data, width, height));
    assert.deepEqual(boundingRect(bitmap, loose), box);
  }
});

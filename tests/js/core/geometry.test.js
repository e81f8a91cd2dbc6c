import assert from "node:assert/strict";
import { test } from "node:test";
import { inputSize, makeFrame, toModelSpace } from "../../../static/js/core/geometry.js";
import { goldenJson } from "../golden.js";

test("input sizes and points agree with Python", () => {
  const { cases } = goldenJson("transforms");
  assert.ok(cases.length > 10);
  for (const item of cases) {
    const frame = makeFrame(item.original, item.image_size, item.mask_size);
    assert.deepEqual([...frame.input], item.input, `${item.original} at ${item.image_size}`);
    assert.deepEqual(
      [...makeFrame(item.original, item.image_size).maskSize],
      item.mask_size,
      "masks are a quarter of the input",
    );
    toModelSpace(item.points, frame).forEach(([x, y], i) => {
      assert.ok(Math.abs(x - item.transformed[i][0]) < 1e-3, `x of point ${i}`);
      assert.ok(Math.abs(y - item.transformed[i][1]) < 1e-3, `y of point ${i}`);
    });
  }
});

test("each axis has its own factor because both sides are rounded", () => {
  const frame = makeFrame([1000, 3], 1024);
  assert.deepEqual([...frame.input], [1024, 3]);
  assert.deepEqual(toModelSpace([[3, 1000]], frame), [[3, 1024]]);
});

test("impossible sizes are refused", () => {
  for (const size of [
    [0, 5, 1024],
    [5, -1, 1024],
    [5, 5, 0],
    [Number.NaN, 5, 1024],
  ]) {
    assert.throws(() => inputSize(size[0], size[1], size[2]), RangeError);
  }
});

test("a frame cannot be changed", () => {
  const frame = /** @type {any} */ (makeFrame([10, 20], 64));
  assert.throws(() => {
    frame.imageSize = 1;
  }, TypeError);
  assert.throws(() => {
    frame.input[0] = 1;
  }, TypeError);
});

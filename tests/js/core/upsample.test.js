import assert from "node:assert/strict";
import { test } from "node:test";
import { equals, iou } from "../../../static/js/core/bitmap.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { decode } from "../../../static/js/core/rle.js";
import { upsample, upsampleReference } from "../../../static/js/core/upsample.js";
import { goldenBytes, goldenJson } from "../golden.js";
import { smoothLogits } from "../masks.js";

test("masks agree with torch's two bilinear steps", () => {
  const { cases } = goldenJson("upsample");
  const bytes = goldenBytes("upsample");
  assert.ok(cases.length > 3);
  for (const item of cases) {
    const [rows, columns] = item.low_res;
    const logits = new Float32Array(bytes, item.offset, rows * columns);
    const [height, width] = item.original;
    const frame = makeFrame(item.original, item.image_size, item.low_res);
    assert.deepEqual([...frame.input], item.input);
    const mask = upsample(logits, frame);
    const wanted = { width, height, data: decode(item.counts, width, height) };
    // torch rounds its weights to float32 in another order: a pixel whose logit is 0 to the last bit may differ.
    const different = mask.data.reduce((sum, bit, i) => sum + (bit ^ wanted.data[i]), 0);
    assert.ok(different <= 2, `${item.original}: ${different} pixels differ`);
    assert.ok(iou(mask, wanted) >= 0.9999);
  }
});

test("the sparse method equals the dense reference", () => {
  for (const [height, width, imageSize, maskSide] of [
    [300, 450, 512, 128],
    [450, 300, 512, 128],
    [97, 211, 256, 64],
    [1024, 1024, 1024, 256],
    [1500, 700, 512, 128],
    [37, 1200, 1024, 256],
    [1, 1, 256, 64],
    [2, 900, 256, 64],
    [300, 450, 64, 64],
    [90, 40, 128, 128],
  ]) {
    const frame = makeFrame([height, width], imageSize, [maskSide, maskSide]);
    const logits = smoothLogits(maskSide, maskSide, height + width);
    const mask = upsample(logits, frame);
    const dense = Uint8Array.from(upsampleReference(logits, frame), (value) => (value > 0 ? 1 : 0));
    const different = mask.data.reduce((sum, bit, i) => sum + (bit ^ dense[i]), 0);
    assert.ok(
      different <= Math.ceil(mask.data.length * 1e-6),
      `${height} x ${width}: ${different} pixels differ`,
    );
  }
});

test("one sign fills everything, the threshold moves it", () => {
  const frame = makeFrame([50, 70], 64, [16, 16]);
  const ones = new Float32Array(256).fill(1);
  assert.equal(upsample(ones, frame).data.indexOf(0), -1);
  assert.equal(upsample(ones, frame, 1).data.indexOf(1), -1, "only above the threshold");
  assert.equal(upsample(ones.fill(-1), frame).data.indexOf(1), -1);
});

test("logits of the padding do not reach the mask", () => {
  const frame = makeFrame([200, 400], 256, [64, 64]);
  const logits = smoothLogits(64, 64, 5);
  const before = upsample(logits, frame);
  logits.fill(1000, 34 * 64);
  assert.ok(equals(upsample(logits, frame), before));
});

test("masks finer than the input are refused", () => {
  assert.throws(() => upsample(new Float32Array(64), makeFrame([8, 8], 4, [8, 8])), RangeError);
});

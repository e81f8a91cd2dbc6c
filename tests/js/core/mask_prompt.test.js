import assert from "node:assert/strict";
import test from "node:test";
import { boundingRect, createBitmap, fillCapsule } from "../../../static/js/core/bitmap.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { bySize, deepestPoint, maskLogits, promptsOfMask } from "../../../static/js/core/mask_prompt.js";
import { addBox, addPoint, NO_PROMPTS } from "../../../static/js/core/prompts.js";
import { upsample } from "../../../static/js/core/upsample.js";

function disc(
  /** @type {number} */ width,
  /** @type {number} */ height,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ radius,
) {
  const bitmap = createBitmap(width, height);
  fillCapsule(bitmap, x, y, x, y, radius, 1);
  return bitmap;
}

const painted = (/** @type {import("../../../static/js/core/bitmap.js").Bitmap} */ bitmap) => ({
  bitmap,
  bounds: boundingRect(bitmap),
});

test("logits of a mask give the mask back, whatever the image's size and shape", () => {
  for (const [width, height] of [
    [40, 30],
    [300, 451],
    [1600, 1000],
  ]) {
    const frame = makeFrame([height, width], 256);
    const mask = disc(width, height, width * 0.6, height * 0.5, height * 0.3);
    const back = upsample(maskLogits(mask, boundingRect(mask), frame), frame, 0);
    let [both, either] = [0, 0];
    mask.data.forEach((value, at) => {
      both += value & back.data[at];
      either += value | back.data[at];
    });
    assert.ok(both / either > 0.93, `${width} × ${height}: IoU ${both / either}`);
  }
});

test("the deepest point is the middle; a thin mask still has one of its own pixels", () => {
  const frame = makeFrame([300, 400], 256);
  const mask = disc(400, 300, 250, 120, 60);
  const found = deepestPoint(maskLogits(mask, boundingRect(mask), frame), mask, frame);
  assert.ok(found && Math.hypot(found.x - 250, found.y - 120) < 12, JSON.stringify(found));
  const stroke = createBitmap(400, 300);
  fillCapsule(stroke, 100, 150, 300, 150, 20, 1);
  const half = deepestPoint(maskLogits(stroke, boundingRect(stroke), frame), stroke, frame);
  assert.ok(half && Math.abs(half.x - 200) < 12 && Math.abs(half.y - 150) < 5, JSON.stringify(half));
  const thin = createBitmap(400, 300);
  thin.data[77 * 400 + 13] = 1;
  const pixel = deepestPoint(maskLogits(thin, boundingRect(thin), frame), thin, frame);
  assert.deepEqual(pixel, { x: 13, y: 77, depth: 0 });
  const blank = createBitmap(400, 300);
  assert.equal(deepestPoint(maskLogits(blank, boundingRect(blank), frame), blank, frame), null);
});

test("points that contradict the paint are left out, boxes too, and what was erased is excluded", () => {
  const frame = makeFrame([300, 400], 256);
  const mask = disc(400, 300, 100, 150, 50);
  let before = addPoint(NO_PROMPTS, 110, 150, 1);
  before = addPoint(before, 300, 150, 1); // erased since
  before = addPoint(before, 95, 150, 0); // painted over since
  before = addBox(before, 60, 100, 350, 200);
  const gone = disc(400, 300, 300, 150, 40);
  const { prompts } = promptsOfMask(before, painted(mask), painted(gone), frame);
  assert.deepEqual(prompts.labels, [1, 0]);
  assert.deepEqual(prompts.points[0], [110, 150]);
  assert.ok(
    gone.data[prompts.points[1][1] * 400 + prompts.points[1][0]],
    "the new point is in the erased part",
  );
  assert.equal(prompts.boxes.length, 0);
});

test("sizes are ordered by the area of the masks", () => {
  const mask = (/** @type {number} */ area) =>
    Float32Array.from({ length: 9 }, (_, at) => (at < area ? 1 : -1));
  assert.deepEqual(bySize([mask(5), mask(2), mask(9), mask(2)]), [1, 3, 0, 2]);
});

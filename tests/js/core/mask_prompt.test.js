import assert from "node:assert/strict";
import test from "node:test";
import { boundingRect, createBitmap, fillCapsule } from "../../../static/js/core/bitmap.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import {
  bySize,
  deepestPoints,
  maskLogits,
  pointsAlong,
  pointsInside,
  promptsOfLasso,
  promptsOfMask,
} from "../../../static/js/core/mask_prompt.js";
import { addBox, addPoint, NO_PROMPTS } from "../../../static/js/core/prompts.js";
import { upsample } from "../../../static/js/core/upsample.js";

/** @typedef {import("../../../static/js/core/bitmap.js").Bitmap} Bitmap */

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

const painted = (/** @type {Bitmap} */ bitmap) => ({
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
  const deepest = (/** @type {Bitmap} */ bitmap) =>
    deepestPoints(maskLogits(bitmap, boundingRect(bitmap), frame), bitmap, frame, 1)[0];
  const found = deepest(mask);
  assert.ok(found && Math.hypot(found.x - 250, found.y - 120) < 12, JSON.stringify(found));
  const stroke = createBitmap(400, 300);
  fillCapsule(stroke, 100, 150, 300, 150, 20, 1);
  const half = deepest(stroke);
  assert.ok(half && Math.abs(half.x - 200) < 12 && Math.abs(half.y - 150) < 5, JSON.stringify(half));
  const thin = createBitmap(400, 300);
  thin.data[77 * 400 + 13] = 1;
  assert.deepEqual(deepest(thin), { x: 13, y: 77, depth: 0 });
  assert.equal(deepest(createBitmap(400, 300)), undefined);
});

test("points that contradict the paint are left out, boxes too, and what was erased is excluded", () => {
  const frame = makeFrame([300, 400], 256);
  const mask = disc(400, 300, 100, 150, 50);
  let before = addPoint(NO_PROMPTS, 110, 150, 1);
  before = addPoint(before, 300, 150, 1); // erased since
  before = addPoint(before, 95, 150, 0); // painted over since
  before = addBox(before, 60, 100, 350, 200);
  const gone = disc(400, 300, 300, 150, 40);
  const strokes = { added: painted(createBitmap(400, 300)), erased: painted(gone) };
  const { prompts } = promptsOfMask(before, painted(mask), strokes, frame);
  assert.deepEqual(prompts.labels, [1, 0]);
  assert.deepEqual(prompts.points[0], [110, 150]);
  assert.ok(
    gone.data[prompts.points[1][1] * 400 + prompts.points[1][0]],
    "the new point is in the erased part",
  );
  assert.equal(prompts.boxes.length, 0);
});

test("what was added is included, part by part, beside points that were there", () => {
  const frame = makeFrame([300, 400], 256);
  const mask = disc(400, 300, 100, 150, 50);
  const added = createBitmap(400, 300);
  for (const x of [250, 350]) fillCapsule(added, x, 60, x, 220, 15, 1);
  added.data.forEach((value, at) => {
    mask.data[at] |= value;
  });
  const before = addPoint(NO_PROMPTS, 100, 150, 1);
  const strokes = { added: painted(added), erased: painted(createBitmap(400, 300)) };
  const { prompts } = promptsOfMask(before, painted(mask), strokes, frame);
  assert.deepEqual(prompts.points[0], [100, 150]);
  const said = prompts.points.slice(1);
  assert.ok(
    said.every(([x, y]) => added.data[y * 400 + x]),
    JSON.stringify(said),
  );
  assert.deepEqual([...new Set(said.map(([x]) => (x < 300 ? "left" : "right")))].sort(), ["left", "right"]);
  assert.ok(prompts.labels.every((label) => label === 1));
});

test("a scribble becomes points at equal distances, away from its ends, inside the image", () => {
  const image = { width: 100, height: 80 };
  const corner = /** @type {[number, number][]} */ ([
    [0, 0],
    [60, 0],
    [60, 60],
  ]);
  assert.deepEqual(pointsAlong(corner, 3, image), [
    [20, 0],
    [60, 0],
    [60, 40],
  ]);
  assert.deepEqual(pointsAlong([[-30, 200]], 4, image), [[0, 79]]);
});

test("a lasso becomes its box, a point in its middle and its inside as a mask", () => {
  const image = { width: 400, height: 300 };
  const frame = makeFrame([300, 400], 256);
  const outline = /** @type {[number, number][]} */ (
    Array.from({ length: 60 }, (_, at) => [
      150 + 70 * Math.cos((at / 30) * Math.PI),
      120 + 50 * Math.sin((at / 30) * Math.PI),
    ])
  );
  const asked = promptsOfLasso(NO_PROMPTS, outline, image, frame);
  assert.ok(asked);
  const [[x0, y0, x1, y1]] = asked.prompts.boxes;
  assert.ok(Math.abs(x0 - 80) + Math.abs(y0 - 70) + Math.abs(x1 - 220) + Math.abs(y1 - 170) < 6);
  const [[x, y]] = asked.prompts.points;
  assert.ok(Math.hypot(x - 150, y - 120) < 15);
  const share = asked.maskInput.filter((value) => value > 0).length / asked.maskInput.length;
  assert.ok(Math.abs(share - (Math.PI * 70 * 50) / 400 ** 2) < 0.01, `${share}`);
  const inside = pointsInside(outline, image, frame);
  assert.ok(
    inside.length >= 1 && inside.every(([px, py]) => Math.hypot((px - 150) / 70, (py - 120) / 50) < 1),
  );
  const outside = outline.map(([px, py]) => /** @type {[number, number]} */ ([px + 900, py]));
  assert.equal(promptsOfLasso(NO_PROMPTS, outside, image, frame), null);
});

test("sizes are ordered by the area of the masks", () => {
  const mask = (/** @type {number} */ area) =>
    Float32Array.from({ length: 9 }, (_, at) => (at < area ? 1 : -1));
  assert.deepEqual(bySize([mask(5), mask(2), mask(9), mask(2)]), [1, 3, 0, 2]);
});

test("a mask within a closer look has the same logits as the part alone, and its points lie in the image", () => {
  const [dx, dy] = [37, 21];
  const whole = makeFrame([60, 80], 64, [16, 16]);
  const part = createBitmap(80, 60);
  fillCapsule(part, 30, 25, 50, 35, 8, 1);
  const image = createBitmap(200, 150);
  for (let y = 0; y < 60; y++) image.data.set(part.data.subarray(y * 80, y * 80 + 80), (y + dy) * 200 + dx);
  const frame = { ...whole, origin: /** @type {const} */ ([dx, dy]) };
  const logits = maskLogits(image, boundingRect(image), frame);
  assert.deepEqual(logits, maskLogits(part, boundingRect(part), whole));
  const [here] = deepestPoints(logits, image, frame, 1);
  const [there] = deepestPoints(logits, part, whole, 1);
  assert.deepEqual([here.x, here.y], [there.x + dx, there.y + dy]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  copyOutside,
  cropAround,
  deservesLook,
  holdsPrompts,
  intoCrop,
  placed,
} from "../../../static/js/core/crop.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import {
  addBox,
  addPoint,
  NO_PROMPTS,
  packPrompts,
  promptsFromJson,
  samePrompts,
  withCrop,
} from "../../../static/js/core/prompts.js";
import { upsample, upsampleReference } from "../../../static/js/core/upsample.js";

/** @typedef {import("../../../static/js/core/crop.js").Crop} Crop */

const IMAGE = { width: 8000, height: 6000 };

test("the crop holds what is in sight with some room, on a grid, within the image", () => {
  for (const [x0, y0, width, height] of [
    [3001.3, 2002.7, 900.2, 600.9],
    [0, 0, 400, 300],
    [7600, 5700, 400, 300],
    [10, 3000, 60, 20],
  ]) {
    const visible = { x0, y0, x1: x0 + width, y1: y0 + height };
    const crop = /** @type {Crop} */ (cropAround(visible, IMAGE));
    const [left, top, right, bottom] = crop;
    assert.ok(crop.every(Number.isInteger));
    assert.ok(left >= 0 && top >= 0 && right <= IMAGE.width && bottom <= IMAGE.height);
    assert.ok(left <= x0 && top <= y0 && right >= x0 + width && bottom >= y0 + height);
    assert.ok(right - left <= 2.5 * Math.max(width, 64) && right - left >= 64);
  }
});

test("small pans and zooms end up in the same crop", () => {
  const at = (/** @type {number} */ x, width = 900) =>
    String(cropAround({ x0: x, y0: 2100, x1: x + width, y1: 2700 }, IMAGE));
  assert.equal(at(3060), at(3080));
  assert.equal(at(3060), at(3060, 910));
});

test("no crop where nearly everything is in sight, or nothing", () => {
  assert.equal(cropAround({ x0: 100, y0: 100, x1: 7900, y1: 5900 }, IMAGE), null);
  assert.equal(cropAround({ x0: 9000, y0: 100, x1: 9100, y1: 5900 }, IMAGE), null);
});

test("a look is worth it below a third of the image, or of the crop that is looked at", () => {
  const visible = (/** @type {number} */ x, /** @type {number} */ width) => ({
    x0: x,
    y0: 1000,
    x1: x + width,
    y1: 1000 + width / 2,
  });
  assert.equal(deservesLook(visible(0, 2600), IMAGE, null), true);
  assert.equal(deservesLook(visible(0, 2700), IMAGE, null), false);
  /** @type {Crop} */
  const crop = [0, 0, 3000, 3000];
  assert.equal(deservesLook(visible(0, 2000), IMAGE, crop), false, "looked at already");
  assert.equal(deservesLook(visible(0, 900), IMAGE, crop), true, "much closer");
  assert.equal(deservesLook(visible(5000, 2000), IMAGE, crop), true, "elsewhere");
});

test("prompts are inside up to the outer edges of the crop's pixels", () => {
  /** @type {Crop} */
  const crop = [100, 200, 300, 400];
  const point = (/** @type {number} */ x, /** @type {number} */ y) => addPoint(NO_PROMPTS, x, y, 1);
  assert.equal(holdsPrompts(crop, point(100, 200)), true);
  assert.equal(holdsPrompts(crop, point(299, 399)), true);
  assert.equal(holdsPrompts(crop, point(99.5, 200)), true);
  assert.equal(holdsPrompts(crop, point(99, 200)), false);
  assert.equal(holdsPrompts(crop, point(300, 300)), false);
  assert.equal(holdsPrompts(crop, addBox(NO_PROMPTS, 120, 220, 299, 399)), true);
  assert.equal(holdsPrompts(crop, addBox(NO_PROMPTS, 120, 220, 301, 399)), false);
});

test("a click on pixel (i, j) is pixel (i - x0, j - y0) of the crop, for the model too", () => {
  /** @type {Crop} */
  const crop = [104, 208, 360, 336];
  const prompts = addBox(addPoint(NO_PROMPTS, 110, 220, 0), 120, 230, 200, 300);
  const inside = intoCrop(crop, prompts);
  assert.deepEqual(inside.points, [[6, 12]]);
  assert.deepEqual(inside.boxes, [[16, 22, 96, 92]]);
  const { coords } = packPrompts(inside, makeFrame([128, 256], 1024));
  assert.deepEqual([...coords.slice(0, 2)], [24, 48]);
});

test("a mask comes back pixel by pixel, as the reference gives it for the crop alone", () => {
  /** @type {Crop} */
  const crop = [13, 7, 13 + 50, 7 + 30];
  const frame = makeFrame([30, 50], 64, [16, 16]);
  const logits = Float32Array.from({ length: 256 }, (_, at) => Math.sin(at / 3) * 5);
  const mask = placed(upsample(logits, frame), crop, { width: 90, height: 60 });
  const reference = upsampleReference(logits, frame);
  for (let y = 0; y < 60; y++) {
    for (let x = 0; x < 90; x++) {
      const within = x >= 13 && x < 63 && y >= 7 && y < 37;
      const expected = within && reference[(y - 7) * 50 + x - 13] > 0 ? 1 : 0;
      assert.equal(mask.data[y * 90 + x], expected);
    }
  }
});

test("what lies outside of the crop is kept", () => {
  const [target, source] = [new Uint8Array(9 * 6), new Uint8Array(9 * 6).fill(1)];
  copyOutside(target, source, 9, [2, 1, 7, 4]);
  for (let y = 0; y < 6; y++)
    for (let x = 0; x < 9; x++)
      assert.equal(target[y * 9 + x], x >= 2 && x < 7 && y >= 1 && y < 4 ? 0 : 1, `${x}, ${y}`);
});

test("prompts carry their crop through edits and through the API's form", () => {
  const prompts = withCrop(addPoint(NO_PROMPTS, 5, 5, 1), [0, 0, 64, 64]);
  assert.deepEqual(addPoint(prompts, 6, 6, 0).crop, [0, 0, 64, 64]);
  const json = { points: [[5, 5]], labels: [1], boxes: [], crop_box: [0, 0, 64, 64] };
  assert.ok(samePrompts(promptsFromJson(json), prompts));
  assert.equal(samePrompts(prompts, withCrop(prompts, null)), false);
  assert.equal(withCrop(prompts, null).crop ?? null, null);
  assert.equal(withCrop(prompts, [0, 0, 64, 64]), prompts);
});

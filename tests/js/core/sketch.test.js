import assert from "node:assert/strict";
import { test } from "node:test";
import { boundingRect } from "../../../static/js/core/bitmap.js";
import { placed } from "../../../static/js/core/crop.js";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { Sketch } from "../../../static/js/core/sketch.js";
import { upsample } from "../../../static/js/core/upsample.js";

/** Logits of a blob, positive inside. @param {number} cx @param {number} cy @param {number} radius in samples */
function blob(cx, cy, radius, side = 32) {
  return Float32Array.from({ length: side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side)];
    return radius - Math.hypot(x - cx, y - cy) + 0.3 * Math.sin(3 * x + y);
  });
}

for (const [height, width] of [
  [300, 480],
  [480, 300],
  [37, 90],
]) {
  const frame = makeFrame([height, width], 128, [32, 32]);

  test(`the box holds the whole mask, ${width} × ${height}`, () => {
    for (const [cx, cy, radius] of [
      [10, 8, 4],
      [0, 0, 3],
      [15, 9, 0.4],
      [31, 31, 6],
      [16, 10, 40],
    ]) {
      const logits = blob(cx, cy, radius);
      const exact = boundingRect(upsample(logits, frame));
      const box = new Sketch([logits], frame, 0, null).box(0);
      if (exact.x1 === 0) continue;
      const where = `${JSON.stringify(box)} around ${JSON.stringify(exact)}`;
      assert.ok(box.x0 <= exact.x0 && box.y0 <= exact.y0 && box.x1 >= exact.x1 && box.y1 >= exact.y1, where);
      assert.ok(box.x0 >= 0 && box.y0 >= 0 && box.x1 <= width && box.y1 <= height, where);
    }
  });

  test(`a picture of the whole image is its mask, ${width} × ${height}`, () => {
    const logits = blob(10, 6, 5);
    const { data } = upsample(logits, frame);
    const picture = new Sketch([logits], frame, 0, null).sample(0, { x: 0, y: 0, scale: 1, width, height });
    const differing = picture.reduce((total, value, at) => total + Math.abs(value - data[at]), 0);
    const area = data.reduce((total, value) => total + value, 0);
    assert.ok(area > 50);
    assert.ok(differing < 0.05 * area, `${differing} of ${area} pixels differ`);
  });
}

test("a closer look's mask is where it belongs in the image", () => {
  const crop = /** @type {const} */ ([100, 40, 200, 120]);
  const frame = makeFrame([80, 100], 128, [32, 32]);
  const logits = blob(12, 10, 6);
  const exact = placed(upsample(logits, frame), crop, { width: 400, height: 300 });
  const sketch = new Sketch([logits], frame, 0, crop);
  const [box, inside] = [sketch.box(0), boundingRect(exact)];
  assert.ok(box.x0 <= inside.x0 && box.y0 <= inside.y0 && box.x1 >= inside.x1 && box.y1 >= inside.y1);
  assert.ok(box.x0 >= 100 && box.y1 <= 120);
  const picture = sketch.sample(0, { x: 90, y: 30, scale: 0.5, width: 60, height: 50 });
  let differing = 0;
  for (let row = 0; row < 50; row++) {
    for (let column = 0; column < 60; column++) {
      differing += Math.abs(picture[row * 60 + column] - exact.data[(31 + 2 * row) * 400 + 91 + 2 * column]);
    }
  }
  assert.ok(differing < 40, `${differing} pixels differ`);
});

test("without foreground there is no box and nothing to see", () => {
  const frame = makeFrame([60, 60], 128, [32, 32]);
  const sketch = new Sketch([new Float32Array(32 * 32).fill(-1)], frame, 0, null);
  assert.deepEqual(sketch.box(0), { x0: 0, y0: 0, x1: 0, y1: 0 });
  const view = { x: 0, y: 0, scale: 1, width: 60, height: 60 };
  assert.equal(sketch.sample(0, view).indexOf(1), -1);
});

import assert from "node:assert/strict";
import test from "node:test";
import { createBitmap } from "../../../static/js/core/bitmap.js";
import { encode } from "../../../static/js/core/rle.js";
import { cropAround, HEIGHT, WIDTH } from "../../../static/js/views/workbench/versions.js";

/** A filled rectangle on an image. @param {number[]} size width, height @param {number[]} box x0, y0, x1, y1 */
function mask([width, height], [x0, y0, x1, y1]) {
  const { data } = createBitmap(width, height);
  for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
  return { size: /** @type {[number, number]} */ ([height, width]), counts: encode(data, width, height) };
}

test("versions of an object at the border are shown within the photograph, in the middle where there is room", () => {
  const size = [800, 600];
  const atBorder = cropAround([mask(size, [700, 540, 800, 600]), null]);
  assert.equal(atBorder.x, 800 - WIDTH / atBorder.scale);
  assert.equal(atBorder.y, 600 - HEIGHT / atBorder.scale);
  const corner = cropAround([mask(size, [0, 0, 60, 60])]);
  assert.deepEqual([corner.x, corner.y], [0, 0]);
  const inside = cropAround([mask(size, [390, 290, 410, 310]), mask(size, [380, 290, 420, 310])]);
  assert.equal(inside.x + WIDTH / inside.scale / 2, 400);
});

test("a photograph smaller than the picture stands in its middle", () => {
  const small = cropAround([mask([40, 20], [0, 0, 40, 20])]);
  assert.equal(small.x, (40 - WIDTH / small.scale) / 2);
  assert.equal(small.y, (20 - HEIGHT / small.scale) / 2);
});

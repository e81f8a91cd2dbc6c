import assert from "node:assert/strict";
import { test } from "node:test";
import * as bitmaps from "../../../static/js/core/bitmap.js";
import { draw, noise, randomNumbers, rowsOf } from "../masks.js";

/** Distance from a pixel centre to a segment.
 * @param {number} x @param {number} y @param {number} ax @param {number} ay @param {number} bx @param {number} by */
function distance(x, y, ax, ay, bx, by) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const t = length ? Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
}

test("a capsule is exactly the pixels within the radius of the segment", () => {
  const random = randomNumbers(3);
  for (let round = 0; round < 300; round++) {
    const [ax, ay, bx, by] = Array.from({ length: 4 }, () => random() * 60 - 10);
    const radius = 0.5 + random() * 12;
    const bitmap = bitmaps.createBitmap(40, 37);
    const rect = bitmaps.fillCapsule(bitmap, ax, ay, bx, by, radius, 1);
    for (let y = 0; y < 37; y++) {
      for (let x = 0; x < 40; x++) {
        const away = distance(x, y, ax, ay, bx, by);
        if (Math.abs(away - radius) < 1e-9) continue;
        const inside = away < radius;
        assert.equal(bitmap.data[y * 40 + x] === 1, inside, `round ${round} at ${x},${y}`);
        if (inside)
          assert.ok(x >= rect.x0 && x < rect.x1 && y >= rect.y0 && y < rect.y1, "in the dirty rectangle");
      }
    }
  }
});

test("the thinnest brush still paints, and erasing is the same shape", () => {
  const bitmap = bitmaps.createBitmap(9, 9);
  bitmaps.fillCapsule(bitmap, 4.4, 3.6, 4.4, 3.6, 0.2, 1);
  assert.equal(bitmaps.area(bitmap), 1);
  assert.equal(bitmap.data[4 * 9 + 4], 1);
  bitmaps.fillCapsule(bitmap, 1, 1, 7, 6, 2, 1);
  bitmaps.fillCapsule(bitmap, 1, 1, 7, 6, 2, 0);
  assert.ok(bitmaps.isBlank(bitmap));
});

test("strokes outside the image touch nothing", () => {
  const bitmap = bitmaps.createBitmap(5, 5);
  const rect = bitmaps.fillCapsule(bitmap, -20, 2, -10, 2, 3, 1);
  assert.ok(bitmaps.isEmptyRect(rect) && bitmaps.isBlank(bitmap));
});

test("area, box and emptiness", () => {
  const bitmap = draw(".... .##. .#.. ....");
  assert.equal(bitmaps.area(bitmap), 3);
  assert.equal(bitmaps.area(bitmap, { x0: 2, y0: 0, x1: 4, y1: 4 }), 1);
  assert.deepEqual(bitmaps.bbox(bitmap), [1, 1, 2, 2]);
  assert.deepEqual(bitmaps.bbox(bitmaps.createBitmap(3, 3)), [0, 0, 0, 0]);
  assert.deepEqual(bitmaps.bbox(draw("#..# .... ...#")), [0, 0, 4, 3]);
});

test("boxes agree with a search over all pixels", () => {
  for (let seed = 0; seed < 60; seed++) {
    const bitmap = noise(13, 11, seed, 0.02);
    const set = [...bitmap.data.keys()].filter((i) => bitmap.data[i]);
    const xs = set.map((i) => i % 13);
    const ys = set.map((i) => Math.floor(i / 13));
    const wanted = set.length
      ? [
          Math.min(...xs),
          Math.min(...ys),
          Math.max(...xs) - Math.min(...xs) + 1,
          Math.max(...ys) - Math.min(...ys) + 1,
        ]
      : [0, 0, 0, 0];
    assert.deepEqual(bitmaps.bbox(bitmap), wanted);
  }
});

test("union and subtraction of regions, clipped at the border", () => {
  const bitmap = draw("#.. ... ...");
  const region = { x: 1, y: 1, ...draw("### #.# ###") };
  assert.deepEqual(bitmaps.union(bitmap, region), { x0: 1, y0: 1, x1: 3, y1: 3 });
  assert.deepEqual(rowsOf(bitmap), ["#..", ".##", ".#."]);
  bitmaps.subtract(bitmap, { x: 1, y: 1, ...draw("##") });
  assert.deepEqual(rowsOf(bitmap), ["#..", "...", ".#."]);
});

test("a crop holds the mask and nothing around it", () => {
  const region = bitmaps.crop(draw(".... ..#. .##."));
  assert.deepEqual([region.x, region.y, rowsOf(region)], [1, 1, [".#", "##"]]);
});

test("equality and overlap", () => {
  const a = draw("##. ...");
  const b = draw(".## ...");
  assert.ok(bitmaps.equals(a, bitmaps.cloneBitmap(a)) && !bitmaps.equals(a, b));
  assert.equal(bitmaps.iou(a, b), 1 / 3);
  assert.equal(bitmaps.iou(bitmaps.createBitmap(2, 2), bitmaps.createBitmap(2, 2)), 1);
  assert.throws(() => bitmaps.iou(a, bitmaps.createBitmap(2, 2)), RangeError);
});

test("rectangles", () => {
  const { clipRect, EMPTY_RECT, unionRect } = bitmaps;
  const bitmap = bitmaps.createBitmap(10, 8);
  assert.deepEqual(clipRect({ x0: -3.5, y0: 1.2, x1: 4.1, y1: 99 }, bitmap), { x0: 0, y0: 1, x1: 5, y1: 8 });
  assert.equal(clipRect({ x0: 20, y0: 0, x1: 30, y1: 5 }, bitmap), EMPTY_RECT);
  const rect = { x0: 1, y0: 2, x1: 3, y1: 4 };
  assert.deepEqual(unionRect(EMPTY_RECT, rect), rect);
  assert.deepEqual(unionRect(rect, { x0: 0, y0: 3, x1: 2, y1: 9 }), { x0: 0, y0: 2, x1: 3, y1: 9 });
});

import assert from "node:assert/strict";
import test from "node:test";
import { area, createBitmap } from "../../../static/js/core/bitmap.js";
import { fillPolygon, simplifyLine } from "../../../static/js/core/polygon.js";

/** @typedef {[number, number]} Point */

/** Winding number by the angle's crossings, straight from the definition.
 * @param {Point[]} points @param {number} x @param {number} y */
function inside(points, x, y) {
  let winding = 0;
  points.forEach(([ax, ay], i) => {
    const [bx, by] = points[(i + 1) % points.length];
    if (ay === by || y < Math.min(ay, by) || y >= Math.max(ay, by)) return;
    if (ax + ((y - ay) / (by - ay)) * (bx - ax) <= x) winding += by > ay ? 1 : -1;
  });
  return winding !== 0;
}

test("fillPolygon sets the pixels whose centres are inside", () => {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let round = 0; round < 60; round++) {
    const corners = 3 + Math.floor(random() * 7);
    /** @type {Point[]} */
    const points = Array.from({ length: corners }, () => [random() * 30 - 4, random() * 26 - 4]);
    const bitmap = createBitmap(22, 18);
    const rect = fillPolygon(bitmap, points, 1);
    for (let y = 0; y < 18; y++) {
      for (let x = 0; x < 22; x++) {
        const set = bitmap.data[y * 22 + x] === 1;
        assert.equal(set, inside(points, x, y), `pixel ${x},${y} of round ${round}`);
        if (set) assert.ok(x >= rect.x0 && x < rect.x1 && y >= rect.y0 && y < rect.y1);
      }
    }
  }
});

test("polygons that share an edge share no pixel and leave no gap", () => {
  const bitmap = createBitmap(10, 10);
  fillPolygon(
    bitmap,
    [
      [0, 0],
      [9, 0],
      [0, 9],
    ],
    1,
  );
  const left = area(bitmap);
  const other = createBitmap(10, 10);
  fillPolygon(
    other,
    [
      [9, 0],
      [9, 9],
      [0, 9],
    ],
    1,
  );
  fillPolygon(
    bitmap,
    [
      [9, 0],
      [9, 9],
      [0, 9],
    ],
    1,
  );
  assert.equal(area(bitmap), left + area(other));
  assert.equal(area(bitmap), 81);
});

test("a lasso that crosses itself leaves no hole", () => {
  const bitmap = createBitmap(20, 20);
  fillPolygon(
    bitmap,
    [
      [2, 2],
      [17, 2],
      [17, 17],
      [2, 17],
      [2, 5],
      [14, 5],
      [14, 14],
      [5, 14],
      [5, 2],
    ],
    1,
  );
  assert.equal(bitmap.data[10 * 20 + 10], 1);
});

test("value 0 takes away, and fewer than three points do nothing", () => {
  const bitmap = createBitmap(6, 6);
  bitmap.data.fill(1);
  fillPolygon(
    bitmap,
    [
      [1, 1],
      [4, 1],
      [4, 4],
      [1, 4],
    ],
    0,
  );
  assert.equal(area(bitmap), 36 - 9);
  assert.deepEqual(
    fillPolygon(
      bitmap,
      [
        [0, 0],
        [5, 5],
      ],
      0,
    ),
    { x0: 0, y0: 0, x1: 0, y1: 0 },
  );
  assert.equal(area(bitmap), 27);
});

test("simplifyLine stays within its tolerance and keeps the ends", () => {
  /** @type {Point[]} */
  const line = Array.from({ length: 200 }, (_, i) => [i, 20 * Math.sin(i / 15)]);
  const simple = simplifyLine(line, 0.5);
  assert.ok(simple.length < 60);
  assert.deepEqual(simple[0], line[0]);
  assert.deepEqual(simple.at(-1), line.at(-1));
  for (const [x, y] of line) {
    const near = simple.slice(1).some(([bx, by], i) => {
      const [ax, ay] = simple[i];
      if (x < ax || x > bx) return false;
      return Math.abs(ay + ((x - ax) / (bx - ax)) * (by - ay) - y) <= 0.75;
    });
    assert.ok(near, `${x} lies off the simplified line`);
  }
});

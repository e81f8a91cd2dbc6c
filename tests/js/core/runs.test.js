import assert from "node:assert/strict";
import { test } from "node:test";
import { runsContain, runsFromLengths } from "../../../static/js/core/runs.js";

/** Random run lengths over width × height pixels. @param {number} seed */
function randomLengths(seed, width = 9, height = 7) {
  let state = seed;
  const random = () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const counts = [];
  for (let left = width * height; left > 0; left -= /** @type {number} */ (counts.at(-1))) {
    counts.push(Math.min(left, Math.floor(random() * 14)));
  }
  return counts;
}

test("a pixel is inside exactly when COCO's column-major counts say so", () => {
  const [width, height] = [9, 7];
  for (let seed = 1; seed < 200; seed++) {
    const counts = randomLengths(seed);
    const flat = counts.flatMap((count, index) => Array(count).fill(index % 2));
    const mask = runsFromLengths(counts, width, height);
    assert.equal(
      mask.area,
      flat.reduce((total, value) => total + value, 0),
    );
    for (let x = -1; x <= width; x++) {
      for (let y = -1; y <= height; y++) {
        const inside = x >= 0 && y >= 0 && x < width && y < height && flat[x * height + y] === 1;
        assert.equal(runsContain(mask, x, y), inside, `seed ${seed}, pixel ${x}, ${y}`);
      }
    }
    const on = [...flat.keys()].filter((at) => flat[at]);
    const [xs, ys] = [on.map((at) => Math.floor(at / height)), on.map((at) => at % height)];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const box = on.length ? [left, top, Math.max(...xs) + 1 - left, Math.max(...ys) + 1 - top] : [0, 0, 0, 0];
    assert.deepEqual(mask.bbox, box, `seed ${seed}`);
  }
});

test("one run over many columns has a run in each of them", () => {
  const mask = runsFromLengths([5, 3000, 995], 400, 10);
  assert.equal(mask.area, 3000);
  assert.deepEqual(mask.bbox, [0, 0, 301, 10]);
  assert.equal(mask.offsets[400], 301);
  assert.ok(runsContain(mask, 300, 4));
  assert.ok(!runsContain(mask, 300, 5));
});

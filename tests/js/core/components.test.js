import assert from "node:assert/strict";
import { test } from "node:test";
import { connectedComponents, fillHoles, removeSpecks } from "../../../static/js/core/components.js";
import { draw, noise, rowsOf } from "../masks.js";

/** Sorted component sizes by flood fill. @param {import("../../../static/js/core/bitmap.js").Bitmap} bitmap
 * @param {number} value @param {number} connectivity */
function sizesByFlood({ width, height, data }, value, connectivity) {
  const seen = new Uint8Array(data.length);
  const sizes = [];
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || data[start] !== value) continue;
    let size = 0;
    const stack = [start];
    seen[start] = 1;
    while (stack.length) {
      const at = /** @type {number} */ (stack.pop());
      size++;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if (connectivity === 4 && dx && dy) continue;
          const [x, y] = [(at % width) + dx, Math.floor(at / width) + dy];
          const next = y * width + x;
          if (x < 0 || y < 0 || x >= width || y >= height || seen[next] || data[next] !== value) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    sizes.push(size);
  }
  return sizes;
}

test("components agree with a flood fill", () => {
  for (let seed = 0; seed < 40; seed++) {
    const bitmap = noise(23, 19, seed, 0.3 + (seed % 5) / 10);
    for (const value of /** @type {const} */ ([0, 1])) {
      for (const connectivity of /** @type {const} */ ([4, 8])) {
        const { areas, count } = connectedComponents(bitmap, value, connectivity);
        assert.deepEqual([...areas], sizesByFlood(bitmap, value, connectivity), "in reading order");
        assert.equal(count, areas.length);
      }
    }
  }
});

test("boxes of components", () => {
  const { rects } = connectedComponents(draw("##.. ...# ..#."), 1, 8);
  assert.deepEqual(rects, [
    { x0: 0, y0: 0, x1: 2, y1: 1 },
    { x0: 2, y0: 1, x1: 4, y1: 3 },
  ]);
});

test("specks go, the largest part stays however small", () => {
  const bitmap = draw("##..# ##... ....#");
  removeSpecks(bitmap, 3);
  assert.deepEqual(rowsOf(bitmap), ["##...", "##...", "....."]);
  const tiny = draw("#.. ...");
  removeSpecks(tiny, 100);
  assert.deepEqual(rowsOf(tiny), ["#..", "..."]);
});

test("holes are filled, bays are not", () => {
  const bitmap = draw("#####. #.#... #####. ......");
  const changed = fillHoles(bitmap);
  assert.deepEqual(rowsOf(bitmap), ["#####.", "###...", "#####.", "......"]);
  assert.deepEqual(changed, { x0: 1, y0: 1, x1: 2, y1: 2 });
});

test("only holes below the limit are filled", () => {
  const bitmap = draw("####### #.#...# #######");
  fillHoles(bitmap, 2);
  assert.deepEqual(rowsOf(bitmap), ["#######", "###...#", "#######"]);
});

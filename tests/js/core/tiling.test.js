import assert from "node:assert/strict";
import { test } from "node:test";
import { levelFor, parentOf, tileName, tileRect, tilesIn } from "../../../static/js/core/tiling.js";

const LAYOUT = { width: 12000, height: 8400, side: 512, levels: 6 };

test("the level is the smallest one with a pixel for every device pixel", () => {
  /** @type {[number, number][]} scale, level */
  const cases = [
    [8, 0],
    [1, 0],
    [0.51, 0],
    [0.5, 1],
    [0.26, 1],
    [0.25, 2],
    [0.1, 3],
    [0.0001, 5],
  ];
  for (const [scale, level] of cases) assert.equal(levelFor(scale, 6), level, `scale ${scale}`);
});

test("tiles of a view, nearest to its middle first, never outside of the image", () => {
  const tiles = tilesIn(LAYOUT, 0, { x0: -900, y0: 500, x1: 1200, y1: 1100 });
  assert.deepEqual(tiles.map(tileName).sort(), [
    "0/0/0",
    "0/0/1",
    "0/0/2",
    "0/1/0",
    "0/1/1",
    "0/1/2",
    "0/2/0",
    "0/2/1",
    "0/2/2",
  ]);
  assert.equal(tileName(tiles[0]), "0/0/1");
  assert.deepEqual(tilesIn(LAYOUT, 0, { x0: -900, y0: 0, x1: 0, y1: 100 }), []);
  assert.deepEqual(tilesIn(LAYOUT, 0, { x0: 12000, y0: 0, x1: 13000, y1: 100 }), []);
  assert.equal(tilesIn(LAYOUT, 5, { x0: 0, y0: 0, x1: 12000, y1: 8400 }).length, 1);
});

test("the tiles of every level cover each pixel once", () => {
  for (let level = 0; level < LAYOUT.levels; level++) {
    const all = tilesIn(LAYOUT, level, { x0: 0, y0: 0, x1: LAYOUT.width, y1: LAYOUT.height });
    const areas = all.map((tile) => tileRect(LAYOUT, tile)).map((r) => (r.x1 - r.x0) * (r.y1 - r.y0));
    assert.equal(
      areas.reduce((sum, area) => sum + area),
      LAYOUT.width * LAYOUT.height,
    );
  }
});

test("a parent shows what its tile shows", () => {
  const tile = { level: 1, column: 7, row: 4 };
  const [inner, outer] = [tileRect(LAYOUT, tile), tileRect(LAYOUT, parentOf(tile))];
  assert.ok(outer.x0 <= inner.x0 && outer.y0 <= inner.y0 && outer.x1 >= inner.x1 && outer.y1 >= inner.y1);
});

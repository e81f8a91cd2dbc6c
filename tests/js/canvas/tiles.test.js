import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { TiledPicture } from "../../../static/js/canvas/tiles.js";
import { tileName } from "../../../static/js/core/tiling.js";

/** @typedef {import("../../../static/js/core/tiling.js").Tile} Tile */

const LAYOUT = { width: 12000, height: 8400, side: 512, levels: 6 };
/** A full-size view of 1000 × 600 device pixels with its corner at image pixel (3000, 2000). */
const VIEW = { scale: 1, x: -3000, y: -2000, width: 1000, height: 600 };

/** @type {Map<string, {signal: AbortSignal, resolve: (bitmap: any) => void, reject: (error: unknown) => void}>} */
let asked = new Map();
/** @type {Set<any>} */
let open = new Set();
let changes = 0;

function bitmap(/** @type {string} */ name, width = 512, height = 512) {
  const made = { name, width, height, close: () => open.delete(made) };
  open.add(made);
  return made;
}

function picture() {
  const made = new TiledPicture(
    LAYOUT,
    /** @type {any} */ (bitmap("thumbnail", 320, 224)),
    (tile, signal) =>
      new Promise((resolve, reject) => {
        asked.set(tileName(tile), { signal, resolve, reject });
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  made.start(() => changes++);
  return made;
}

/** What is drawn, as names of bitmaps with source and target rectangles. */
function drawn(/** @type {TiledPicture} */ tiled, view = VIEW) {
  /** @type {{name: string, source: number[], target: number[]}[]} */
  const calls = [];
  const context = {
    imageSmoothingEnabled: true,
    drawImage: (/** @type {any} */ { name }, /** @type {number[]} */ ...numbers) =>
      calls.push({ name, source: numbers.slice(0, 4), target: numbers.slice(4) }),
  };
  tiled.draw(/** @type {any} */ (context), view);
  return calls;
}

/** Answer everything that is asked, until nothing more is. */
async function answerAll() {
  while (asked.size) {
    for (const [name, { resolve }] of [...asked]) {
      asked.delete(name);
      resolve(bitmap(name));
    }
    await new Promise((go) => setImmediate(go));
  }
}

beforeEach(() => {
  asked = new Map();
  open = new Set();
  changes = 0;
});

test("what is missing is drawn from the thumbnail, then from coarser tiles, then sharp", async () => {
  const tiled = picture();
  assert.deepEqual(new Set(drawn(tiled).map(({ name }) => name)), new Set(["thumbnail"]));
  tiled.prepare({ ...VIEW, scale: 0.25, x: -750, y: -500, width: 250, height: 150 });
  await answerAll();
  assert.ok(changes > 0);
  tiled.prepare(VIEW);
  assert.equal(tiled.isSharp, false);
  assert.ok(drawn(tiled).every(({ name }) => name.startsWith("2/")));
  await answerAll();
  assert.equal(tiled.isSharp, true);
  assert.ok(drawn(tiled).every(({ name }) => name.startsWith("0/")));
});

test("neighbouring tiles meet without a gap at any zoom, and the whole image is covered", () => {
  const tiled = picture();
  for (const scale of [0.0831, 0.237, 0.5, 0.77, 1.31, 3.3]) {
    const view = { scale, x: -100.4, y: -33.7, width: 800, height: 500 };
    const targets = drawn(tiled, view).map(({ target: [x, y, w, h] }) => ({ x, y, w, h }));
    for (const value of targets.flatMap(Object.values)) assert.equal(value, Math.round(value));
    const covered = (/** @type {number} */ px, /** @type {number} */ py) =>
      targets.filter(({ x, y, w, h }) => px >= x && px < x + w && py >= y && py < y + h).length;
    for (let i = 0; i < 500; i++) assert.equal(covered((i * 37) % 800, (i * 91) % 500), 1);
  }
});

test("six fetches at once, the middle of the view first; leaving gives them up", () => {
  const tiled = picture();
  tiled.prepare(VIEW);
  assert.equal(asked.size, 6);
  assert.equal([...asked.keys()][0], "0/6/4");
  const before = [...asked.values()];
  tiled.prepare({ ...VIEW, x: -9000, y: -7000 });
  assert.ok(before.every(({ signal }) => signal.aborted));
});

test("memory stays within bounds however far one pans, and ends with the picture", async () => {
  const tiled = picture();
  for (let x = 0; x < 11000; x += 900) {
    for (let y = 0; y < 7800; y += 500) {
      tiled.prepare({ ...VIEW, x: -x, y: -y });
      await answerAll();
    }
  }
  const bytes = [...open].reduce((sum, { width, height }) => sum + 4 * width * height, 0);
  assert.ok(bytes <= 180 * 2 ** 20, `${bytes / 2 ** 20} MiB`);
  assert.equal(tiled.isSharp, true);
  tiled.close();
  assert.equal(open.size, 0);
});

test("tiles that are still being made are asked for again later, not all the time", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const tiled = picture();
  tiled.prepare(VIEW);
  const refused = [...asked.values()];
  asked.clear();
  for (const { reject } of refused) reject(new Error("tiles_missing"));
  await new Promise((go) => setImmediate(go));
  tiled.prepare(VIEW);
  assert.equal(asked.size, 0);
  mock.timers.tick(1500);
  assert.equal(asked.size, 6);
  mock.timers.reset();
  tiled.close();
});

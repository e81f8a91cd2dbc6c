import assert from "node:assert/strict";
import test from "node:test";
import { changed, ObjectsLayer } from "../../../static/js/canvas/objects_layer.js";
import { runsFromLengths } from "../../../static/js/core/runs.js";

const VIEW = { scale: 0.5, x: 3, y: 1, width: 60, height: 40 };
const IMAGE = { width: 100, height: 70 };

/** A filled rectangle, image pixels. @param {number} x @param {number} y @param {number} width @param {number} height */
function box(x, y, width, height) {
  const counts = [x * IMAGE.height + y];
  for (let column = 0; column < width; column++) {
    counts.push(
      height,
      column + 1 < width ? IMAGE.height - height : (IMAGE.width - x - width + 1) * IMAGE.height - y - height,
    );
  }
  return runsFromLengths(counts, IMAGE.width, IMAGE.height);
}

/** @param {string} id @param {import("../../../static/js/core/runs.js").RunMask} runs */
function painted(id, runs, fill = 0.4) {
  return {
    id,
    runs,
    style: { color: /** @type {[number, number, number]} */ ([200, 40, 10]), fill, outline: 1 },
  };
}

const scene = (/** @type {ReturnType<typeof painted>[]} */ ...objects) => ({
  view: VIEW,
  thickness: 1,
  objects,
});

class Picture {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

/** A canvas that keeps what is put on it. */
class Context {
  pixels = new Uint32Array(VIEW.width * VIEW.height);
  /** Device pixels written so far. */
  written = 0;

  /** @param {ImageData} picture @param {number} _x @param {number} _y @param {number} x0 @param {number} y0
   * @param {number} width @param {number} height */
  putImageData(picture, _x, _y, x0, y0, width, height) {
    const from = new Uint32Array(picture.data.buffer);
    for (let y = y0; y < y0 + height; y++)
      for (let x = x0; x < x0 + width; x++) this.pixels[y * VIEW.width + x] = from[y * VIEW.width + x];
    this.written += width * height;
  }
}

globalThis.ImageData ??= /** @type {any} */ (Picture);

/** What a canvas shows that has seen only this scene. @param {ReturnType<typeof scene>} each */
function fresh(each) {
  const context = new Context();
  new ObjectsLayer(/** @type {any} */ (context)).paint(each, null);
  return context.pixels;
}

const a = painted("a", box(4, 4, 20, 30));
const b = painted("b", box(50, 10, 40, 40));
const over = painted("over", box(15, 20, 30, 30));
const dot = painted("dot", box(81, 61, 1, 1));

const SCENES = [
  scene(a, b),
  scene(a, b, over),
  scene(a, over),
  scene(a, painted("over", over.runs, 0.8)),
  scene(painted("over", box(0, 0, 9, 9))),
  scene(painted("over", box(0, 0, 9, 9)), dot, b),
  scene(b, dot, painted("over", box(0, 0, 9, 9))),
  scene(),
];

test("after any change the canvas shows what a fresh one would", () => {
  const context = new Context();
  const layer = new ObjectsLayer(/** @type {any} */ (context));
  for (const each of SCENES) {
    layer.paint(each, null);
    assert.deepEqual(context.pixels, fresh(each));
  }
});

test("only what one object covers is painted again", () => {
  const context = new Context();
  const layer = new ObjectsLayer(/** @type {any} */ (context));
  layer.paint(scene(a, b, dot), null);
  context.written = 0;
  layer.paint(scene(a, b), null);
  assert.ok(context.written > 0 && context.written <= 25, `${context.written} pixels`);
  context.written = 0;
  layer.paint(scene(a, b), null);
  assert.equal(context.written, 0);
});

test("a view that has moved, another order and a cleared canvas need all of it", () => {
  const all = { x0: 0, y0: 0, x1: VIEW.width, y1: VIEW.height };
  assert.deepEqual(changed(null, scene(a)), all);
  assert.deepEqual(changed(scene(a, b), { ...scene(a, b), view: { ...VIEW, x: 4 } }), all);
  assert.deepEqual(changed(scene(a, b), { ...scene(a, b), thickness: 2 }), all);
  assert.deepEqual(changed(scene(a, b), scene(b, a)), all);
  const context = new Context();
  const layer = new ObjectsLayer(/** @type {any} */ (context));
  layer.paint(scene(a), null);
  context.pixels.fill(0);
  layer.forget();
  layer.paint(scene(a), null);
  assert.deepEqual(context.pixels, fresh(scene(a)));
});

test("what is cut away is painted whole, and so is what comes after it", () => {
  const context = new Context();
  const layer = new ObjectsLayer(/** @type {any} */ (context));
  layer.paint(scene(a, b), (labels) => labels.fill(0));
  assert.ok(context.pixels.every((pixel) => pixel === 0));
  layer.paint(scene(a, b), null);
  assert.deepEqual(context.pixels, fresh(scene(a, b)));
});

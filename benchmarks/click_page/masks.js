/**
 * From logits to the stored mask, beside the plain ways of doing it: dense resizing in two steps, run lengths by a scan of the
 * columns, a brush that looks at every pixel. Whatever differs from them fails.
 */

import { createBitmap, equals, fillCapsule, iou } from "/static/js/core/bitmap.js";
import { bitmapToLengths, encode } from "/static/js/core/rle.js";
import { upsample } from "/static/js/core/upsample.js";

/** @typedef {import("../../static/js/core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../../static/js/core/geometry.js").Frame} Frame */

/** Each way is timed until both are reached, so that quick ones are compiled, as after the first clicks in the product. */
const LEAST_TIMES = 3;
const LEAST_MS = 60;
const AGREEMENT = 0.999;
const BRUSH = { events: 60, radius: 150, step: 7 };

/** Quickest of several, milliseconds, and what came out at last. @template Result @param {() => Result} work
 * @returns {[number, Result]} */
function quickest(work) {
  let least = Infinity;
  /** @type {any} */
  let result;
  const begun = performance.now();
  for (let i = 0; i < LEAST_TIMES || performance.now() - begun < LEAST_MS; i++) {
    const started = performance.now();
    result = work();
    least = Math.min(least, performance.now() - started);
  }
  return [least, result];
}

/** One bilinear resize, align_corners=False, as torch does it. @param {Float32Array} values rows of `stride`
 * @param {number} stride @param {readonly [number, number]} from size that counts @param {readonly [number, number]} to
 * @returns {Float32Array} */
function resized(values, stride, from, to) {
  const [height, width] = to;
  const out = new Float32Array(height * width);
  const left = new Int32Array(width);
  const right = new Int32Array(width);
  const share = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const source = Math.max(((x + 0.5) * from[1]) / width - 0.5, 0);
    left[x] = Math.min(Math.floor(source), from[1] - 1);
    right[x] = Math.min(left[x] + 1, from[1] - 1);
    share[x] = source - left[x];
  }
  const mixed = new Float32Array(from[1]);
  for (let y = 0; y < height; y++) {
    const source = Math.max(((y + 0.5) * from[0]) / height - 0.5, 0);
    const top = Math.min(Math.floor(source), from[0] - 1);
    const above = top * stride;
    const below = Math.min(top + 1, from[0] - 1) * stride;
    const down = source - top;
    for (let x = 0; x < from[1]; x++) mixed[x] = values[above + x] * (1 - down) + values[below + x] * down;
    const row = y * width;
    for (let x = 0; x < width; x++) {
      out[row + x] = mixed[left[x]] * (1 - share[x]) + mixed[right[x]] * share[x];
    }
  }
  return out;
}

/** The released post-processing, step by step. @param {Float32Array} logits @param {Frame} frame @returns {Bitmap} */
export function denseMask(logits, { imageSize, input, original, maskSize }) {
  const square = resized(logits, maskSize[1], maskSize, [imageSize, imageSize]);
  const full = resized(square, imageSize, input, original);
  const data = new Uint8Array(full.length);
  for (let i = 0; i < full.length; i++) data[i] = full[i] > 0 ? 1 : 0;
  return { width: original[1], height: original[0], data };
}

/** @param {Bitmap} bitmap @returns {Uint32Array} run lengths, column by column */
function scannedLengths({ data, width, height }) {
  const lengths = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (data[y * width + x] !== value) {
        lengths.push(run);
        run = 0;
        value = 1 - value;
      }
      run++;
    }
  }
  lengths.push(run);
  return Uint32Array.from(lengths);
}

/** @param {Bitmap} bitmap @param {number} ax @param {number} ay @param {number} bx @param {number} by
 * @param {number} radius */
function paintedPixelByPixel({ data, width, height }, ax, ay, bx, by, radius) {
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const [y0, y1] = [Math.max(0, Math.floor(Math.min(ay, by) - radius)), Math.max(ay, by) + radius];
  const [x0, x1] = [Math.max(0, Math.floor(Math.min(ax, bx) - radius)), Math.max(ax, bx) + radius];
  for (let y = y0; y <= y1 && y < height; y++) {
    for (let x = x0; x <= x1 && x < width; x++) {
      const along = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / squared, 0), 1);
      const [ex, ey] = [x - ax - along * dx, y - ay - along * dy];
      if (ex * ex + ey * ey <= radius * radius) data[y * width + x] = 1;
    }
  }
}

/** A stroke through the middle. @param {readonly [number, number]} size
 * @param {(bitmap: Bitmap, ax: number, ay: number, bx: number, by: number, radius: number) => void} paint */
function stroke([height, width], paint) {
  const bitmap = createBitmap(width, height);
  let [x, y] = [width / 3, height / 3];
  for (let i = 0; i < BRUSH.events; i++) {
    const [nx, ny] = [x + BRUSH.step, y + (i % 5) - 1];
    paint(bitmap, x, y, nx, ny, BRUSH.radius);
    [x, y] = [nx, ny];
  }
  return bitmap;
}

/** Noise: edges everywhere, the worst that upsampling can meet. @param {number} count */
function noise(count) {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 10);
}

/** @param {boolean} right @param {string} what */
function assert(right, what) {
  if (!right) throw new Error(`${what} differs from the reference`);
}

/**
 * @param {Float32Array[]} logits of one click
 * @param {Frame} frame
 * @returns {object} milliseconds of ours and of the plain ways: `upsample` the median over the masks; counts of the first mask
 */
export function measureMasks(logits, frame) {
  const upsampled = logits.map((values) => {
    const [ours, mask] = quickest(() => upsample(values, frame));
    const [dense, expected] = quickest(() => denseMask(values, frame));
    assert(iou(mask, expected) >= AGREEMENT, "the mask");
    return { ours, dense, mask };
  });
  const middle = [...upsampled].sort((a, b) => a.dense / a.ours - b.dense / b.ours)[upsampled.length >> 1];
  const random = noise(frame.maskSize[0] * frame.maskSize[1]);
  const [{ mask }] = upsampled;
  const { data, width, height } = mask;
  const [runs, lengths] = quickest(() => bitmapToLengths(data, width, height));
  const [scan, expected] = quickest(() => scannedLengths(mask));
  assert(lengths.join() === expected.join(), "the run lengths");
  const [rows, painted] = quickest(() =>
    stroke(frame.original, (bitmap, ...segment) => fillCapsule(bitmap, ...segment, 1)),
  );
  const [pixels, wanted] = quickest(() => stroke(frame.original, paintedPixelByPixel));
  assert(iou(painted, wanted) >= AGREEMENT && !equals(painted, createBitmap(width, height)), "the stroke");
  return {
    upsample: { ours: middle.ours, reference: middle.dense },
    noise: {
      ours: quickest(() => upsample(random, frame))[0],
      reference: quickest(() => denseMask(random, frame))[0],
    },
    rle: { ours: runs, reference: scan },
    brush: { ours: rows, reference: pixels },
    counts: encode(data, width, height),
  };
}

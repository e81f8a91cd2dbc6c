/**
 * A part of the image that is looked at closely: a box of whole pixels with an embedding of its own. In its frame pixel
 * (x0, y0) of the image is pixel (0, 0), so points move by whole pixels and masks come back without being resampled.
 */

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */
/** @typedef {import("./bitmap.js").Region} Region */
/** @typedef {import("./prompts.js").Prompts} Prompts */
/** @typedef {readonly [number, number, number, number]} Crop x0, y0, x1, y1 in image pixels, x1 and y1 excluded */
/** @typedef {{width: number, height: number}} Size */

/** A crop's sides are whole steps of this part of the view, at least: small pans and zooms end up in the same one. */
const STEPS = 4;
/** Around what is in sight, a part of its size: objects at the view's edge have surroundings too. */
const PADDING = 0.125;
const LEAST_SIDE = 64;
/** A part of the sides that is little. */
const SMALL = 1 / 3;

/** @param {Crop | null | undefined} a @param {Crop | null | undefined} b */
export function sameCrop(a, b) {
  return a?.join() === b?.join();
}

/**
 * The part to look at for what is in sight.
 *
 * @param {Rect} visible image pixels
 * @param {Size} image
 * @returns {Crop | null} null when nearly all of the image is in sight
 */
export function cropAround(visible, image) {
  const rect = {
    x0: Math.max(visible.x0, 0),
    y0: Math.max(visible.y0, 0),
    x1: Math.min(visible.x1, image.width),
    y1: Math.min(visible.y1, image.height),
  };
  const extent = Math.max(rect.x1 - rect.x0, rect.y1 - rect.y0, LEAST_SIDE);
  if (rect.x1 <= rect.x0 || rect.y1 <= rect.y0) return null;
  const step = 2 ** Math.floor(Math.log2(extent / STEPS));
  const snapped = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ size) => {
    const pad = Math.max(extent * PADDING, (LEAST_SIDE - (to - from)) / 2);
    const first = Math.max(Math.floor((from - pad) / step) * step, 0);
    return [first, Math.min(Math.ceil((to + pad) / step) * step, size)];
  };
  const [x0, x1] = snapped(rect.x0, rect.x1, image.width);
  const [y0, y1] = snapped(rect.y0, rect.y1, image.height);
  if (Math.max(x1 - x0, y1 - y0) >= Math.max(image.width, image.height)) return null;
  return [x0, y0, x1, y1];
}

/**
 * Whether a closer look would show much more: little of the image is in sight, or little of the crop that is looked at.
 *
 * @param {Rect} visible image pixels, within the image
 * @param {Size} image
 * @param {Crop | null} crop what is looked at closely now
 */
export function deservesLook({ x0, y0, x1, y1 }, image, crop) {
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const inside = crop && x >= crop[0] && y >= crop[1] && x < crop[2] && y < crop[3];
  const width = inside ? crop[2] - crop[0] : image.width;
  const height = inside ? crop[3] - crop[1] : image.height;
  return Math.max((x1 - x0) / width, (y1 - y0) / height) < SMALL;
}

/**
 * Whether all prompts lie in the crop.
 *
 * @param {Crop} crop
 * @param {Prompts} prompts
 */
export function holdsPrompts([x0, y0, x1, y1], { points, boxes }) {
  const inside = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= x0 - 0.5 && y >= y0 - 0.5 && x <= x1 - 0.5 && y <= y1 - 0.5;
  return (
    points.every(([x, y]) => inside(x, y)) &&
    boxes.every(([left, top, right, bottom]) => inside(left, top) && inside(right, bottom))
  );
}

/** Whether a rectangle of pixels lies in the crop. @param {Crop} crop @param {Rect} rect */
export function holdsRect([left, top, right, bottom], { x0, y0, x1, y1 }) {
  return x0 >= left && y0 >= top && x1 <= right && y1 <= bottom;
}

/**
 * Prompts as the crop sees them.
 *
 * @param {Crop} crop
 * @param {Prompts} prompts image frame
 * @returns {Pick<Prompts, "points" | "labels" | "boxes">} crop frame
 */
export function intoCrop([dx, dy], { points, labels, boxes }) {
  return {
    points: points.map(([x, y]) => [x - dx, y - dy]),
    labels,
    boxes: boxes.map(([x0, y0, x1, y1]) => [x0 - dx, y0 - dy, x1 - dx, y1 - dy]),
  };
}

/**
 * A mask of the crop in its place; outside is background.
 *
 * @param {Bitmap} part of the crop's size
 * @param {Crop} crop
 * @param {Size} image
 * @returns {Bitmap} of the image's size
 */
export function placed(part, [x0, y0], { width, height }) {
  const data = new Uint8Array(width * height);
  for (let row = 0; row < part.height; row++) {
    const from = row * part.width;
    data.set(part.data.subarray(from, from + part.width), (y0 + row) * width + x0);
  }
  return { width, height, data };
}

/**
 * Copy what lies outside of the crop.
 *
 * @param {Uint8Array} target of an image `width` pixels wide, changed in place
 * @param {Uint8Array} source of the same size
 * @param {number} width
 * @param {Crop} crop
 */
export function copyOutside(target, source, width, [x0, y0, x1, y1]) {
  target.set(source.subarray(0, y0 * width));
  for (let row = y0; row < y1; row++) {
    const start = row * width;
    target.set(source.subarray(start, start + x0), start);
    target.set(source.subarray(start + x1, start + width), start + x1);
  }
  target.set(source.subarray(y1 * width), y1 * width);
}

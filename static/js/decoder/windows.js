/**
 * Which part of the logits shows the image. Photographs that are not square are padded to a square at the right or at the
 * bottom; logits of the padding show nothing, and are wanted only as part of a later mask prompt.
 *
 * A window is a half-open rectangle of embedding cells, [y0, y1, x0, x1].
 * @typedef {readonly [number, number, number, number]} Window
 */

/** @typedef {import("../core/geometry.js").Frame} Frame */
/** @typedef {import("../core/geometry.js").Size} Size */

/** Side of an embedding cell in pixels of a mask. */
export const CELL = 4;

/**
 * Cells that the image reaches along one side: its last pixel lies between two logits, and both count.
 * @param {number} input pixels of the resized image @param {number} square of the padded square @param {number} cells
 */
function reached(input, square, cells) {
  const last = Math.floor((input - 0.5) * ((cells * CELL) / square) - 0.5) + 1;
  return Math.min(Math.floor(last / CELL) + 1, cells);
}

/**
 * @param {Frame} frame @param {readonly number[]} grid embedding cells, [height, width]
 * @returns {{shown: Window, rest: Window | null}} rest: what is not shown; null when nothing is left
 */
export function windowsOf({ imageSize, input }, [height, width]) {
  const rows = reached(input[0], imageSize, height);
  const columns = reached(input[1], imageSize, width);
  // The longer side fills the square, so the rest is one rectangle.
  if (rows < height) return { shown: [0, rows, 0, width], rest: [rows, height, 0, width] };
  if (columns < width) return { shown: [0, height, 0, columns], rest: [0, height, columns, width] };
  return { shown: [0, height, 0, width], rest: null };
}

/** Logits in a window. @param {Window} window */
export function cellCount([y0, y1, x0, x1]) {
  return (y1 - y0) * (x1 - x0) * CELL * CELL;
}

/**
 * Put the logits of one window of a mask in their place.
 * @param {Float32Array} logits (mask height, mask width), written
 * @param {number} across mask width
 * @param {Float32Array} values logits of the window, row by row
 * @param {Window} window
 */
export function place(logits, across, values, [y0, y1, x0, x1]) {
  const width = (x1 - x0) * CELL;
  for (let row = y0 * CELL, from = 0; row < y1 * CELL; row++, from += width) {
    logits.set(values.subarray(from, from + width), row * across + x0 * CELL);
  }
}

/**
 * The logits of a window, cut out of a whole mask.
 * @param {Float32Array} logits (mask height, mask width) @param {number} across mask width @param {Window} window
 * @param {Float32Array} values written, row by row
 */
export function cut(logits, across, [y0, y1, x0, x1], values) {
  const width = (x1 - x0) * CELL;
  for (let row = y0 * CELL, to = 0; row < y1 * CELL; row++, to += width) {
    const start = row * across + x0 * CELL;
    values.set(logits.subarray(start, start + width), to);
  }
}

/**
 * The same of several masks, mask after mask.
 * @param {Float32Array} logits (masks, mask height, mask width)
 * @param {readonly number[]} maskSize [height, width]
 * @param {readonly number[]} masks which
 * @param {Window} window
 * @returns {Float32Array}
 */
export function cutMasks(logits, [rows, columns], masks, window) {
  const count = cellCount(window);
  const values = new Float32Array(masks.length * count);
  for (const [i, mask] of masks.entries()) {
    const one = logits.subarray(mask * rows * columns, (mask + 1) * rows * columns);
    cut(one, columns, window, values.subarray(i * count, (i + 1) * count));
  }
  return values;
}

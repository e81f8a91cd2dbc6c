/**
 * Display adjustments of a photograph: brightness, contrast and gamma as one table, local contrast (CLAHE) as one table per
 * tile. Pure; stored pixels are never touched.
 */

/**
 * @typedef {object} Adjustment
 * @property {number} brightness  −1 … 1, 0 leaves it
 * @property {number} contrast    −1 … 1, 0 leaves it
 * @property {number} gamma       0.25 … 4, above 1 lifts the shadows
 * @property {number} local       0 … 1, strength of the local contrast; 0 = off
 */

/**
 * Tone tables of a grid of tiles over the whole image.
 * @typedef {object} LocalTones
 * @property {number} columns
 * @property {number} rows
 * @property {Uint8Array} tables (rows × columns × 256) brightness → brightness
 */

/** @type {Readonly<Adjustment>} */
export const NEUTRAL = Object.freeze({ brightness: 0, contrast: 0, gamma: 1, local: 0 });

const LEVELS = 256;
const GRID = 8;
/** A brightness may be this many times as frequent as the average before its histogram bin is cut. */
const CLIP = 4;

/** @param {Adjustment} adjustment */
export function isNeutral({ brightness, contrast, gamma, local }) {
  return brightness === 0 && contrast === 0 && gamma === 1 && local === 0;
}

/**
 * What every channel value becomes: gamma first, then contrast around the middle, then brightness.
 *
 * @param {Adjustment} adjustment
 * @returns {Uint8Array} 256 values
 */
export function toneTable({ brightness, contrast, gamma }) {
  const slope = contrast < 0 ? 1 + contrast : 1 / Math.max(1 - contrast, 1 / LEVELS);
  const table = new Uint8Array(LEVELS);
  for (let value = 0; value < LEVELS; value++) {
    const lifted = (value / 255) ** (1 / gamma);
    const toned = (lifted - 0.5) * slope + 0.5 + brightness;
    table[value] = Math.round(255 * Math.min(Math.max(toned, 0), 1));
  }
  return table;
}

/**
 * @param {Uint8ClampedArray} pixels RGBA, changed in place
 * @param {Uint8Array} table
 */
export function applyTable(pixels, table) {
  for (let at = 0; at < pixels.length; at += 4) {
    pixels[at] = table[pixels[at]];
    pixels[at + 1] = table[pixels[at + 1]];
    pixels[at + 2] = table[pixels[at + 2]];
  }
}

/** Brightness as the eye weighs the channels (Rec. 601), 0 … 255. */
function luma(/** @type {number} */ red, /** @type {number} */ green, /** @type {number} */ blue) {
  return (77 * red + 150 * green + 29 * blue) >> 8;
}

/**
 * Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994): one clipped, equalising table per
 * tile. A reduced copy of the image gives the same tables as the image itself, near enough.
 *
 * @param {Uint8ClampedArray} pixels (height × width) RGBA of the whole image
 * @param {number} width
 * @param {number} height
 * @param {number} strength 0 … 1: from no change to the equalised brightness
 * @returns {LocalTones}
 */
export function localTones(pixels, width, height, strength) {
  const columns = Math.min(GRID, width);
  const rows = Math.min(GRID, height);
  const tables = new Uint8Array(rows * columns * LEVELS);
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [row, row + 1].map((edge) => Math.floor((edge * height) / rows));
    for (let column = 0; column < columns; column++) {
      const [left, right] = [column, column + 1].map((edge) => Math.floor((edge * width) / columns));
      const histogram = new Float64Array(LEVELS);
      for (let y = top; y < bottom; y++) {
        for (let x = left, at = 4 * (y * width + left); x < right; x++, at += 4) {
          histogram[luma(pixels[at], pixels[at + 1], pixels[at + 2])]++;
        }
      }
      const start = (row * columns + column) * LEVELS;
      equalise(histogram, strength, tables.subarray(start, start + LEVELS));
    }
  }
  return { columns, rows, tables };
}

/** Cut the histogram, spread what was cut evenly, integrate, and go this far towards the result. */
function equalise(
  /** @type {Float64Array} */ histogram,
  /** @type {number} */ strength,
  /** @type {Uint8Array} */ table,
) {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const most = (CLIP * total) / LEVELS;
  let cut = 0;
  for (let value = 0; value < LEVELS; value++) {
    cut += Math.max(histogram[value] - most, 0);
    histogram[value] = Math.min(histogram[value], most);
  }
  let sum = 0;
  for (let value = 0; value < LEVELS; value++) {
    const share = histogram[value] + cut / LEVELS;
    // The middle of the bin, so that an even histogram maps every brightness to itself.
    const equalised = Math.min((LEVELS * (sum + share / 2)) / total - 0.5, 255);
    table[value] = Math.round(value + strength * (equalised - value));
    sum += share;
  }
}

/**
 * Where a pixel lies between the centres of tiles.
 *
 * @param {number} length of the buffer
 * @param {number} tiles
 * @param {number} size of the image along this side, buffer pixels
 * @param {number} offset of the image's edge, buffer pixels
 */
function between(length, tiles, size, offset) {
  const first = new Uint8Array(length);
  const second = new Uint8Array(length);
  const weight = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    const place = ((at + 0.5 - offset) / size) * tiles - 0.5;
    const inside = Math.min(Math.max(place, 0), tiles - 1);
    first[at] = Math.floor(inside);
    second[at] = Math.min(first[at] + 1, tiles - 1);
    weight[at] = inside - first[at];
  }
  return { first, second, weight };
}

/**
 * Apply the tiles' tables, blended smoothly from tile to tile. Brightness changes, colour does not.
 *
 * @param {Uint8ClampedArray} pixels (height × width) RGBA, changed in place
 * @param {number} width
 * @param {number} height
 * @param {LocalTones} tones
 * @param {{x: number, y: number, width: number, height: number}} place where the whole image lies, in buffer pixels
 */
export function applyLocalTones(pixels, width, height, { columns, rows, tables }, place) {
  const across = between(width, columns, place.width, place.x);
  const down = between(height, rows, place.height, place.y);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const upper = down.first[y] * columns;
    const lower = down.second[y] * columns;
    const v = down.weight[y];
    for (let x = 0; x < width; x++, at += 4) {
      const value = luma(pixels[at], pixels[at + 1], pixels[at + 2]);
      const left = across.first[x];
      const right = across.second[x];
      const u = across.weight[x];
      const a = tables[((upper + left) << 8) | value];
      const b = tables[((upper + right) << 8) | value];
      const c = tables[((lower + left) << 8) | value];
      const d = tables[((lower + right) << 8) | value];
      const high = a + (b - a) * u;
      const change = high + (c + (d - c) * u - high) * v - value;
      pixels[at] += change;
      pixels[at + 1] += change;
      pixels[at + 2] += change;
    }
  }
}

/**
 * Places of an image that look like given objects, from its embedding alone.
 *
 * Every cell of the embedding's grid is a feature vector. The image's mean is taken off and each vector is brought to length
 * one, so that a product of two of them says how alike two places are among all places of this very image. An object is the mean
 * of its cells, weighted by how much of each it covers.
 */

import { runsContain } from "./runs.js";

/** @typedef {import("./geometry.js").Frame} Frame */
/** @typedef {import("./runs.js").RunMask} RunMask */

/** @typedef {{values: Float32Array, shape: readonly [number, number, number]}} Features values (channels, rows, columns) */

/**
 * The features of one image, ready to be compared.
 * @typedef {object} Grid
 * @property {number} rows     cells that hold image; padding is left out
 * @property {number} columns
 * @property {number} channels
 * @property {Float32Array} cells (rows, columns, channels), each vector of length one, or zero
 * @property {readonly [number, number]} size image pixels of a cell, x and y
 * @property {readonly [number, number]} full rows and columns with the padding
 */

/** @typedef {{row: number, column: number, likeness: number}} Peak likeness −1 … 1 */

/** Points looked at in a cell, along one side. */
const SAMPLES = 4;

/** @param {Features} features @param {Frame} frame @returns {Grid} */
export function gridOf({ values, shape: [channels, height, width] }, { imageSize, input, original }) {
  const [cellHeight, cellWidth] = [imageSize / height, imageSize / width];
  const [rows, columns] = [Math.ceil(input[0] / cellHeight), Math.ceil(input[1] / cellWidth)];
  const cells = new Float32Array(rows * columns * channels);
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = values[(channel * height + row) * width + column];
        cells[(row * columns + column) * channels + channel] = value;
        sum += value;
      }
    }
    const mean = sum / (rows * columns);
    for (let at = channel; at < cells.length; at += channels) cells[at] -= mean;
  }
  for (let at = 0; at < cells.length; at += channels) normalise(cells.subarray(at, at + channels));
  const size = /** @type {const} */ ([
    (cellWidth * original[1]) / input[1],
    (cellHeight * original[0]) / input[0],
  ]);
  return { rows, columns, channels, cells, size, full: [height, width] };
}

/**
 * How much of each cell a mask covers. A mask too small for that counts as one cell.
 *
 * @param {RunMask} mask
 * @param {Grid} grid
 * @returns {Float32Array} (rows, columns), 0 … 1
 */
export function coverage(mask, { rows, columns, size: [width, height] }) {
  const weights = new Float32Array(rows * columns);
  const [left, top, boxWidth, boxHeight] = mask.bbox;
  const [first, last] = [
    Math.floor(left / width),
    Math.min(Math.floor((left + boxWidth) / width), columns - 1),
  ];
  const end = Math.min(Math.floor((top + boxHeight) / height), rows - 1);
  let total = 0;
  for (let row = Math.floor(top / height); row <= end; row++) {
    for (let column = first; column <= last; column++) {
      const inside = samplesInside(mask, column * width, row * height, width, height);
      weights[row * columns + column] = inside / SAMPLES ** 2;
      total += inside;
    }
  }
  if (!total && mask.area) {
    const [x, y] = [left + boxWidth / 2, top + boxHeight / 2];
    weights[
      Math.min(Math.floor(y / height), rows - 1) * columns + Math.min(Math.floor(x / width), columns - 1)
    ] = 1;
  }
  return weights;
}

/**
 * The same for the model's own low-resolution answer, and its size.
 *
 * @param {ArrayLike<number>} logits (mask height, mask width)
 * @param {Frame} frame
 * @param {Grid} grid
 * @returns {{weights: Float32Array, area: number}} weights (rows, columns), 0 … 1; area in image pixels, about
 */
export function coverageOfLogits(logits, { imageSize, original, input, maskSize }, { rows, columns, full }) {
  const weights = new Float32Array(rows * columns);
  const [down, across] = [maskSize[0] / full[0], maskSize[1] / full[1]];
  let pixels = 0;
  for (let y = 0; y < rows * down; y++) {
    for (let x = 0; x < columns * across; x++) {
      if (!(logits[y * maskSize[1] + x] > 0)) continue;
      weights[Math.floor(y / down) * columns + Math.floor(x / across)] += 1 / (down * across);
      pixels++;
    }
  }
  const each =
    (((imageSize / maskSize[0]) * original[0]) / input[0]) *
    (((imageSize / maskSize[1]) * original[1]) / input[1]);
  return { weights, area: pixels * each };
}

/** @param {RunMask} mask @param {number} x @param {number} y @param {number} width @param {number} height */
function samplesInside(mask, x, y, width, height) {
  let inside = 0;
  for (let i = 0; i < SAMPLES; i++) {
    for (let j = 0; j < SAMPLES; j++) {
      const column = Math.floor(x + ((i + 0.5) * width) / SAMPLES);
      const row = Math.floor(y + ((j + 0.5) * height) / SAMPLES);
      if (runsContain(mask, column, row)) inside++;
    }
  }
  return inside;
}

/**
 * The look of what some cells show.
 *
 * @param {Grid} grid
 * @param {ArrayLike<number>} weights (rows, columns)
 * @returns {Float32Array} (channels), of length one
 */
export function lookOf({ channels, cells }, weights) {
  const look = new Float32Array(channels);
  for (let cell = 0; cell < weights.length; cell++) {
    const weight = weights[cell];
    if (!weight) continue;
    for (let channel = 0; channel < channels; channel++)
      look[channel] += weight * cells[cell * channels + channel];
  }
  return normalise(look);
}

/**
 * How much each cell looks like the most similar of some looks.
 *
 * @param {Grid} grid
 * @param {readonly Float32Array[]} looks at least one
 * @returns {Float32Array} (rows, columns), −1 … 1
 */
export function likeness({ rows, columns, channels, cells }, looks) {
  const found = new Float32Array(rows * columns).fill(-1);
  for (const look of looks) {
    for (let cell = 0; cell < found.length; cell++) {
      let product = 0;
      for (let channel = 0; channel < channels; channel++)
        product += look[channel] * cells[cell * channels + channel];
      if (product > found[cell]) found[cell] = product;
    }
  }
  return found;
}

/** The mean of a map over weighted cells; −1 without any. @param {ArrayLike<number>} map @param {ArrayLike<number>} weights */
export function weightedMean(map, weights) {
  let [sum, total] = [0, 0];
  for (let cell = 0; cell < weights.length; cell++) {
    sum += weights[cell] * map[cell];
    total += weights[cell];
  }
  return total ? sum / total : -1;
}

/**
 * The cells that stand out: no neighbour is more alike, and they reach the threshold.
 *
 * @param {Float32Array} map (rows, columns)
 * @param {Grid} grid
 * @param {{threshold: number, limit: number, taken: ArrayLike<number>}} options  taken (rows, columns): cells that are more
 *   than half covered are passed over
 * @returns {Peak[]} the most alike first
 */
export function peaks(map, { rows, columns }, { threshold, limit, taken }) {
  /** @type {Peak[]} */
  const found = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      if (map[cell] < threshold || taken[cell] > 0.5) continue;
      if (isHighest(map, rows, columns, row, column)) found.push({ row, column, likeness: map[cell] });
    }
  }
  return found.sort((a, b) => b.likeness - a.likeness).slice(0, limit);
}

/** Of equal neighbours the first one counts. @param {Float32Array} map @param {number} rows @param {number} columns
 * @param {number} row @param {number} column */
function isHighest(map, rows, columns, row, column) {
  const own = map[row * columns + column];
  for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, rows - 1); y++) {
    for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, columns - 1); x++) {
      const before = y < row || (y === row && x < column);
      const other = map[y * columns + x];
      if (other > own || (before && other === own)) return false;
    }
  }
  return true;
}

/** In place. @param {Float32Array} vector */
function normalise(vector) {
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] /= length;
  return vector;
}

/** Connected components of a bitmap, found on row runs (never per pixel), and the two clean-ups built on them. */

import { EMPTY_RECT, unionRect } from "./bitmap.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */

/**
 * @typedef {object} Components
 * @property {number} count number of components
 * @property {Int32Array} runs three numbers a run: y, x0, x1 (half-open), in reading order
 * @property {Int32Array} labels component of each run, 0 … count − 1
 * @property {Float64Array} areas pixels of each component
 * @property {Rect[]} rects box of each component
 */

/**
 * Row runs of `value`.
 * @param {Bitmap} bitmap
 * @param {0 | 1} value
 * @returns {{runs: Int32Array, rowStarts: Int32Array}} rowStarts[y] is the index of the first run of row y
 */
function rowRuns({ width, height, data }, value) {
  let runs = new Int32Array(1024);
  const rowStarts = new Int32Array(height + 1);
  let used = 0;
  const other = value ? 0 : 1;
  for (let y = 0; y < height; y++) {
    rowStarts[y] = used / 3;
    const row = data.subarray(y * width, (y + 1) * width);
    let x0 = row.indexOf(value);
    while (x0 >= 0) {
      const end = row.indexOf(other, x0);
      const x1 = end < 0 ? width : end;
      if (used + 3 > runs.length) {
        const grown = new Int32Array(runs.length * 2);
        grown.set(runs);
        runs = grown;
      }
      runs[used++] = y;
      runs[used++] = x0;
      runs[used++] = x1;
      x0 = end < 0 ? -1 : row.indexOf(value, end);
    }
  }
  rowStarts[height] = used / 3;
  return { runs: runs.slice(0, used), rowStarts };
}

/** Root of a run in the union-find forest, with path halving. @param {Int32Array} parents @param {number} i */
function root(parents, i) {
  let node = i;
  while (parents[node] !== node) {
    parents[node] = parents[parents[node]];
    node = parents[node];
  }
  return node;
}

/** Join runs that touch between row y − 1 and row y.
 * @param {Int32Array} runs @param {Int32Array} rowStarts @param {Int32Array} parents
 * @param {number} y @param {number} reach 1 when diagonal neighbours touch, 0 when they do not */
function joinRows(runs, rowStarts, parents, y, reach) {
  let above = rowStarts[y - 1];
  const aboveEnd = rowStarts[y];
  for (let run = rowStarts[y]; run < rowStarts[y + 1]; run++) {
    const x0 = runs[3 * run + 1];
    const x1 = runs[3 * run + 2];
    while (above < aboveEnd && runs[3 * above + 2] + reach <= x0) above++;
    for (let other = above; other < aboveEnd && runs[3 * other + 1] < x1 + reach; other++) {
      const a = root(parents, other);
      const b = root(parents, run);
      if (a !== b) parents[Math.max(a, b)] = Math.min(a, b);
    }
  }
}

/**
 * @param {Bitmap} bitmap
 * @param {0 | 1} [value] which pixels to group
 * @param {4 | 8} [connectivity]
 * @returns {Components} numbered in reading order of their first pixel
 */
export function connectedComponents(bitmap, value = 1, connectivity = 8) {
  const { runs, rowStarts } = rowRuns(bitmap, value);
  const total = runs.length / 3;
  const parents = Int32Array.from({ length: total }, (_, i) => i);
  for (let y = 1; y < bitmap.height; y++) joinRows(runs, rowStarts, parents, y, connectivity === 8 ? 1 : 0);
  const labels = new Int32Array(total);
  /** @type {number[]} */
  const areas = [];
  /** @type {Rect[]} */
  const rects = [];
  for (let run = 0; run < total; run++) {
    const parent = root(parents, run);
    // A root is the smallest index of its tree, so it was labelled before any of its children.
    const label = parent === run ? areas.push(0) - 1 : labels[parent];
    labels[run] = label;
    const [y, x0, x1] = runs.subarray(3 * run, 3 * run + 3);
    areas[label] += x1 - x0;
    rects[label] = unionRect(rects[label] ?? EMPTY_RECT, { x0, y0: y, x1, y1: y + 1 });
  }
  return { count: areas.length, runs, labels, areas: Float64Array.from(areas), rects };
}

/** Write `value` over all runs of the components for which `chosen` is 1.
 * @param {Bitmap} bitmap @param {Components} parts @param {Uint8Array} chosen @param {0 | 1} value
 * @returns {Rect} changed */
function paintComponents(bitmap, parts, chosen, value) {
  const { runs, labels, rects } = parts;
  for (let run = 0; run < labels.length; run++) {
    if (!chosen[labels[run]]) continue;
    const start = runs[3 * run] * bitmap.width;
    bitmap.data.fill(value, start + runs[3 * run + 1], start + runs[3 * run + 2]);
  }
  /** @type {Rect} */
  let changed = EMPTY_RECT;
  for (let label = 0; label < parts.count; label++) {
    if (chosen[label]) changed = unionRect(changed, rects[label]);
  }
  return changed;
}

/**
 * Drop parts smaller than `minArea`, in place; the largest part always stays.
 * @param {Bitmap} bitmap
 * @param {number} minArea pixels
 * @returns {Rect} what changed
 */
export function removeSpecks(bitmap, minArea) {
  const parts = connectedComponents(bitmap, 1, 8);
  const largest = parts.areas.reduce((most, size) => Math.max(most, size), 0);
  const chosen = Uint8Array.from(parts.areas, (size) => (size < minArea && size < largest ? 1 : 0));
  return paintComponents(bitmap, parts, chosen, 0);
}

/**
 * Fill holes smaller than `maxArea`, in place. A hole is background that does not reach the image border.
 * @param {Bitmap} bitmap
 * @param {number} [maxArea] pixels; all holes when absent
 * @returns {Rect} what changed
 */
export function fillHoles(bitmap, maxArea = Infinity) {
  const parts = connectedComponents(bitmap, 0, 4);
  const chosen = Uint8Array.from(parts.areas, (size, label) => {
    const { x0, y0, x1, y1 } = parts.rects[label];
    const inside = x0 > 0 && y0 > 0 && x1 < bitmap.width && y1 < bitmap.height;
    return inside && size < maxArea ? 1 : 0;
  });
  return paintComponents(bitmap, parts, chosen, 1);
}

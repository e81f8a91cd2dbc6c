/**
 * A mask as vertical runs: how saved objects are kept in memory, hit-tested and painted.
 *
 * A bitmap of a 50-megapixel photograph is 50 MB; its runs are a few kilobytes, and hundreds of objects stay open at
 * once. COCO's counts are column-major, so the runs of one image column are contiguous and a screen column can be
 * painted without touching the rest of the mask.
 */

/**
 * @typedef {object} RunMask
 * @property {number} width   pixels of the original image
 * @property {number} height
 * @property {Uint32Array} offsets  (width + 1) index of the first run of each column in `runs`, counted in runs
 * @property {Uint32Array} runs     (2 × runs) pairs of y start (included) and y end (excluded)
 * @property {number} area          foreground pixels
 * @property {[number, number, number, number]} bbox  x, y, width, height; all 0 when the mask is empty
 */

/**
 * Split COCO run lengths (background first, column-major) into runs that never cross a column.
 *
 * @param {ArrayLike<number>} counts uncompressed run lengths, sum = width × height
 * @param {number} width
 * @param {number} height
 * @returns {RunMask}
 */
export function runsFromLengths(counts, width, height) {
  const offsets = new Uint32Array(width + 1);
  let runs = new Uint32Array(Math.max(2 * counts.length, 64));
  let used = 0;
  let area = 0;
  let position = 0;
  let [left, right, top, bottom] = [width, 0, height, 0];
  let filled = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = position + (counts[i] ?? 0);
    if (i % 2 === 1 && end > position) {
      area += end - position;
      let column = Math.floor(position / height);
      if (column < left) left = column;
      while (position < end) {
        const columnStart = column * height;
        const y0 = position - columnStart;
        const y1 = Math.min(end - columnStart, height);
        while (filled <= column) offsets[filled++] = used / 2;
        if (used === runs.length) runs = grown(runs);
        runs[used++] = y0;
        runs[used++] = y1;
        if (y0 < top) top = y0;
        if (y1 > bottom) bottom = y1;
        position = columnStart + y1;
        column++;
      }
      if (column > right) right = column;
    }
    position = end;
  }
  offsets.fill(used / 2, filled);
  return {
    width,
    height,
    offsets,
    runs: runs.slice(0, used),
    area,
    bbox: area ? [left, top, right - left, bottom - top] : [0, 0, 0, 0],
  };
}

/** @param {Uint32Array<ArrayBuffer>} runs */
function grown(runs) {
  const larger = new Uint32Array(2 * runs.length);
  larger.set(runs);
  return larger;
}

/**
 * Whether pixel (x, y) of the original image is inside the mask; false outside the image.
 *
 * @param {RunMask} mask
 * @param {number} x whole pixels
 * @param {number} y
 */
export function runsContain(mask, x, y) {
  if (x < 0 || y < 0 || x >= mask.width || y >= mask.height) return false;
  let low = mask.offsets[x];
  let high = mask.offsets[x + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (y >= mask.runs[2 * middle + 1]) low = middle + 1;
    else if (y < mask.runs[2 * middle]) high = middle;
    else return true;
  }
  return false;
}

/**
 * Whether the mask has a pixel in a rectangle.
 *
 * @param {RunMask} mask
 * @param {import("./bitmap.js").Rect} rect half-open, image frame
 */
export function runsTouch({ width, offsets, runs, bbox }, { x0, y0, x1, y1 }) {
  const last = Math.min(x1, bbox[0] + bbox[2], width);
  for (let x = Math.max(x0, bbox[0], 0); x < last; x++) {
    for (let run = offsets[x]; run < offsets[x + 1]; run++) {
      if (runs[2 * run] < y1 && runs[2 * run + 1] > y0) return true;
    }
  }
  return false;
}

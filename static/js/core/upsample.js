/**
 * Low-resolution logits → mask at the original size, equal to the released post-processing: bilinear to the model's
 * square input, crop of the padding, bilinear to the original size (both align_corners=False), logit > threshold.
 *
 * Three facts make it cheap. Resizing is separable, so along y both steps are one weighted mean of at most three logit
 * rows. Weights are not negative, so where all logits behind a patch lie on one side of the threshold there is nothing
 * to compute. And between two samples of the intermediate grid a row is a straight line, so it crosses the threshold at
 * most once there: a row of the mask is a few runs, found per interval and not per pixel.
 */

/** @typedef {import("./geometry.js").Frame} Frame */
/** @typedef {import("./bitmap.js").Bitmap} Bitmap */

/**
 * Both resizes along y in one: each original row is a weighted mean of at most three logit rows.
 * @typedef {object} Rows
 * @property {Int32Array} first (height) first of the three logit rows
 * @property {Float32Array} weights (height, 3)
 * @property {Int32Array} starts (bands + 1) original rows that use the same logit rows, as ranges
 * @property {Uint8Array} reach (bands) how many logit rows a band uses: 1 … 3
 */

/**
 * Along x: the intermediate grid, and which original pixels lie between which two of its samples.
 * @typedef {object} Columns
 * @property {Int32Array} left (samples) left logit column of each intermediate sample
 * @property {Int32Array} right (samples) right logit column
 * @property {Float32Array} share (samples) weight of the right column
 * @property {Int32Array} starts (intervals + 1) first original pixel of each interval
 * @property {Int32Array} from (intervals) sample at the interval's left end
 * @property {Int32Array} to (intervals) sample at its right end; equal to `from` where the border is repeated
 * @property {Float64Array} offset (intervals) place of the first pixel, in samples after `from`
 * @property {number} step samples a pixel
 * @property {Int32Array} cells (cells + 1) first interval of each cell: intervals that need the same logit columns
 * @property {Int32Array} low (cells) first logit column behind a cell
 * @property {Int32Array} high (cells) last one
 */

/** Two taps of a bilinear resize at one output position, as torch computes them (align_corners=False).
 * @param {number} position output index @param {number} scale input/output @param {number} size input length
 * @returns {[number, number, number]} lower index, upper index, weight of the upper */
function taps(position, scale, size) {
  const source = Math.max((position + 0.5) * scale - 0.5, 0);
  const lower = Math.min(Math.floor(source), size - 1);
  const upper = Math.min(lower + 1, size - 1);
  return [lower, upper, source - lower];
}

/**
 * @param {number} original pixels of the original along y
 * @param {number} input pixels of the resized image, without padding
 * @param {number} square pixels of the padded square
 * @param {number} logits low-resolution samples over the padded square
 * @returns {Rows}
 */
function composeRows(original, input, square, logits) {
  const first = new Int32Array(original);
  const weights = new Float32Array(original * 3);
  const starts = [0];
  /** @type {number[]} */
  const reaches = [];
  let lastReach = 0;
  for (let y = 0; y < original; y++) {
    const [lower, upper, share] = taps(y, input / original, input);
    const [a, b, bShare] = taps(lower, logits / square, logits);
    const [c, d, dShare] = taps(upper, logits / square, logits);
    first[y] = a;
    weights[3 * y] += (1 - share) * (1 - bShare);
    weights[3 * y + b - a] += (1 - share) * bShare;
    weights[3 * y + c - a] += share * (1 - dShare);
    weights[3 * y + d - a] += share * dShare;
    const reach = weights[3 * y + 2] > 0 ? 3 : weights[3 * y + 1] > 0 ? 2 : 1;
    if (y > 0 && (first[y - 1] !== a || reach !== lastReach)) {
      starts.push(y);
      reaches.push(lastReach);
    }
    lastReach = reach;
  }
  starts.push(original);
  reaches.push(lastReach);
  return { first, weights, starts: Int32Array.from(starts), reach: Uint8Array.from(reaches) };
}

/**
 * @param {number} original pixels of the original along x
 * @param {number} input pixels of the resized image, without padding
 * @param {number} square pixels of the padded square
 * @param {number} logits low-resolution samples over the padded square
 * @returns {Columns}
 */
function splitColumns(original, input, square, logits) {
  const step = input / original;
  const samples = Array.from({ length: input }, (_, i) => taps(i, logits / square, logits));
  const [starts, from, to, offset] = Array.from({ length: 4 }, () => /** @type {number[]} */ ([]));
  for (let x = 0; x < original; x++) {
    const [lower, upper, share] = taps(x, step, input);
    // Left of the first sample its value is repeated, which is no straight line to the second.
    const end = (x + 0.5) * step < 0.5 ? lower : upper;
    if (x > 0 && from.at(-1) === lower && to.at(-1) === end) continue;
    starts.push(x);
    from.push(lower);
    to.push(end);
    offset.push(share);
  }
  const [cells, low, high] = Array.from({ length: 3 }, () => /** @type {number[]} */ ([]));
  for (let i = 0; i < starts.length; i++) {
    const [first, last] = [samples[from[i]][0], samples[to[i]][1]];
    if (i > 0 && low.at(-1) === first && high.at(-1) === last) continue;
    cells.push(i);
    low.push(first);
    high.push(last);
  }
  return {
    left: Int32Array.from(samples, ([left]) => left),
    right: Int32Array.from(samples, ([, right]) => right),
    share: Float32Array.from(samples, ([, , share]) => share),
    starts: Int32Array.from([...starts, original]),
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    offset: Float64Array.from(offset),
    step,
    cells: Int32Array.from([...cells, starts.length]),
    low: Int32Array.from(low),
    high: Int32Array.from(high),
  };
}

/** @typedef {{key: string, rows: Rows, columns: Columns}} Axes */

/** Axes of the last frame: every mask of one image uses the same. @type {Axes | null} */
let cached = null;

/** @param {Frame} frame @returns {Axes} */
function axes({ imageSize, original, input, maskSize }) {
  if (maskSize[0] > imageSize || maskSize[1] > imageSize) {
    throw new RangeError(`masks of ${maskSize.join(" x ")} are finer than the input of ${imageSize}`);
  }
  const key = [imageSize, ...original, ...input, ...maskSize].join();
  if (cached?.key !== key) {
    cached = {
      key,
      rows: composeRows(original[0], input[0], imageSize, maskSize[0]),
      columns: splitColumns(original[1], input[1], imageSize, maskSize[1]),
    };
  }
  return cached;
}

const OUTSIDE = 1;
const INSIDE = 2;

/** INSIDE of four cells, read as one number. */
const ANY_INSIDE = 0x02020202;

/**
 * Sides on which the logits behind each cell lie, in each logit row: OUTSIDE, INSIDE or both bits.
 * @param {Float32Array} logits @param {number} across logit columns @param {number} height logit rows that count
 * @param {Columns} columns @param {number} threshold
 * @returns {Uint32Array} (height, words): four cells in each number
 */
function cellSides(logits, across, height, { low, high }, threshold) {
  const words = (low.length + 3) >> 2;
  const sides = new Uint8Array(height * words * 4);
  const row = new Uint8Array(across);
  for (let y = 0; y < height; y++) {
    const start = y * across;
    let any = 0;
    for (let c = 0; c < across; c++) any |= row[c] = logits[start + c] > threshold ? INSIDE : OUTSIDE;
    if (any === OUTSIDE) {
      sides.fill(OUTSIDE, y * words * 4, (y + 1) * words * 4);
      continue;
    }
    for (let cell = 0, to = y * words * 4; cell < low.length; cell++, to++) {
      let side = 0;
      for (let c = low[cell]; c <= high[cell]; c++) side |= row[c];
      sides[to] = side;
    }
  }
  return new Uint32Array(sides.buffer);
}

/** The same of logit rows [top, top + reach) together. @param {Uint32Array} sides @param {number} top @param {number} reach
 * @param {Uint32Array} together (words), written @returns {boolean} whether some of it lies inside */
function gather(sides, top, reach, together) {
  const words = together.length;
  let any = 0;
  for (let i = 0, at = top * words; i < words; i++, at++) {
    let word = sides[at];
    if (reach > 1) word |= sides[at + words];
    if (reach > 2) word |= sides[at + 2 * words];
    together[i] = word;
    any |= word;
  }
  return (any & ANY_INSIDE) !== 0;
}

/**
 * Mask at the original size.
 * @param {Float32Array} logits (mask height, mask width)
 * @param {Frame} frame
 * @param {number} [threshold] logit above which a pixel belongs to the mask
 * @returns {Bitmap}
 */
export function upsample(logits, frame, threshold = 0) {
  const [height, width] = frame.original;
  const { rows, columns } = axes(frame);
  const across = frame.maskSize[1];
  const data = new Uint8Array(width * height);
  const mixed = new Float32Array(across);
  const samples = new Float32Array(columns.left.length);
  const down = rows.first[height - 1] + rows.reach[rows.reach.length - 1];
  const sides = cellSides(logits, across, down, columns, threshold);
  const together = new Uint32Array(sides.length / down);
  const band = new Uint8Array(together.buffer);
  const cells = columns.low.length;
  for (let i = 0; i < rows.reach.length; i++) {
    const y0 = rows.starts[i];
    const y1 = rows.starts[i + 1];
    if (!gather(sides, rows.first[y0], rows.reach[i], together)) continue;
    let cell = 0;
    while (cell < cells) {
      const side = band[cell];
      let next = cell + 1;
      while (next < cells && band[next] === side) next++;
      const begin = columns.cells[cell];
      const end = columns.cells[next];
      if (side === INSIDE) {
        const x0 = columns.starts[begin];
        const x1 = columns.starts[end];
        for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
      } else if (side !== OUTSIDE) {
        for (let y = y0; y < y1; y++) {
          mixRows(logits, across, rows, y, columns, begin, end, mixed);
          sampleRow(mixed, columns, begin, end, samples);
          writeRow(data, y * width, samples, columns, begin, end, threshold);
        }
      }
      cell = next;
    }
  }
  return { width, height, data };
}

/** Blend the logit rows behind original row `y`, in the columns that intervals [begin, end) use.
 * @param {Float32Array} logits @param {number} across @param {Rows} rows @param {number} y
 * @param {Columns} columns @param {number} begin @param {number} end @param {Float32Array} mixed written */
function mixRows(logits, across, rows, y, columns, begin, end, mixed) {
  const w0 = rows.weights[3 * y];
  const w1 = rows.weights[3 * y + 1];
  const w2 = rows.weights[3 * y + 2];
  const a = rows.first[y] * across;
  // A weight of zero belongs to a row that may not exist; any row will do.
  const b = w1 > 0 ? a + across : a;
  const c = w2 > 0 ? a + 2 * across : a;
  const last = columns.right[columns.to[end - 1]];
  for (let i = columns.left[columns.from[begin]]; i <= last; i++) {
    mixed[i] = w0 * logits[a + i] + w1 * logits[b + i] + w2 * logits[c + i];
  }
}

/** Values of the intermediate grid that intervals [begin, end) use.
 * @param {Float32Array} mixed @param {Columns} columns @param {number} begin @param {number} end
 * @param {Float32Array} samples written */
function sampleRow(mixed, { left, right, share, from, to }, begin, end, samples) {
  const last = to[end - 1];
  for (let i = from[begin]; i <= last; i++) {
    samples[i] = mixed[left[i]] * (1 - share[i]) + mixed[right[i]] * share[i];
  }
}

/** Write the runs of one row that lie in intervals [begin, end).
 * @param {Uint8Array} data @param {number} row index of the row's first pixel @param {Float32Array} samples
 * @param {Columns} columns @param {number} begin @param {number} end @param {number} threshold */
function writeRow(data, row, samples, { starts, from, to, offset, step }, begin, end, threshold) {
  let open = -1; // where the run that is being followed began
  for (let i = begin; i < end; i++) {
    const x0 = starts[i];
    const a = samples[from[i]];
    const b = samples[to[i]];
    const entering = a <= threshold && b > threshold;
    const leaving = a > threshold && b <= threshold;
    if (!entering && !leaving) {
      if (a > threshold && open < 0) open = x0;
      if (a <= threshold && open >= 0) {
        data.fill(1, row + open, row + x0);
        open = -1;
      }
      continue;
    }
    const length = starts[i + 1] - x0;
    // Pixel k of the interval lies offset + k * step after its left end.
    const crossing = ((threshold - a) / (b - a) - offset[i]) / step;
    if (leaving) {
      const x1 = x0 + Math.min(Math.max(Math.ceil(crossing), 0), length);
      data.fill(1, row + (open < 0 ? x0 : open), row + x1);
      open = -1;
    } else {
      if (open >= 0) data.fill(1, row + open, row + x0);
      const first = Math.min(Math.max(Math.floor(crossing) + 1, 0), length);
      open = first < length ? x0 + first : -1;
    }
  }
  if (open >= 0) data.fill(1, row + open, row + starts[end]);
}

/**
 * One bilinear resize, align_corners=False.
 * @param {Float32Array} values (height, stride), of which `width` columns count
 * @param {number} stride
 * @param {number} height @param {number} width
 * @param {number} newHeight @param {number} newWidth
 * @returns {Float32Array} (newHeight, newWidth)
 */
function resizeBilinear(values, stride, height, width, newHeight, newWidth) {
  const out = new Float32Array(newHeight * newWidth);
  const columns = Array.from({ length: newWidth }, (_, x) => taps(x, width / newWidth, width));
  for (let y = 0; y < newHeight; y++) {
    const [top, bottom, down] = taps(y, height / newHeight, height);
    for (let x = 0; x < newWidth; x++) {
      const [left, right, share] = columns[x];
      const above = values[top * stride + left] * (1 - share) + values[top * stride + right] * share;
      const below = values[bottom * stride + left] * (1 - share) + values[bottom * stride + right] * share;
      out[y * newWidth + x] = above * (1 - down) + below * down;
    }
  }
  return out;
}

/**
 * The reference, step by step as the released package does it: slow, for tests and measurements.
 * @param {Float32Array} logits (mask height, mask width)
 * @param {Frame} frame
 * @returns {Float32Array} logits at the original size, (height, width)
 */
export function upsampleReference(logits, frame) {
  const { imageSize, input, original, maskSize } = frame;
  const square = resizeBilinear(logits, maskSize[1], maskSize[0], maskSize[1], imageSize, imageSize);
  return resizeBilinear(square, imageSize, input[0], input[1], original[0], original[1]);
}

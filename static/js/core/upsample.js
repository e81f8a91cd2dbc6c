/**
 * Low-resolution logits → mask at the original size, equal to the released post-processing: bilinear to the model's
 * square input, crop of the padding, bilinear to the original size (both align_corners=False), logit > threshold.
 *
 * Bilinear resizing is separable and so is its repetition: along each axis every original pixel is a fixed weighted mean
 * of at most three neighbouring logits. That gives the two-step result in one step, and since the weights are not
 * negative, a patch of logits of one sign needs no arithmetic at all: it is filled. Only patches that the boundary
 * crosses are interpolated.
 */

/** @typedef {import("./geometry.js").Frame} Frame */
/** @typedef {import("./bitmap.js").Bitmap} Bitmap */

/**
 * One axis of the composed resize.
 * @typedef {object} Axis
 * @property {Int32Array} first (n) first of the three logits behind each original pixel
 * @property {Float32Array} weights (n, 3)
 * @property {Int32Array} starts (segments + 1) original pixels that share `first` and reach, as ranges
 * @property {Uint8Array} reach (segments) how many logits the pixels of the segment use: 1 … 3
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
 * @param {number} original pixels of the original along this axis
 * @param {number} input pixels of the resized image, without padding
 * @param {number} square pixels of the padded square
 * @param {number} logits low-resolution samples over the padded square
 * @returns {Axis}
 */
function composeAxis(original, input, square, logits) {
  if (logits > square) throw new RangeError(`masks of ${logits} are finer than the input of ${square}`);
  const first = new Int32Array(original);
  const weights = new Float32Array(original * 3);
  const starts = [0];
  /** @type {number[]} */
  const reaches = [];
  let lastReach = 0;
  for (let i = 0; i < original; i++) {
    const [lower, upper, share] = taps(i, input / original, input);
    const sources = [...taps(lower, logits / square, logits), ...taps(upper, logits / square, logits)];
    const base = sources[0];
    first[i] = base;
    const add = (/** @type {number} */ index, /** @type {number} */ weight) => {
      weights[3 * i + index - base] += weight;
    };
    add(sources[0], (1 - share) * (1 - sources[2]));
    add(sources[1], (1 - share) * sources[2]);
    add(sources[3], share * (1 - sources[5]));
    add(sources[4], share * sources[5]);
    const reach = weights[3 * i + 2] > 0 ? 3 : weights[3 * i + 1] > 0 ? 2 : 1;
    if (i > 0 && (first[i - 1] !== base || reach !== lastReach)) {
      starts.push(i);
      reaches.push(lastReach);
    }
    lastReach = reach;
  }
  starts.push(original);
  reaches.push(lastReach);
  return { first, weights, starts: Int32Array.from(starts), reach: Uint8Array.from(reaches) };
}

/** Axes of the last frame: every mask of one image uses the same. @type {{key: string, rows: Axis, columns: Axis}} */
let cached = { key: "", rows: composeAxis(1, 1, 1, 1), columns: composeAxis(1, 1, 1, 1) };

/** @param {Frame} frame */
function axes(frame) {
  const key = [frame.imageSize, ...frame.original, ...frame.input, ...frame.maskSize].join();
  if (cached.key !== key) {
    const { original, input, imageSize, maskSize } = frame;
    cached = {
      key,
      rows: composeAxis(original[0], input[0], imageSize, maskSize[0]),
      columns: composeAxis(original[1], input[1], imageSize, maskSize[1]),
    };
  }
  return cached;
}

const OUTSIDE = 1;
const INSIDE = 2;

/**
 * Sides on which the logits of rows [from, to) lie, column by column: OUTSIDE, INSIDE or both bits.
 * @param {Float32Array} logits @param {number} columns @param {number} from @param {number} to
 * @param {number} threshold @param {Uint8Array} sides (columns), written
 */
function columnSides(logits, columns, from, to, threshold, sides) {
  sides.fill(0);
  for (let row = from; row < to; row++) {
    const start = row * columns;
    for (let c = 0; c < columns; c++) sides[c] |= logits[start + c] > threshold ? INSIDE : OUTSIDE;
  }
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
  const sides = new Uint8Array(across);
  const mixed = new Float32Array(across + 2);
  const segments = columns.reach.length;
  for (let band = 0; band < rows.reach.length; band++) {
    const y0 = rows.starts[band];
    const y1 = rows.starts[band + 1];
    const top = rows.first[y0];
    columnSides(logits, across, top, top + rows.reach[band], threshold, sides);
    let segment = 0;
    while (segment < segments) {
      const side = segmentSide(columns, segment, sides);
      let next = segment + 1;
      while (next < segments && segmentSide(columns, next, sides) === side) next++;
      const x0 = columns.starts[segment];
      const x1 = columns.starts[next];
      if (side === INSIDE) {
        for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
      } else if (side !== OUTSIDE) {
        const last = columns.first[x1 - 1] + columns.reach[next - 1];
        for (let y = y0; y < y1; y++) {
          mixRows(logits, across, rows, y, columns.first[x0], last, mixed);
          writeRow(data, y * width, mixed, columns, x0, x1, threshold);
        }
      }
      segment = next;
    }
  }
  return { width, height, data };
}

/** @param {Axis} columns @param {number} segment @param {Uint8Array} sides @returns {number} */
function segmentSide(columns, segment, sides) {
  const first = columns.first[columns.starts[segment]];
  const reach = columns.reach[segment];
  let side = sides[first];
  if (reach > 1) side |= sides[first + 1];
  if (reach > 2) side |= sides[first + 2];
  return side;
}

/** Blend the logit rows behind original row `y`, columns [from, to).
 * @param {Float32Array} logits @param {number} across @param {Axis} rows @param {number} y
 * @param {number} from @param {number} to @param {Float32Array} mixed written at [from, to) */
function mixRows(logits, across, rows, y, from, to, mixed) {
  const w0 = rows.weights[3 * y];
  const w1 = rows.weights[3 * y + 1];
  const w2 = rows.weights[3 * y + 2];
  const a = rows.first[y] * across;
  // A weight of zero belongs to a row that may not exist; any row will do.
  const b = w1 > 0 ? a + across : a;
  const c = w2 > 0 ? a + 2 * across : a;
  for (let i = from; i < to; i++) mixed[i] = w0 * logits[a + i] + w1 * logits[b + i] + w2 * logits[c + i];
}

/** Blend along the columns and threshold.
 * @param {Uint8Array} data @param {number} start index of the row @param {Float32Array} mixed
 * @param {Axis} columns @param {number} x0 @param {number} x1 @param {number} threshold */
function writeRow(data, start, mixed, columns, x0, x1, threshold) {
  const { first, weights } = columns;
  for (let x = x0; x < x1; x++) {
    const i = first[x];
    const value =
      weights[3 * x] * mixed[i] + weights[3 * x + 1] * mixed[i + 1] + weights[3 * x + 2] * mixed[i + 2];
    data[start + x] = value > threshold ? 1 : 0;
  }
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

/**
 * COCO run-length encoding, byte for byte as pycocotools writes it.
 *
 * A mask is a list of run lengths in column-major order that starts with background. The compressed form keeps the
 * difference of each length to the one two places before it (from the fourth on), in groups of five bits with a
 * continuation bit and a sign, each group one character from "0".
 *
 * Bitmaps are row-major, so both directions work row against row: a transition is a pixel that differs from the one
 * above it, whole words of equal rows are skipped, and only what differs is ever touched pixel by pixel.
 */

/** @typedef {import("./bitmap.js").Rect} Rect */

const FIRST_CHARACTER = 48;
const LARGEST_RUN = 2 ** 30;

/**
 * @param {ArrayLike<number>} lengths run lengths, background first, column-major
 * @returns {string} COCO compressed counts
 */
export function lengthsToString(lengths) {
  /** @type {string[]} */
  const parts = [];
  const bytes = new Uint8Array(8192);
  const text = new TextDecoder("latin1");
  let used = 0;
  for (let i = 0; i < lengths.length; i++) {
    let rest = i > 2 ? lengths[i] - lengths[i - 2] : lengths[i];
    let more = true;
    while (more) {
      const group = rest & 0x1f;
      rest >>= 5;
      more = group & 0x10 ? rest !== -1 : rest !== 0;
      bytes[used++] = (more ? group | 0x20 : group) + FIRST_CHARACTER;
    }
    if (used > bytes.length - 8) {
      parts.push(text.decode(bytes.subarray(0, used)));
      used = 0;
    }
  }
  parts.push(text.decode(bytes.subarray(0, used)));
  return parts.join("");
}

/**
 * @param {string} counts COCO compressed counts
 * @returns {Int32Array} run lengths, background first, column-major
 * @throws {RangeError} on a character or a length that no encoder writes
 */
export function stringToLengths(counts) {
  const lengths = new Int32Array(counts.length);
  let used = 0;
  for (let at = 0; at < counts.length; used++) {
    let value = 0;
    let shift = 0;
    let group = 0x20;
    while (group & 0x20) {
      if (at >= counts.length) throw new RangeError("RLE counts end in the middle of a number");
      group = counts.charCodeAt(at) - FIRST_CHARACTER;
      if (group < 0 || group > 63 || shift > 25) {
        throw new RangeError(`RLE counts are malformed at character ${at}`);
      }
      value |= (group & 0x1f) << shift;
      shift += 5;
      at++;
    }
    if (group & 0x10 && shift < 32) value |= -1 << shift;
    if (used > 2) value += lengths[used - 2];
    if (value < 0 || value > LARGEST_RUN) throw new RangeError(`RLE run ${used} has the length ${value}`);
    lengths[used] = value;
  }
  return lengths.subarray(0, used);
}

/**
 * One row of pixels, read eight at a time as well: bytes of 0 or 1 that are read as one floating-point number are equal exactly
 * when all of them are. `at` is where it begins, in such words.
 * @typedef {{bytes: Uint8Array, words: Float64Array, at: number}} Row
 */

/** @param {Uint8Array} bytes whole words of them @returns {Row} */
function rowOf(bytes) {
  return { bytes, words: new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3), at: 0 };
}

/** First word in [from, to) in which two rows differ; `to` when there is none.
 * @param {Row} row @param {Row} other @param {number} from @param {number} to */
function firstDifference(row, other, from, to) {
  const { words, at } = row;
  const { words: others, at: start } = other;
  let word = from;
  while (word < to && words[at + word] === others[start + word]) word++;
  return word;
}

/**
 * Column-major positions x * height + y at which a row-major bitmap changes, as they are found: row by row.
 * The first pixel of a column is compared with the last of the column before; pixel 0 with background.
 * @param {Uint8Array} data @param {number} width @param {number} height @param {Rect} bounds holds the mask
 * @returns {{positions: Uint32Array, perColumn: Uint32Array}}
 */
function findTransitions(data, width, height, bounds) {
  let positions = new Uint32Array(4096);
  let used = 0;
  const perColumn = new Uint32Array(width + 1);
  const words = (width + 7) >> 3;
  // The row "above" the first one is the last row moved one column to the right; that of the mask is empty.
  let above = rowOf(new Uint8Array(words * 8));
  if (bounds.y1 === height) above.bytes.set(data.subarray((height - 1) * width, height * width - 1), 1);
  // Rows of whole words are read where they lie; others are copied, into two rows that take turns.
  const inPlace = width % 8 === 0 && data.byteOffset % 8 === 0;
  let row = rowOf(inPlace ? data : new Uint8Array(words * 8));
  // What touches the last row shows in the first one, a column further on.
  const first = bounds.y1 === height ? 0 : bounds.y0;
  const end = Math.min(bounds.y1 + 1, height);
  const [from, to] = [bounds.x0 >> 3, Math.min((bounds.x1 + 8) >> 3, words)];
  for (let y = first; y < end; y++) {
    if (inPlace) row = { ...row, at: y * words };
    else row.bytes.set(data.subarray(y * width, (y + 1) * width));
    if (used + width > positions.length) {
      const grown = new Uint32Array(Math.max(positions.length * 2, used + width));
      grown.set(positions);
      positions = grown;
    }
    for (let word = from; ; word++) {
      word = firstDifference(row, above, word, to);
      if (word === to) break;
      const stop = Math.min(word * 8 + 8, width);
      for (let x = word * 8; x < stop; x++) {
        if (row.bytes[row.at * 8 + x] === above.bytes[above.at * 8 + x]) continue;
        positions[used++] = x * height + y;
        perColumn[x]++;
      }
    }
    [row, above] = inPlace ? [row, row] : [above, row];
  }
  return { positions: positions.subarray(0, used), perColumn };
}

/**
 * Run lengths of a row-major bitmap.
 * @param {Uint8Array} data height * width bytes, 0 or 1
 * @param {number} width
 * @param {number} height
 * @param {Rect} [bounds] holds the mask: nothing else is looked at
 * @returns {Uint32Array} background first, column-major; their sum is width * height
 */
export function bitmapToLengths(data, width, height, bounds = { x0: 0, y0: 0, x1: width, y1: height }) {
  if (data.length !== width * height) {
    throw new RangeError(`bitmap has ${data.length} bytes, ${width} x ${height} need ${width * height}`);
  }
  if (data.length === 0) return new Uint32Array(0);
  const { positions, perColumn } = findTransitions(data, width, height, bounds);
  // Counting sort by column; within a column the rows already come in order.
  const next = new Uint32Array(width);
  for (let x = 1; x < width; x++) next[x] = next[x - 1] + perColumn[x - 1];
  const sorted = new Uint32Array(positions.length);
  for (let i = 0; i < positions.length; i++) {
    sorted[next[Math.floor(positions[i] / height)]++] = positions[i];
  }
  const lengths = new Uint32Array(positions.length + 1);
  let previous = 0;
  for (let i = 0; i < sorted.length; i++) {
    lengths[i] = sorted[i] - previous;
    previous = sorted[i];
  }
  lengths[sorted.length] = width * height - previous;
  return lengths;
}

/**
 * @param {Uint8Array} data row-major bitmap, height * width bytes of 0 or 1
 * @param {number} width
 * @param {number} height
 * @param {Rect} [bounds] holds the mask: nothing else is looked at
 * @returns {string} COCO compressed counts, equal to pycocotools' byte for byte
 */
export function encode(data, width, height, bounds) {
  return lengthsToString(bitmapToLengths(data, width, height, bounds));
}

/**
 * @param {Uint8Array} data row-major, all zero; receives the mask
 * @param {number} width
 * @param {number} height
 * @param {ArrayLike<number>} lengths
 */
function paintLengths(data, width, height, lengths) {
  // Toggle marks first, then one exclusive-or down the rows turns them into pixels.
  const marked = new Uint8Array(height);
  let position = 0;
  for (let i = 0; i < lengths.length; i++) {
    const end = position + lengths[i];
    // The top pixel of a column has nothing above it: it gets the value of the run it lies in.
    if (i & 1) data.fill(1, Math.ceil(position / height), Math.ceil(end / height));
    const column = Math.floor(end / height);
    const y = end - column * height;
    if (y > 0) {
      data[y * width + column] ^= 1;
      marked[y] = 1;
    }
    position = end;
  }
  spreadDown(data, width, height, marked);
}

/** Exclusive-or each marked row with the row above it and copy the row above into the others.
 * @param {Uint8Array} data @param {number} width @param {number} height @param {Uint8Array} marked */
function spreadDown(data, width, height, marked) {
  const row = new Uint8Array(Math.ceil(width / 4) * 4);
  const sum = new Uint8Array(row.length);
  const rowWords = new Uint32Array(row.buffer);
  const sumWords = new Uint32Array(sum.buffer);
  sum.set(data.subarray(0, width));
  const packed = sum.subarray(0, width);
  let blank = !packed.includes(1);
  for (let y = 1; y < height; y++) {
    if (marked[y]) {
      row.set(data.subarray(y * width, (y + 1) * width));
      for (let word = 0; word < sumWords.length; word++) sumWords[word] ^= rowWords[word];
      blank = !packed.includes(1);
    }
    if (marked[y] || !blank) data.set(packed, y * width);
  }
}

/**
 * @param {string} counts COCO compressed counts
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array} row-major bitmap, height * width bytes of 0 or 1
 * @throws {RangeError} when the counts are malformed or do not cover the image exactly
 */
export function decode(counts, width, height) {
  const lengths = stringToLengths(counts);
  assertCovers(lengths, width, height);
  const data = new Uint8Array(width * height);
  if (data.length > 0) paintLengths(data, width, height, lengths);
  return data;
}

/** @param {ArrayLike<number>} lengths @param {number} width @param {number} height */
function assertCovers(lengths, width, height) {
  let total = 0;
  for (let i = 0; i < lengths.length; i++) total += lengths[i];
  if (total !== width * height) {
    throw new RangeError(`RLE covers ${total} pixels, the ${width} x ${height} image has ${width * height}`);
  }
}

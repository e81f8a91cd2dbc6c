/**
 * Masks straight from the low-resolution logits, where their exact pixels do not matter: for thumbnails, and to know which part
 * of a large image a mask lies in without looking through all of it.
 */

/** @typedef {import("./bitmap.js").Rect} Rect */
/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./geometry.js").Frame} Frame */

/** Samples around a foreground sample that interpolation can reach. */
const REACH = 2;

export class Sketch {
  /** Image pixels between two samples, x and y. @type {[number, number]} */
  #pitch;

  /**
   * @param {readonly Float32Array[]} logits one mask each, (mask height, mask width)
   * @param {Frame} frame of the image, or of the crop
   * @param {number} threshold logit above which a sample is foreground
   * @param {Crop | null} crop what the frame is a part of; null: it is the whole image
   */
  constructor(logits, frame, threshold, crop) {
    this.logits = logits;
    this.frame = frame;
    this.threshold = threshold;
    this.origin = crop ? [crop[0], crop[1]] : [0, 0];
    const { imageSize, maskSize, original, input } = frame;
    this.#pitch = [
      ((imageSize / maskSize[1]) * original[1]) / input[1],
      ((imageSize / maskSize[0]) * original[0]) / input[0],
    ];
  }

  /**
   * A rectangle that holds all of a mask at full resolution.
   *
   * @param {number} index
   * @returns {Rect} image pixels, within the image; empty when nothing is foreground
   */
  box(index) {
    const logits = this.logits[index];
    const [rows, columns] = this.frame.maskSize;
    let [left, right, top, bottom] = [columns, -1, rows, -1];
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        if (!(logits[at] > this.threshold)) continue;
        if (column < left) left = column;
        if (column > right) right = column;
        if (row < top) top = row;
        bottom = row;
      }
    }
    const [width, height] = [this.frame.original[1], this.frame.original[0]];
    const [dx, dy] = this.origin;
    const [px, py] = this.#pitch;
    const inside = (/** @type {number} */ value, /** @type {number} */ size) =>
      Math.min(Math.max(value, 0), size);
    if (right < 0) return { x0: 0, y0: 0, x1: 0, y1: 0 };
    return {
      x0: dx + inside(Math.floor((left - REACH) * px), width),
      y0: dy + inside(Math.floor((top - REACH) * py), height),
      x1: dx + inside(Math.ceil((right + 1 + REACH) * px), width),
      y1: dy + inside(Math.ceil((bottom + 1 + REACH) * py), height),
    };
  }

  /**
   * What a mask looks like in a small picture.
   *
   * @param {number} index
   * @param {{x: number, y: number, scale: number, width: number, height: number}} view left and top in image pixels, picture
   *   pixels per image pixel, size of the picture
   * @returns {Uint8Array} (height, width) row-major, 0 or 1
   */
  sample(index, { x, y, scale, width, height }) {
    const logits = this.logits[index];
    const { maskSize, original } = this.frame;
    const [dx, dy] = this.origin;
    const across = taps(width, x - dx, scale, this.#pitch[0], original[1], maskSize[1]);
    const down = taps(height, y - dy, scale, this.#pitch[1], original[0], maskSize[0]);
    const picture = new Uint8Array(width * height);
    for (let row = 0, at = 0; row < height; row++) {
      const [above, below, lower] = down[row];
      for (let column = 0; column < width; column++, at++) {
        const [left, right, share] = across[column];
        if (left < 0 || above < 0) continue;
        const [a, b] = [above * maskSize[1], below * maskSize[1]];
        const upper = logits[a + left] * (1 - share) + logits[a + right] * share;
        const under = logits[b + left] * (1 - share) + logits[b + right] * share;
        if (upper * (1 - lower) + under * lower > this.threshold) picture[at] = 1;
      }
    }
    return picture;
  }
}

/**
 * The two samples beside each picture pixel along one axis, and the share of the second; −1 outside of the frame.
 *
 * @param {number} count picture pixels
 * @param {number} start of the picture in the frame, image pixels
 * @param {number} scale picture pixels per image pixel
 * @param {number} pitch image pixels between two samples
 * @param {number} size of the frame, image pixels
 * @param {number} samples
 * @returns {[number, number, number][]}
 */
function taps(count, start, scale, pitch, size, samples) {
  return Array.from({ length: count }, (_, index) => {
    const position = start + (index + 0.5) / scale;
    if (position < 0 || position >= size) return [-1, -1, 0];
    const at = Math.min(Math.max(position / pitch - 0.5, 0), samples - 1);
    const left = Math.floor(at);
    return [left, Math.min(left + 1, samples - 1), at - left];
  });
}

/**
 * The model-space transform: the one JavaScript copy of the resize rule (its twin is annotator/sam/transforms.py).
 *
 * Frames used everywhere in this folder:
 * - *image*: pixels of the upright original image, x right, y down, pixel centres at integers;
 * - *input*: the image resized so that its longer side is `imageSize`, before padding;
 * - *mask*: the decoder's low-resolution grid, which covers the padded `imageSize` × `imageSize` square.
 * Sizes are always [height, width]; points are always [x, y].
 */

/** @typedef {readonly [number, number]} Size [height, width] */

/**
 * How one image sits in one model's square input.
 * @typedef {object} Frame
 * @property {number} imageSize side of the model's square input, pixels
 * @property {Size} original size of the upright original image
 * @property {Size} input size after the resize, before padding
 * @property {Size} maskSize size of the decoder's low-resolution masks
 * @property {readonly [number, number]} [origin] x, y in the image of the part that this is of; absent: all of it
 */

/**
 * Size of the resized image: the longer side becomes `imageSize`, each side is `int(side * scale + 0.5)`, at
 * least one pixel.
 * @param {number} height pixels
 * @param {number} width pixels
 * @param {number} imageSize longer side after the resize, pixels
 * @returns {[number, number]} [height, width]
 */
export function inputSize(height, width, imageSize) {
  if (!(height > 0 && width > 0 && imageSize > 0)) {
    throw new RangeError(`sizes must be positive, got ${height} x ${width} for an input of ${imageSize}`);
  }
  const scale = imageSize / Math.max(height, width);
  return [Math.max(1, Math.floor(height * scale + 0.5)), Math.max(1, Math.floor(width * scale + 0.5))];
}

/**
 * @param {Size} original [height, width] of the upright original
 * @param {number} imageSize side of the model's square input
 * @param {Size} [maskSize] low-resolution mask size; a quarter of the input when absent
 * @returns {Frame}
 */
export function makeFrame(original, imageSize, maskSize = [imageSize / 4, imageSize / 4]) {
  const [height, width] = original;
  return Object.freeze({
    imageSize,
    original: /** @type {Size} */ (Object.freeze([height, width])),
    input: /** @type {Size} */ (Object.freeze(inputSize(height, width, imageSize))),
    maskSize: /** @type {Size} */ (Object.freeze([maskSize[0], maskSize[1]])),
  });
}

/**
 * Map points from the image frame to the input frame. Each axis has its own factor because both sides are rounded;
 * no half pixel is added here (the prompt encoder does that, once).
 * @param {ReadonlyArray<readonly number[]>} points [x, y] in the image frame
 * @param {Frame} frame
 * @returns {[number, number][]} [x, y] in the input frame
 */
export function toModelSpace(points, frame) {
  const scaleX = frame.input[1] / frame.original[1];
  const scaleY = frame.input[0] / frame.original[0];
  return points.map(([x, y]) => [x * scaleX, y * scaleY]);
}

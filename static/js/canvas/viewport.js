/**
 * Where the image lies on screen: one immutable value, so that a change is a new object and caches compare by identity.
 *
 * Frames: "image" is pixels of the upright original, x to the right, y down, pixel (i, j) covering [i, i+1) × [j, j+1);
 * "view" is CSS pixels from the top-left corner of the canvas.
 */

/** Smallest and largest scale in CSS pixels per image pixel. */
export const MAX_SCALE = 64;
const FIT_MARGIN = 24;

/**
 * @typedef {object} Viewport
 * @property {number} scale  CSS pixels per image pixel
 * @property {number} x      view position of the image's left edge
 * @property {number} y      view position of the image's top edge
 * @property {number} width  view size, CSS pixels
 * @property {number} height
 */

/** @typedef {{width: number, height: number}} Size */

/**
 * The whole image, centred with a margin; small images are not enlarged beyond 8 times.
 *
 * @param {Size} image
 * @param {Size} view
 * @returns {Viewport}
 */
export function fit(image, view) {
  const room = (/** @type {number} */ side) => Math.max(side - 2 * FIT_MARGIN, 16);
  const scale = Math.min(room(view.width) / image.width, room(view.height) / image.height, 8);
  return {
    scale,
    x: (view.width - image.width * scale) / 2,
    y: (view.height - image.height * scale) / 2,
    width: view.width,
    height: view.height,
  };
}

/**
 * Multiply the scale and keep the image point under (x, y) where it is.
 *
 * @param {Viewport} viewport
 * @param {Size} image
 * @param {number} factor
 * @param {number} x view
 * @param {number} y view
 * @returns {Viewport}
 */
export function zoomAt(viewport, image, factor, x, y) {
  const smallest = Math.min(fit(image, viewport).scale / 4, 1);
  const scale = Math.min(Math.max(viewport.scale * factor, smallest), MAX_SCALE);
  const ratio = scale / viewport.scale;
  return keepInReach(
    { ...viewport, scale, x: x - (x - viewport.x) * ratio, y: y - (y - viewport.y) * ratio },
    image,
  );
}

/**
 * @param {Viewport} viewport
 * @param {Size} image
 * @param {number} dx view
 * @param {number} dy view
 * @returns {Viewport}
 */
export function panBy(viewport, image, dx, dy) {
  return keepInReach({ ...viewport, x: viewport.x + dx, y: viewport.y + dy }, image);
}

/**
 * The same image point in the middle after the window changed its size.
 *
 * @param {Viewport} viewport
 * @param {Size} image
 * @param {Size} view
 * @returns {Viewport}
 */
export function resized(viewport, image, view) {
  const dx = (view.width - viewport.width) / 2;
  const dy = (view.height - viewport.height) / 2;
  return panBy({ ...viewport, width: view.width, height: view.height }, image, dx, dy);
}

/**
 * View → image, continuous: the centre of pixel (i, j) is (i + 0.5, j + 0.5).
 *
 * @param {Viewport} viewport
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function toImage(viewport, x, y) {
  return [(x - viewport.x) / viewport.scale, (y - viewport.y) / viewport.scale];
}

/**
 * Image → view; the inverse of {@link toImage}.
 *
 * @param {Viewport} viewport
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function toView(viewport, x, y) {
  return [x * viewport.scale + viewport.x, y * viewport.scale + viewport.y];
}

/** A strip of the image always stays in sight, so that nobody gets lost. */
function keepInReach(/** @type {Viewport} */ viewport, /** @type {Size} */ image) {
  const strip = (/** @type {number} */ view, /** @type {number} */ size) => Math.min(64, view / 4, size);
  const width = image.width * viewport.scale;
  const height = image.height * viewport.scale;
  const stripX = strip(viewport.width, width);
  const stripY = strip(viewport.height, height);
  return {
    ...viewport,
    x: Math.min(Math.max(viewport.x, stripX - width), viewport.width - stripX),
    y: Math.min(Math.max(viewport.y, stripY - height), viewport.height - stripY),
  };
}

/** Lines between the image's pixels, once a pixel is large enough that they help instead of hiding it. */

/** CSS pixels per image pixel from which the grid is drawn: 1600 %. */
export const GRID_FROM = 16;

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {import("./viewport.js").Viewport} viewport
 * @param {{width: number, height: number}} image
 */
export function drawPixelGrid(context, viewport, image) {
  const { scale, x, y, width, height } = viewport;
  if (scale < GRID_FROM) return;
  const [left, right] = visible(x, width, scale, image.width);
  const [top, bottom] = visible(y, height, scale, image.height);
  const lines = new Path2D();
  // Half a pixel off, so that a line of one pixel is sharp.
  const snap = (/** @type {number} */ at) => Math.round(at) + 0.5;
  for (let column = left; column <= right; column++) {
    lines.moveTo(snap(column * scale + x), top * scale + y);
    lines.lineTo(snap(column * scale + x), bottom * scale + y);
  }
  for (let row = top; row <= bottom; row++) {
    lines.moveTo(left * scale + x, snap(row * scale + y));
    lines.lineTo(right * scale + x, snap(row * scale + y));
  }
  context.lineWidth = 1;
  context.strokeStyle = "rgb(128 128 128 / 45%)";
  context.stroke(lines);
}

/** First and last grid line in sight. @returns {[number, number]} */
function visible(
  /** @type {number} */ offset,
  /** @type {number} */ length,
  /** @type {number} */ scale,
  /** @type {number} */ pixels,
) {
  return [Math.max(0, Math.ceil(-offset / scale)), Math.min(pixels, Math.floor((length - offset) / scale))];
}

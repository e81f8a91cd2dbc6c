/**
 * Smaller copies of a large image, so that a 50-megapixel photograph is not resampled on every frame of a zoom or pan. They are
 * made before it is shown, by pyramid_worker.js.
 */

export class ImagePyramid {
  #levels;
  /** Never drawn coarser than the view needs. */
  isSharp = true;

  /** @param {readonly ImageBitmap[]} levels the image itself first; each next one has half the sides */
  constructor(levels) {
    this.#levels = levels;
    this.width = levels[0].width;
    this.height = levels[0].height;
  }

  /** All is here that there will be. */
  start() {}

  /** Whatever the view, all is here. */
  prepare() {}

  /**
   * Draw what is visible of the photograph.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {import("./overlay.js").DeviceView} view
   */
  draw(context, { scale, x, y, width, height }) {
    const level = this.#level(scale);
    const toLevel = level.width / this.width;
    const unit = scale / toLevel;
    // Only what is visible, in whole source pixels: drawing far outside the canvas is slow in software.
    const left = Math.max(0, Math.floor(-x / unit) - 1);
    const top = Math.max(0, Math.floor(-y / unit) - 1);
    const columns = Math.min(level.width, Math.ceil((width - x) / unit) + 1) - left;
    const rows = Math.min(level.height, Math.ceil((height - y) / unit) + 1) - top;
    if (columns <= 0 || rows <= 0) return;
    const [targetX, targetY] = [x + left * unit, y + top * unit];
    context.drawImage(level, left, top, columns, rows, targetX, targetY, columns * unit, rows * unit);
  }

  /** The smallest level that still has a pixel for every device pixel. */
  #level(/** @type {number} */ scale) {
    let chosen = this.#levels[0];
    for (const level of this.#levels) if (level.width >= this.width * scale) chosen = level;
    return chosen;
  }

  /** Release the memory; the pyramid must not be drawn afterwards. */
  close() {
    for (const level of this.#levels) level.close();
  }
}

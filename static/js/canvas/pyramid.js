/**
 * Smaller copies of a large image, so that a 50-megapixel photograph is not resampled on every frame of a zoom or pan.
 */

/** Images up to this many pixels are drawn directly. */
const DIRECT_PIXELS = 2_500_000;

export class ImagePyramid {
  /** @type {ImageBitmap[]} level 0 is the image itself; each next one has half the sides */
  #levels;
  #closed = false;
  /** Never drawn coarser than the view needs. */
  isSharp = true;

  /** @param {ImageBitmap} bitmap */
  constructor(bitmap) {
    this.#levels = [bitmap];
    this.width = bitmap.width;
    this.height = bitmap.height;
  }

  /**
   * Build the smaller levels, off the main thread; until then, or without them, the full image is drawn: slower, not wrong.
   *
   * @param {() => void} changed called when it can be drawn better than before
   */
  start(changed) {
    this.#build().then(changed, () => {});
  }

  /** Whatever the view, all is here. */
  prepare() {}

  async #build() {
    let last = this.#levels[this.#levels.length - 1];
    while (last.width * last.height > DIRECT_PIXELS && !this.#closed) {
      const next = await createImageBitmap(last, {
        resizeWidth: Math.max(1, Math.round(last.width / 2)),
        resizeHeight: Math.max(1, Math.round(last.height / 2)),
        resizeQuality: "medium",
      });
      if (this.#closed) return next.close();
      this.#levels.push(next);
      last = next;
    }
  }

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
    this.#closed = true;
    for (const level of this.#levels) level.close();
    this.#levels = this.#levels.slice(0, 0);
  }
}

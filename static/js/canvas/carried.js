/**
 * Overlays that are dear to paint are carried along by the compositor while the view moves, and painted crisply once it rests.
 * Both overlays share one transform, so they are repainted together.
 */

/** @typedef {import("./viewport.js").Viewport} Viewport */

/** Overlays dearer than this are carried. */
const FLUENT_MS = 9;
const REST_MS = 90;

export class CarriedOverlays {
  #canvases;
  #repaint;
  /** @type {{scale: number, x: number, y: number} | null} view at which they were painted */
  #view = null;
  /** What painting all of them took the last time. */
  #cost = 0;
  #timer = 0;

  /**
   * @param {readonly HTMLCanvasElement[]} canvases
   * @param {() => void} repaint asks for all of them
   */
  constructor(canvases, repaint) {
    this.#canvases = canvases;
    this.#repaint = repaint;
  }

  /** The view is another: carry the overlays there, or have them painted at once where that is quick. */
  follow(/** @type {Viewport} */ { scale, x, y }) {
    const from = this.#view;
    if (!from || this.#cost <= FLUENT_MS) return this.#repaint();
    const ratio = scale / from.scale;
    const transform = `matrix(${ratio}, 0, 0, ${ratio}, ${x - from.x * ratio}, ${y - from.y * ratio})`;
    for (const { style } of this.#canvases) style.transform = transform;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(this.#repaint, REST_MS);
  }

  /** One of them is about to be painted. @returns {boolean} the view has moved since: all of both must be */
  settle(/** @type {Viewport} */ { scale, x, y }) {
    const painted = this.#view;
    if (painted?.scale === scale && painted.x === x && painted.y === y) return false;
    clearTimeout(this.#timer);
    this.#view = { scale, x, y };
    for (const { style } of this.#canvases) style.transform = "";
    return true;
  }

  /** @param {number} cost milliseconds that painting all of both took */
  measured(cost) {
    this.#cost = cost;
  }

  destroy() {
    clearTimeout(this.#timer);
  }
}

/**
 * The brush's ring over the image, at the size it paints: an element of its own that the compositor moves, so that it follows the
 * pointer however much of the mask is being repainted.
 */

import { toView } from "./viewport.js";

/** @typedef {{x: number, y: number, radius: number, erase: boolean}} BrushMark x, y, radius in image pixels */

/** Smaller rings could not be seen, CSS pixels. */
const SMALLEST = 3;

export class BrushCursor {
  #element = document.createElement("div");

  /** @param {HTMLElement} host element of the view */
  constructor(host) {
    this.#element.className = "wb-brush-cursor";
    this.#element.hidden = true;
    this.#element.setAttribute("aria-hidden", "true");
    host.append(this.#element);
  }

  /** @param {BrushMark} mark @param {import("./viewport.js").Viewport} viewport */
  show({ x, y, radius, erase }, viewport) {
    const { style, classList } = this.#element;
    const [left, top] = toView(viewport, x + 0.5, y + 0.5); // marks count pixel centres, the view counts edges
    const size = `${Math.max(2 * radius * viewport.scale, SMALLEST)}px`;
    this.#element.hidden = false;
    classList.toggle("erases", erase);
    if (style.width !== size) Object.assign(style, { width: size, height: size });
    style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`;
  }

  hide() {
    this.#element.hidden = true;
  }

  remove() {
    this.#element.remove();
  }
}

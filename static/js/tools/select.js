/**
 * Select (V): click an object to open it, click beside all objects to close it. Drag moves the view.
 */

import { Tool } from "./tool.js";

const CLICK_REACH = 4;

export class Select extends Tool {
  /** @type {{id: number, x: number, y: number, moved: boolean} | null} */
  #press = null;

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, () => this.cleanUp());
    this.stage.addEventListener("gesture", () => this.cleanUp(), { signal });
  }

  /** @override */
  cleanUp() {
    this.#press = null;
    this.stage.host.classList.remove("is-panning");
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || event.button !== 0) return;
    this.#press = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    this.stage.host.setPointerCapture(event.pointerId);
  }

  #move(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (!press) {
      const over = this.editor.objectAt(...this.stage.imagePoint(event));
      this.stage.host.style.cursor = over ? "pointer" : this.cursor;
      return;
    }
    if (press.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - press.x, event.clientY - press.y];
    if (!press.moved && Math.hypot(dx, dy) < CLICK_REACH) return;
    press.moved = true;
    this.stage.host.classList.add("is-panning");
    this.stage.pan(dx, dy);
    [press.x, press.y] = [event.clientX, event.clientY];
  }

  #up(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.cleanUp();
    if (press.moved) return;
    const object = this.editor.objectAt(...this.stage.imagePoint(event));
    this.editor.select(object?.id ?? null);
  }
}

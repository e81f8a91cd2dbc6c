/**
 * Select (V): click an object to open it, Shift-click to select several, drag a rectangle around or across many; a click beside
 * all objects closes what is open. A finger's drag moves the view.
 */

import { Tool } from "./tool.js";

const CLICK_REACH = 4;

/**
 * @typedef {object} Press
 * @property {number} id
 * @property {[number, number]} page   where it began
 * @property {[number, number]} last   where it is
 * @property {[number, number]} from   image frame
 * @property {boolean} adds   to what is selected
 * @property {boolean} pans
 * @property {boolean} moved
 */

export class Select extends Tool {
  /** @type {Press | null} */
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
    this.stage.setMarks({ rubberBand: null });
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || event.button !== 0) return;
    this.#press = {
      id: event.pointerId,
      page: [event.clientX, event.clientY],
      last: [event.clientX, event.clientY],
      from: this.stage.imagePoint(event),
      adds: event.shiftKey || event.ctrlKey || event.metaKey,
      pans: event.pointerType === "touch",
      moved: false,
    };
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
    const [x, y] = press.page;
    press.moved ||= Math.hypot(event.clientX - x, event.clientY - y) >= CLICK_REACH;
    if (!press.moved) return;
    if (press.pans) {
      this.stage.host.classList.add("is-panning");
      this.stage.pan(event.clientX - press.last[0], event.clientY - press.last[1]);
    } else this.stage.setMarks({ rubberBand: [...press.from, ...this.stage.imagePoint(event)] });
    press.last = [event.clientX, event.clientY];
  }

  #up(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.cleanUp();
    if (press.moved && press.pans) return;
    if (press.moved) this.#chooseIn(press, this.stage.imagePoint(event));
    else this.#chooseAt(press);
  }

  #chooseAt(/** @type {Press} */ { from, adds }) {
    const object = this.editor.objectAt(...from);
    if (!adds) this.editor.choose(object ? [object.id] : []);
    else if (object) this.editor.toggleChosen(object.id);
  }

  #chooseIn(/** @type {Press} */ { from, adds }, /** @type {[number, number]} */ to) {
    const [x0, x1] = [from[0], to[0]].sort((a, b) => a - b);
    const [y0, y1] = [from[1], to[1]].sort((a, b) => a - b);
    const rect = { x0: Math.round(x0), y0: Math.round(y0), x1: Math.round(x1) + 1, y1: Math.round(y1) + 1 };
    const found = this.editor.objectsIn(rect).map(({ id }) => id);
    const before = adds ? this.editor.selection.map(({ id }) => id) : [];
    this.editor.choose([...before, ...found.filter((id) => !before.includes(id))]);
  }
}

/**
 * Polygon and lasso in one tool (P): clicks set corners, a drag draws freehand; a drag that begins a new outline closes it on
 * release. Ctrl, Alt or the right button cut away instead. Enter, a double click or a click on the first corner close the
 * outline; Backspace takes the last corner back; Esc drops it.
 */

import { simplifyLine } from "../core/polygon.js";
import { Tool } from "./tool.js";

/** A press that moves less than this many CSS pixels is a click. */
const CLICK_REACH = 4;
/** How near to the first corner a click closes, CSS pixels. */
const CLOSE_REACH = 9;
/** Freehand samples nearer than this to the line through the others add nothing, image pixels. */
const TOLERANCE = 0.1;
const MANY_POINTS = 400;

/** @typedef {[number, number]} Point image frame, pixel centres at integers */

export class Polygon extends Tool {
  /** @type {Point[]} */
  #points = [];
  #erase = false;
  /** The corners before `kept` were there when the button went down.
   * @type {{id: number, page: Point, kept: number, drawn: boolean, closes: boolean} | null} */
  #press = null;
  /** @type {Point | null} */
  #pointer = null;

  /** @override */
  get cursor() {
    return "crosshair";
  }

  /** An outline is begun and not closed. */
  get isDrawing() {
    return this.#points.length > 0;
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, () => this.#takeBack());
    this.on("pointerleave", signal, () => this.#follow(null));
    this.on("dblclick", signal, () => this.close());
    this.on("contextmenu", signal, (event) => event.preventDefault());
    this.stage.addEventListener("gesture", () => this.#takeBack(), { signal });
    window.addEventListener("keydown", (event) => this.#key(event), { signal, capture: true });
  }

  /** @override */
  cleanUp() {
    this.#points = [];
    this.#press = null;
    this.#follow(null);
  }

  /** Fill the outline, or cut it away: one step of the history. */
  async close() {
    if (this.#points.length < 3) return;
    const points = this.#points.length > MANY_POINTS ? simplifyLine(this.#points, TOLERANCE) : this.#points;
    const erase = this.#erase;
    this.#points = [];
    this.#press = null;
    this.#show();
    await this.editor.idle(); // the model's answer would change the ground
    this.editor.fillPolygon(points, erase);
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || (event.button !== 0 && event.button !== 2) || !this.editor.image) return;
    const kept = this.#points.length;
    const closes = kept > 2 && this.#nearFirst(event);
    if (!kept) this.#erase = event.button === 2 || event.ctrlKey || event.altKey;
    this.#press = {
      id: event.pointerId,
      page: [event.clientX, event.clientY],
      kept,
      drawn: false,
      closes,
    };
    this.stage.host.setPointerCapture(event.pointerId);
    if (!closes) this.#add(event);
    this.#follow(event);
  }

  #move(/** @type {PointerEvent} */ event) {
    this.#follow(event);
    const press = this.#press;
    if (press?.id !== event.pointerId || press.closes) return;
    const [x, y] = press.page;
    press.drawn ||= Math.hypot(event.clientX - x, event.clientY - y) >= CLICK_REACH;
    if (!press.drawn) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#add(each);
    this.#show();
  }

  #up(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.#press = null;
    const lasso = press.drawn && press.kept === 0;
    if (press.closes || lasso || (press.drawn && this.#nearFirst(event))) this.close();
  }

  #key(/** @type {KeyboardEvent} */ event) {
    if (!this.isDrawing || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter") this.close();
    else if (event.key === "Escape") this.cleanUp();
    else if (event.key === "Backspace" || ((event.ctrlKey || event.metaKey) && event.key === "z")) {
      this.#points.pop();
      this.#show();
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** The press was the first finger of a pinch. */
  #takeBack() {
    if (this.#press) this.#points.length = this.#press.kept;
    this.#press = null;
    this.#follow(null);
  }

  #add(/** @type {PointerEvent} */ event) {
    const point = /** @type {Point} */ (this.stage.imagePoint(event));
    const last = this.#points.at(-1);
    const { scale } = this.stage.viewport;
    // The second click of a double click, and samples within one screen pixel, are no corners.
    const near = this.#press?.drawn ? 1 : CLICK_REACH;
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) * scale < near) return;
    this.#points.push(point);
  }

  #nearFirst(/** @type {PointerEvent} */ event) {
    const first = this.#points[0];
    if (!first || this.#points.length < 3) return false;
    const [x, y] = this.stage.imagePoint(event);
    return Math.hypot(x - first[0], y - first[1]) * this.stage.viewport.scale < CLOSE_REACH;
  }

  #follow(/** @type {PointerEvent | null} */ event) {
    this.#pointer = event && /** @type {Point} */ (this.stage.imagePoint(event));
    this.#show(event !== null && this.#nearFirst(event));
  }

  #show(closes = false) {
    const path = { points: this.#points, pointer: this.#pointer, erase: this.#erase, closes };
    this.stage.setMarks({ path: this.isDrawing ? path : null });
  }
}

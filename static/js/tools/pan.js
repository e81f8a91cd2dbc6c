/**
 * Moving about, always at hand beside any tool: wheel and pinch zoom at the pointer, middle button, Space-drag or two fingers
 * pan. Listens in the capture phase, so that a gesture taken here never reaches the tool.
 */

import { Tool } from "./tool.js";

const WHEEL_STEP = 0.0016;
const PINCH_STEP = 0.01;
/** Browsers that count in lines or pages instead of pixels. */
const LINE = 16;

export class Pan extends Tool {
  #spaceHeld = false;
  /** @type {{id: number, x: number, y: number} | null} */
  #drag = null;
  /** @type {Map<number, [number, number]>} fingers on the glass */
  #fingers = new Map();

  /** Space is held: the next drag pans. */
  set spaceHeld(/** @type {boolean} */ held) {
    this.#spaceHeld = held;
    this.stage.host.classList.toggle("can-pan", held);
  }

  /** @override */
  enable() {
    const { cursor } = this.stage.host.style;
    super.enable();
    this.stage.host.style.cursor = cursor; // the tool's, not ours
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    const { host } = this.stage;
    const capture = { signal, capture: true };
    host.addEventListener("pointerdown", (event) => this.#down(event), capture);
    host.addEventListener("pointermove", (event) => this.#move(event), capture);
    for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      host.addEventListener(type, (event) => this.#up(event), capture);
    }
    host.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
  }

  /** @override */
  cleanUp() {
    this.#drag = null;
    this.#fingers.clear();
    this.stage.host.classList.remove("is-panning", "can-pan");
  }

  #down(/** @type {PointerEvent} */ event) {
    if (event.pointerType === "touch") {
      this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (this.#fingers.size === 2) {
        // The first finger had begun something with the tool: it takes that back.
        event.stopImmediatePropagation();
        this.stage.dispatchEvent(new Event("gesture"));
      }
      if (this.#fingers.size > 1) return;
    }
    if (event.button !== 1 && !(event.button === 0 && this.#spaceHeld)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#drag = { id: event.pointerId, x: event.clientX, y: event.clientY };
    this.stage.host.setPointerCapture(event.pointerId);
    this.stage.host.classList.add("is-panning");
  }

  #move(/** @type {PointerEvent} */ event) {
    if (this.#fingers.has(event.pointerId) && this.#fingers.size > 1) {
      event.stopImmediatePropagation();
      this.#pinch(event);
      return;
    }
    if (this.#drag?.id !== event.pointerId) return;
    event.stopImmediatePropagation();
    this.stage.pan(event.clientX - this.#drag.x, event.clientY - this.#drag.y);
    this.#drag = { id: event.pointerId, x: event.clientX, y: event.clientY };
  }

  /** Both fingers keep the image points that they hold. */
  #pinch(/** @type {PointerEvent} */ event) {
    const [first, second] = [...this.#fingers.entries()];
    const other = first[0] === event.pointerId ? second[1] : first[1];
    const before = /** @type {[number, number]} */ (this.#fingers.get(event.pointerId));
    const after = /** @type {[number, number]} */ ([event.clientX, event.clientY]);
    this.#fingers.set(event.pointerId, after);
    const spread = (/** @type {[number, number]} */ [x, y]) => Math.hypot(x - other[0], y - other[1]);
    const middle = { clientX: (after[0] + other[0]) / 2, clientY: (after[1] + other[1]) / 2 };
    this.stage.pan((after[0] - before[0]) / 2, (after[1] - before[1]) / 2);
    this.stage.zoom(spread(after) / Math.max(spread(before), 1), ...this.stage.viewPoint(middle));
  }

  #up(/** @type {PointerEvent} */ event) {
    const pinching = this.#fingers.size > 1;
    this.#fingers.delete(event.pointerId);
    if (pinching) event.stopImmediatePropagation();
    if (this.#drag?.id !== event.pointerId) return;
    event.stopImmediatePropagation();
    this.#drag = null;
    this.stage.host.classList.remove("is-panning");
  }

  #wheel(/** @type {WheelEvent} */ event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    if (event.shiftKey) return this.stage.pan(-(event.deltaX || event.deltaY) * unit, 0);
    // Trackpads report a pinch as a wheel with Ctrl and small steps.
    const step = event.ctrlKey ? PINCH_STEP : WHEEL_STEP;
    this.stage.zoom(Math.exp(-event.deltaY * unit * step), ...this.stage.viewPoint(event));
  }
}

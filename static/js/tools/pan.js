/**
 * Moving about, always at hand beside any tool: wheel and pinch zoom at the pointer, middle button, Space-drag or two fingers
 * pan. Where a pen is used, one finger pans as well, and a hand that rests on the glass beside the pen does nothing. Listens in
 * the capture phase, so that a gesture taken here never reaches the tool.
 */

import { Tool } from "./tool.js";

const WHEEL_STEP = 0.0016;
const PINCH_STEP = 0.01;
/** Browsers that count in lines or pages instead of pixels. */
const LINE = 16;
/** A touch this soon after the pen was near is the hand that holds it. */
const PALM_MS = 600;

export class Pan extends Tool {
  #spaceHeld = false;
  /** @type {{id: number, x: number, y: number} | null} */
  #drag = null;
  /** @type {Map<number, [number, number]>} fingers on the glass */
  #fingers = new Map();
  /** Touches of the hand that holds the pen. @type {Set<number>} */
  #palms = new Set();
  /** When the pen was last near, by its events; null: none was ever used. @type {number | null} */
  #penAt = null;
  #penDown = false;

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
    this.#palms.clear();
    this.stage.host.classList.remove("is-panning", "can-pan");
  }

  #down(/** @type {PointerEvent} */ event) {
    if (event.pointerType === "pen") this.#meetPen(event, true);
    if (event.pointerType === "touch" && !this.#touched(event)) return event.stopImmediatePropagation();
    const finger = event.pointerType === "touch" && this.#penAt !== null;
    if (event.button !== 1 && !(event.button === 0 && (this.#spaceHeld || finger))) return;
    this.#startDrag(event);
  }

  /** The pen comes: whatever touches the glass is the hand that holds it. */
  #meetPen(/** @type {PointerEvent} */ event, down = this.#penDown) {
    if (this.#penAt === null) this.stage.dispatchEvent(new Event("pen"));
    this.#penAt = event.timeStamp;
    this.#penDown = down;
    for (const id of this.#fingers.keys()) this.#palms.add(id);
    this.#fingers.clear();
    this.#endDrag();
  }

  /** @returns {boolean} whether it is a finger alone, not part of a pinch or of the hand */
  #touched(/** @type {PointerEvent} */ event) {
    if (this.#penDown || (this.#penAt !== null && event.timeStamp - this.#penAt < PALM_MS)) {
      this.#palms.add(event.pointerId);
      return false;
    }
    this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#fingers.size === 1) return true;
    this.#endDrag();
    // The first finger had begun something with the tool: it takes that back.
    if (this.#fingers.size === 2) this.stage.dispatchEvent(new Event("gesture"));
    return false;
  }

  #startDrag(/** @type {PointerEvent} */ event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#drag = { id: event.pointerId, x: event.clientX, y: event.clientY };
    this.stage.host.setPointerCapture(event.pointerId);
    this.stage.host.classList.add("is-panning");
  }

  #endDrag() {
    this.#drag = null;
    this.stage.host.classList.remove("is-panning");
  }

  #move(/** @type {PointerEvent} */ event) {
    if (event.pointerType === "pen") this.#meetPen(event);
    if (this.#palms.has(event.pointerId)) return event.stopImmediatePropagation();
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
    if (event.pointerType === "pen") this.#meetPen(event, false);
    const pinching = this.#fingers.size > 1;
    const palm = this.#palms.delete(event.pointerId);
    this.#fingers.delete(event.pointerId);
    if (pinching || palm) event.stopImmediatePropagation();
    if (this.#drag?.id !== event.pointerId) return;
    event.stopImmediatePropagation();
    this.#endDrag();
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

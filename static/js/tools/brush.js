/**
 * Brush (B) and eraser (E): gap-free strokes with a cursor of true size. Ctrl, or the right button, swaps the two; a pen's
 * other end always erases, and its pressure may change the size. Alt + wheel changes the size, too.
 */

import { BrushCursor } from "../canvas/brush_cursor.js";
import { Tool } from "./tool.js";

const SMALLEST = 0.5;
const LARGEST = 500;
const STEP = 1.2;
/** A pen that only touches paints with this share of the size. */
const LIGHTEST = 0.2;
const [LEFT, RIGHT, ERASER_END] = [0, 2, 5];
/** A stroke that has gone on for longer is no finger of a pinch: it is kept. */
const PINCH_MS = 400;
/** A notch of a mouse wheel is about a hundred pixels; trackpads send many small ones. */
const NOTCH = 60;
const LINE = 16;

/** One size for brush and eraser, remembered between images and visits. */
export class BrushSize extends EventTarget {
  static #key = "annotator.brush";
  #radius = 12;
  /** A pen's pressure changes the size. */
  followsPressure = true;

  constructor() {
    super();
    try {
      const stored = Number(localStorage.getItem(BrushSize.#key));
      if (stored >= SMALLEST && stored <= LARGEST) this.#radius = stored;
    } catch {
      // Storage can be forbidden: the size then lasts until the page is left.
    }
  }

  /** Image pixels. */
  get radius() {
    return this.#radius;
  }

  /** What a pointer paints with. @param {{pointerType: string, pressure: number}} event */
  under({ pointerType, pressure }) {
    if (pointerType !== "pen" || !this.followsPressure) return this.#radius;
    return this.#radius * (LIGHTEST + (1 - LIGHTEST) * pressure);
  }

  grow() {
    this.#set(Math.max(this.#radius * STEP, this.#radius + 0.5));
  }

  shrink() {
    this.#set(Math.min(this.#radius / STEP, this.#radius - 0.5));
  }

  #set(/** @type {number} */ radius) {
    this.#radius = Math.round(Math.min(Math.max(radius, SMALLEST), LARGEST) * 2) / 2;
    try {
      localStorage.setItem(BrushSize.#key, String(this.#radius));
    } catch {
      // as above
    }
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @typedef {object} Press
 * @property {number} id        pointer
 * @property {boolean} erase
 * @property {number} at        when it began
 * @property {boolean} started  the editor has a stroke for it
 * @property {boolean} ended    the pointer is up, the stroke waits for the model's answer
 */

export class Brush extends Tool {
  /** @type {Press | null} */
  #press = null;
  /** What waits to be painted: x, y, radius in image pixels. @type {[number, number, number][]} */
  #path = [];
  #inverted = false;
  #gathered = 0;
  /** @type {{clientX: number, clientY: number, radius: number} | null} */
  #at = null;
  /** @type {BrushCursor | null} */
  #ring = null;

  /**
   * @param {import("../canvas.js").Stage} stage
   * @param {import("../editor.js").Editor} editor
   * @param {BrushSize} size
   * @param {boolean} erases
   */
  constructor(stage, editor, size, erases) {
    super(stage, editor);
    this.size = size;
    this.erases = erases;
  }

  /** @override */
  get cursor() {
    return "none";
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.#ring = new BrushCursor(this.stage.host);
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, (event) => this.#up(event));
    this.on("pointerleave", signal, () => this.#hideCursor());
    this.on("contextmenu", signal, (event) => event.preventDefault());
    this.stage.addEventListener("gesture", () => this.#takeBack(), { signal });
    this.stage.addEventListener("view", () => this.#showCursor(), { signal });
    this.size.addEventListener("change", () => this.#resize(), { signal });
    this.editor.addEventListener("change", () => this.#flush(), { signal });
    // Before it reaches the view, which would zoom, and the masks, which would be gone through.
    window.addEventListener("wheel", (event) => this.#wheel(event), {
      signal,
      capture: true,
      passive: false,
    });
    for (const type of /** @type {const} */ (["keydown", "keyup"])) {
      window.addEventListener(type, (event) => this.#invert(event.ctrlKey), { signal });
    }
  }

  /** @override */
  cleanUp() {
    if (this.#press?.started) this.editor.endStroke();
    this.#press = null;
    this.#path = [];
    this.#hideCursor();
  }

  /** @override */
  disable() {
    super.disable();
    this.#ring?.remove();
    this.#ring = null;
  }

  /** Two fingers are on the glass: the first one's dab was no stroke. */
  #takeBack() {
    if (this.#press?.started && performance.now() - this.#press.at < PINCH_MS) this.editor.dropStroke();
    this.cleanUp();
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || ![LEFT, RIGHT, ERASER_END].includes(event.button) || !this.editor.image) return;
    const swapped = event.ctrlKey || event.button === RIGHT;
    this.#press = {
      id: event.pointerId,
      erase: event.button === ERASER_END || this.erases !== swapped,
      at: performance.now(),
      started: false,
      ended: false,
    };
    this.#path = [this.#sample(event)];
    this.stage.host.setPointerCapture(event.pointerId);
    this.#follow(event);
    this.#flush();
  }

  #move(/** @type {PointerEvent} */ event) {
    this.#follow(event);
    if (this.#press?.id !== event.pointerId || this.#press.ended) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#path.push(this.#sample(each));
    this.#flush();
  }

  #up(/** @type {PointerEvent} */ event) {
    if (this.#press?.id !== event.pointerId) return;
    this.#press.ended = true;
    this.#flush();
  }

  /** @returns {[number, number, number]} x, y, radius in image pixels */
  #sample(/** @type {PointerEvent} */ event) {
    const [x, y] = this.stage.imagePoint(event);
    return [x, y, this.size.under(event)];
  }

  /** Paint what has gathered. While the model answers, the stroke waits: its ground would change under it. */
  #flush() {
    const press = this.#press;
    if (!press || this.editor.decoding || !(this.#path.length || press.ended)) return;
    if (!press.started && !this.editor.beginStroke(press.erase)) {
      this.#press = null;
      return;
    }
    press.started = true;
    for (const [x, y, radius] of this.#path) this.editor.strokeTo(x, y, radius);
    this.#path = [];
    if (!press.ended) return;
    this.#press = null;
    this.editor.endStroke();
  }

  #wheel(/** @type {WheelEvent} */ event) {
    const onStage = event.target instanceof Node && this.stage.host.contains(event.target);
    if (!event.altKey || event.ctrlKey || event.shiftKey || !onStage) {
      this.#gathered = 0;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    this.#gathered += (event.deltaY || event.deltaX) * unit;
    if (Math.abs(this.#gathered) < NOTCH) return;
    if (this.#gathered < 0) this.size.grow();
    else this.size.shrink();
    this.#gathered = 0;
  }

  #invert(/** @type {boolean} */ inverted) {
    if (this.#inverted === inverted) return;
    this.#inverted = inverted;
    this.#showCursor();
  }

  #follow(/** @type {PointerEvent} */ event) {
    const radius = this.#press ? this.size.under(event) : this.size.radius;
    this.#at = { clientX: event.clientX, clientY: event.clientY, radius };
    if (!this.#press) this.#inverted = event.ctrlKey;
    this.#showCursor();
  }

  #resize() {
    if (this.#at) this.#at.radius = this.size.radius;
    this.#showCursor();
  }

  #showCursor() {
    if (!this.#at) return;
    const [x, y] = this.stage.imagePoint(this.#at);
    const erase = this.#press ? this.#press.erase : this.erases !== this.#inverted;
    this.#ring?.show({ x, y, radius: this.#at.radius, erase }, this.stage.viewport);
  }

  #hideCursor() {
    if (this.#press) return;
    this.#at = null;
    this.#ring?.hide();
  }
}

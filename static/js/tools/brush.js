/**
 * Brush (B) and eraser (E): gap-free strokes with a cursor of true size. Ctrl swaps the two for as long as it is held.
 */

import { Tool } from "./tool.js";

const SMALLEST = 0.5;
const LARGEST = 500;
const STEP = 1.2;

/** One size for brush and eraser, remembered between images and visits. */
export class BrushSize extends EventTarget {
  static #key = "annotator.brush";
  #radius = 12;

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

export class Brush extends Tool {
  /** @type {{id: number, erase: boolean, started: boolean, ended: boolean} | null} */
  #press = null;
  /** Positions that wait for the frame, or for the model's answer. @type {[number, number][]} */
  #path = [];
  #frame = 0;
  #inverted = false;
  /** @type {{clientX: number, clientY: number} | null} */
  #at = null;

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
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, (event) => this.#up(event));
    this.on("pointerleave", signal, () => this.#hideCursor());
    this.on("contextmenu", signal, (event) => event.preventDefault());
    this.stage.addEventListener("gesture", () => this.#takeBack(), { signal });
    this.stage.addEventListener("view", () => this.#showCursor(), { signal });
    this.size.addEventListener("change", () => this.#showCursor(), { signal });
    this.editor.addEventListener("change", () => this.#press && this.#soon(), { signal });
    for (const type of /** @type {const} */ (["keydown", "keyup"])) {
      window.addEventListener(type, (event) => this.#invert(event.ctrlKey), { signal });
    }
  }

  /** @override */
  cleanUp() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#press?.started) this.editor.endStroke();
    this.#press = null;
    this.#path = [];
    this.#at = null;
    this.stage.setMarks({ brush: null });
  }

  /** The dab was the first finger of a pinch. */
  #takeBack() {
    const painted = this.#press?.started ?? false;
    this.cleanUp();
    if (painted) this.editor.undo();
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || event.button !== 0 || !this.editor.image) return;
    this.#inverted = event.ctrlKey;
    this.#press = { id: event.pointerId, erase: this.erases !== event.ctrlKey, started: false, ended: false };
    this.#path = [this.stage.imagePoint(event)];
    this.stage.host.setPointerCapture(event.pointerId);
    this.#follow(event);
    this.#flush();
  }

  #move(/** @type {PointerEvent} */ event) {
    this.#follow(event);
    if (this.#press?.id !== event.pointerId || this.#press.ended) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#path.push(this.stage.imagePoint(each));
    this.#soon();
  }

  #up(/** @type {PointerEvent} */ event) {
    if (this.#press?.id !== event.pointerId) return;
    this.#press.ended = true;
    this.#flush();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** Paint what has gathered. While the model answers, the stroke waits: its ground would change under it. */
  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const press = this.#press;
    if (!press || this.editor.decoding) return;
    if (!press.started && !this.editor.beginStroke(press.erase)) {
      this.#press = null;
      return;
    }
    press.started = true;
    const { radius } = this.size;
    for (const [x, y] of this.#path) this.editor.strokeTo(x, y, radius);
    this.#path = [];
    if (!press.ended) return;
    this.#press = null;
    this.editor.endStroke();
  }

  #invert(/** @type {boolean} */ inverted) {
    if (this.#inverted === inverted) return;
    this.#inverted = inverted;
    this.#showCursor();
  }

  #follow(/** @type {PointerEvent} */ event) {
    this.#at = { clientX: event.clientX, clientY: event.clientY };
    if (!this.#press) this.#inverted = event.ctrlKey;
    this.#showCursor();
  }

  #showCursor() {
    if (!this.#at) return;
    const [x, y] = this.stage.imagePoint(this.#at);
    const erase = this.#press ? this.#press.erase : this.erases !== this.#inverted;
    this.stage.setMarks({ brush: { x, y, radius: this.size.radius, erase } });
  }

  #hideCursor() {
    if (this.#press) return;
    this.#at = null;
    this.stage.setMarks({ brush: null });
  }
}

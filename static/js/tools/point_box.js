/**
 * Points and boxes in one tool (S): click = include, right or Alt/Shift-click = exclude, drag = box. Points and box corners
 * can be dragged; a click on one removes it. T flips the point under the pointer, or what the next clicks mean. With Ctrl
 * held, prompts gather and are decoded when it is let go.
 */

import { Tool } from "./tool.js";

/** A press that moves less than this many CSS pixels is a click. */
const CLICK_REACH = 4;
/** A cross-hair with a minus: the next click excludes. */
const EXCLUDING = `url("data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" fill="none" stroke-linecap="round">' +
    '<g stroke="#fff" stroke-width="4"><path d="M16 4v24M4 16h24"/><path d="M22 24h8" stroke-width="6"/></g>' +
    '<path d="M16 4v24M4 16h24" stroke="#111" stroke-width="1.5"/>' +
    '<path d="M22 24h8" stroke="#dc2626" stroke-width="3"/></svg>',
)}") 16 16, crosshair`;
/** @typedef {import("../canvas/marks.js").Handle} Handle */
/** @typedef {[number, number, number, number]} Box */

/**
 * @typedef {object} Press
 * @property {number} id           pointer
 * @property {number} startedAt    for the click-to-paint measure
 * @property {[number, number]} page
 * @property {[number, number]} from  image frame
 * @property {boolean} exclude
 * @property {boolean} canBox
 * @property {Handle | null} handle
 * @property {boolean} moved
 */

export class PointBox extends Tool {
  /** @type {Press | null} */
  #press = null;
  /** Show the mask that a click would give while the pointer moves. */
  hoverPreview = false;
  #hoverFrame = 0;
  /** Plain clicks exclude, until the object is done. */
  #flipped = false;
  /** @type {Handle | null} */
  #hovered = null;

  /** @override */
  get cursor() {
    return this.#flipped ? EXCLUDING : "crosshair";
  }

  /** The point under the pointer changes its sign; beside all points, the next clicks do. */
  flip() {
    if (!this.enabled || this.#press) return;
    if (this.#hovered?.kind === "point") return this.editor.flipPoint(this.#hovered.index);
    this.#setFlipped(!this.#flipped && (this.editor.draft !== null || this.editor.queueing));
  }

  #setFlipped(/** @type {boolean} */ flipped) {
    this.#flipped = flipped;
    this.stage.host.style.cursor = this.cursor;
    this.editor.clearPreview();
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, () => this.cleanUp());
    this.on("pointerleave", signal, () => this.#leave());
    this.on("contextmenu", signal, (event) => event.preventDefault());
    this.stage.addEventListener("gesture", () => this.cleanUp(), { signal });
    this.editor.addEventListener("change", () => this.#forgetFlip(), { signal });
    window.addEventListener("keydown", (event) => this.#key(event), { signal, capture: true });
    window.addEventListener("keyup", (event) => this.#released(event), { signal });
    window.addEventListener("blur", () => this.editor.releaseQueue(), { signal });
  }

  /** A new object begins with what belongs to it. */
  #forgetFlip() {
    if (this.#flipped && !this.editor.draft && !this.editor.queueing) this.#setFlipped(false);
  }

  /** Any command but undo means the gathered prompts, not the mask before them. */
  #key(/** @type {KeyboardEvent} */ event) {
    const waits = event.key === "Control" || event.key === "Meta" || event.key.toLowerCase() === "z";
    if (!waits) this.editor.releaseQueue();
  }

  #released(/** @type {KeyboardEvent} */ event) {
    if (event.key === "Control" || event.key === "Meta") this.editor.releaseQueue();
  }

  /** @override */
  cleanUp() {
    this.#press = null;
    this.#hovered = null;
    cancelAnimationFrame(this.#hoverFrame);
    this.stage.setMarks({ rubberBand: null, hovered: null, dragged: null });
    this.editor.clearPreview();
    this.editor.releaseQueue();
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || (event.button !== 0 && event.button !== 2)) return;
    const from = this.stage.imagePoint(event);
    const handle = this.stage.handleAt(event);
    if (!handle && !this.editor.canPrompt) return this.editor.refusePrompt();
    const other = event.button === 2 || event.altKey || event.shiftKey;
    this.#press = {
      id: event.pointerId,
      startedAt: performance.now(),
      page: [event.clientX, event.clientY],
      from,
      exclude: other !== this.#flipped,
      canBox: event.button === 0 && !other,
      handle,
      moved: false,
    };
    cancelAnimationFrame(this.#hoverFrame);
    this.stage.host.setPointerCapture(event.pointerId);
  }

  #move(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (!press) return this.#hover(event);
    if (press.id !== event.pointerId) return;
    const [px, py] = press.page;
    press.moved ||= Math.hypot(event.clientX - px, event.clientY - py) >= CLICK_REACH;
    if (!press.moved) return;
    const at = this.#clamped(this.stage.imagePoint(event));
    if (press.handle)
      this.stage.setMarks({
        rubberBand: this.#draggedBox(press.handle, at),
        dragged: this.#dragged(press, at),
      });
    else if (press.canBox) {
      this.editor.clearPreview();
      this.stage.setMarks({ rubberBand: [...this.#clamped(press.from), ...at] });
    }
  }

  #up(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.#press = null;
    this.stage.setMarks({ rubberBand: null, hovered: null, dragged: null });
    const at = this.#clamped(this.stage.imagePoint(event));
    if (event.ctrlKey || event.metaKey) this.editor.holdQueue();
    if (press.handle) this.#finishHandle(press, at);
    else if (press.moved && press.canBox) this.#finishBox(press, at);
    else if (this.#inside(press.from)) {
      const [x, y] = this.#clamped(press.from);
      this.editor.addPoint(x, y, press.exclude ? 0 : 1, performance.now());
    }
  }

  #finishBox(/** @type {Press} */ { from }, /** @type {[number, number]} */ at) {
    const [x0, y0] = this.#clamped(from);
    if (x0 !== at[0] && y0 !== at[1]) this.editor.addBox([x0, y0, ...at], performance.now());
  }

  #finishHandle(/** @type {Press} */ { handle, moved }, /** @type {[number, number]} */ at) {
    if (handle?.kind === "point") {
      if (moved) this.editor.movePoint(handle.index, ...at);
      else this.editor.removePoint(handle.index);
    } else if (handle) {
      const box = this.#draggedBox(handle, at);
      if (moved && box) this.editor.moveBox(handle.box, box);
      else this.editor.removeBox(handle.box);
    }
  }

  /** @returns {Box | null} */
  #draggedBox(/** @type {Handle} */ handle, /** @type {[number, number]} */ [x, y]) {
    if (handle.kind !== "corner") return null;
    const [x0, y0, x1, y1] = this.editor.prompts.boxes[handle.box];
    const left = handle.corner === 0 || handle.corner === 3;
    const top = handle.corner < 2;
    return [left ? x1 : x0, top ? y1 : y0, x, y];
  }

  #dragged(/** @type {Press} */ { handle }, /** @type {[number, number]} */ at) {
    return handle?.kind === "point" ? { index: handle.index, at } : null;
  }

  #hover(/** @type {PointerEvent} */ event) {
    const hovered = this.stage.handleAt(event);
    this.#hovered = hovered;
    // The key may have been let go in another window.
    if (!event.ctrlKey && !event.metaKey) this.editor.releaseQueue();
    this.stage.setMarks({ hovered });
    this.stage.host.style.cursor = hovered ? "pointer" : this.cursor;
    cancelAnimationFrame(this.#hoverFrame);
    if (!this.hoverPreview || hovered || event.pointerType === "touch") return this.editor.clearPreview();
    const at = this.stage.imagePoint(event);
    if (!this.#inside(at)) return this.editor.clearPreview();
    const [x, y] = this.#clamped(at);
    const label = (event.altKey || event.shiftKey) === this.#flipped ? 1 : 0;
    this.#hoverFrame = requestAnimationFrame(() => this.editor.previewAt(x, y, label));
  }

  #leave() {
    cancelAnimationFrame(this.#hoverFrame);
    if (this.#press) return;
    this.#hovered = null;
    this.stage.setMarks({ hovered: null });
    this.editor.clearPreview();
  }

  #inside(/** @type {[number, number]} */ [x, y]) {
    const { image } = this.editor;
    return image !== null && x >= -0.5 && y >= -0.5 && x < image.width - 0.5 && y < image.height - 0.5;
  }

  /** The pixel itself: prompts are whole pixels of the image. @returns {[number, number]} */
  #clamped(/** @type {readonly [number, number]} */ [x, y]) {
    const { width, height } = this.editor.image ?? { width: 1, height: 1 };
    return [
      Math.min(Math.max(Math.round(x), 0), width - 1),
      Math.min(Math.max(Math.round(y), 0), height - 1),
    ];
  }
}

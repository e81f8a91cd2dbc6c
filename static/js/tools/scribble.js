/**
 * Lines as prompts (Q): a line through the object includes it, a line that closes goes around it; with the right button, or Alt
 * or Shift, the same excludes. A click is a point.
 */

import { Tool } from "./tool.js";

/** A press that moves less than this many CSS pixels is a click. */
const CLICK_REACH = 4;
/** A line whose ends are nearer than this share of its length goes around something. */
const CLOSED = 0.15;
/** Samples within this many CSS pixels of the last one add nothing. */
const STEP = 2;

/** @typedef {[number, number]} Point image frame, pixel centres at integers */

export class Scribble extends Tool {
  /** @type {{id: number, exclude: boolean, line: Point[]} | null} */
  #press = null;

  /** @override */
  get cursor() {
    return "crosshair";
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.on("pointerdown", signal, (event) => this.#down(event));
    this.on("pointermove", signal, (event) => this.#move(event));
    this.on("pointerup", signal, (event) => this.#up(event));
    this.on("pointercancel", signal, () => this.cleanUp());
    this.on("contextmenu", signal, (event) => event.preventDefault());
    this.stage.addEventListener("gesture", () => this.cleanUp(), { signal });
    window.addEventListener("keydown", (event) => this.#key(event), { signal, capture: true });
  }

  /** @override */
  cleanUp() {
    this.#press = null;
    this.stage.setMarks({ path: null });
  }

  #down(/** @type {PointerEvent} */ event) {
    if (this.#press || (event.button !== 0 && event.button !== 2)) return;
    if (!this.editor.canPrompt) return this.editor.refusePrompt();
    const exclude = event.button === 2 || event.altKey || event.shiftKey;
    this.#press = { id: event.pointerId, exclude, line: [this.stage.imagePoint(event)] };
    this.stage.host.setPointerCapture(event.pointerId);
  }

  #move(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const point = this.stage.imagePoint(each);
      if (this.#onScreen(distance(point, press.line[press.line.length - 1])) >= STEP) press.line.push(point);
    }
    const { line, exclude } = press;
    const path = { points: line, pointer: null, erase: exclude, closes: this.#goesAround(line), free: true };
    this.stage.setMarks({ path });
  }

  #up(/** @type {PointerEvent} */ event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.cleanUp();
    const { line } = press;
    const label = press.exclude ? 0 : 1;
    const startedAt = performance.now();
    if (this.#onScreen(lengthOf(line)) < CLICK_REACH) this.#click(line[0], label, startedAt);
    else if (this.#goesAround(line)) this.editor.addLasso(line, label, startedAt);
    else this.editor.addScribble(line, label, startedAt);
  }

  #click(/** @type {Point} */ point, /** @type {0 | 1} */ label, /** @type {number} */ startedAt) {
    const { width, height } = this.stage.imageSize;
    const [x, y] = point.map(Math.round);
    if (x >= 0 && y >= 0 && x < width && y < height) this.editor.addPoint(x, y, label, startedAt);
  }

  /** Esc drops the line, not the draft. */
  #key(/** @type {KeyboardEvent} */ event) {
    if (!this.#press || event.key !== "Escape") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.cleanUp();
  }

  #goesAround(/** @type {Point[]} */ line) {
    const length = lengthOf(line);
    const apart = distance(line[0], line[line.length - 1]);
    return this.#onScreen(length) > 10 * CLICK_REACH && apart < length * CLOSED;
  }

  /** Image pixels → CSS pixels. */
  #onScreen(/** @type {number} */ pixels) {
    return pixels * this.stage.viewport.scale;
  }
}

function distance(/** @type {Point} */ [ax, ay], /** @type {Point} */ [bx, by]) {
  return Math.hypot(bx - ax, by - ay);
}

function lengthOf(/** @type {Point[]} */ line) {
  return line.slice(1).reduce((sum, point, at) => sum + distance(line[at], point), 0);
}

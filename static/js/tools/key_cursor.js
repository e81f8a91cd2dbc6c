/**
 * The keyboard's pointer: arrow keys move a cross over the image, Space presses what the mouse would press there, so every tool
 * works without a mouse: Space alone is a click, Space held while arrows move is a drag. The mouse takes over when it moves.
 */

import { Tool } from "./tool.js";

/** CSS pixels a key press moves; never less than one image pixel. */
export const STEP = 8;
export const FAR = 64;
/** The cross keeps this distance to the border of the view, which follows it. */
const MARGIN = 32;
/** No pointer of the browser's has this id. */
const POINTER = 0x6b65;

/** @typedef {Pick<KeyboardEvent, "shiftKey" | "ctrlKey" | "altKey">} Held */

const NOTHING_HELD = { shiftKey: false, ctrlKey: false, altKey: false };

/** Event "move": the cross is somewhere else, or gone. */
export class KeyCursor extends Tool {
  /** Image frame. @type {[number, number] | null} */
  #at = null;
  #pressed = false;
  #mark = document.createElement("div");
  events = new EventTarget();

  /** @override */
  enable() {
    const { cursor } = this.stage.host.style;
    super.enable();
    this.stage.host.style.cursor = cursor; // the tool's, not ours
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    this.#mark.className = "wb-key-cursor";
    this.#mark.hidden = true;
    this.#mark.setAttribute("aria-hidden", "true");
    this.stage.host.append(this.#mark);
    this.#captureOnlyRealPointers(signal);
    this.stage.addEventListener("view", () => this.#draw(), { signal });
    this.editor.addEventListener("change", (event) => this.#imageChanged(event), { signal });
    window.addEventListener("pointermove", (event) => event.isTrusted && this.hide(), { signal });
  }

  /** @override */
  cleanUp() {
    this.hide();
    this.#mark.remove();
  }

  /** Whether the cross is on screen and Space presses. */
  get shown() {
    return this.#at !== null;
  }

  /** Where the cross is: whole pixels of the image, null when it is not shown. */
  get pixel() {
    return this.#at && /** @type {[number, number]} */ (this.#at.map(Math.round));
  }

  /**
   * Move the cross, which appears in the middle of the view at the first move.
   *
   * @param {number} dx direction, −1 … 1
   * @param {number} dy
   * @param {number} reach CSS pixels; 0 for exactly one image pixel
   */
  move(dx, dy, reach) {
    const { image } = this.editor;
    if (!image) return;
    const { scale, x, y, width, height } = this.stage.viewport;
    const step = Math.max(reach / scale, 1);
    const middle = [(width / 2 - x) / scale - 0.5, (height / 2 - y) / scale - 0.5].map(Math.round);
    const [fromX, fromY] = this.#at ?? middle;
    const [toX, toY] = this.#at ? [fromX + dx * step, fromY + dy * step] : middle;
    this.#at = [
      Math.min(Math.max(Math.round(toX), 0), image.width - 1),
      Math.min(Math.max(Math.round(toY), 0), image.height - 1),
    ];
    this.#follow();
    this.#draw();
    this.#send("pointermove", NOTHING_HELD);
    this.events.dispatchEvent(new Event("move"));
  }

  /** @param {Held} [held] */
  press(held = NOTHING_HELD) {
    if (!this.#at || this.#pressed) return;
    this.#pressed = true;
    this.#mark.classList.add("is-pressed");
    this.#send("pointerdown", held);
  }

  /** @param {Held} [held] */
  release(held = NOTHING_HELD) {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.#mark.classList.remove("is-pressed");
    this.#send("pointerup", held);
  }

  hide() {
    if (!this.#at) return;
    this.release();
    this.#at = null;
    this.#draw();
    this.events.dispatchEvent(new Event("move"));
  }

  /** @param {"pointermove" | "pointerdown" | "pointerup"} type @param {Held} held */
  #send(type, { shiftKey, ctrlKey, altKey }) {
    const box = this.stage.host.getBoundingClientRect();
    const [x, y] = this.#inView();
    this.stage.host.dispatchEvent(
      new PointerEvent(type, {
        shiftKey,
        ctrlKey,
        altKey,
        bubbles: true,
        cancelable: true,
        pointerId: POINTER,
        pointerType: "mouse",
        isPrimary: true,
        button: type === "pointermove" ? -1 : 0,
        buttons: this.#pressed ? 1 : 0,
        pressure: this.#pressed ? 0.5 : 0,
        clientX: box.left + x,
        clientY: box.top + y,
      }),
    );
  }

  /** @returns {[number, number]} CSS pixels from the view's corner */
  #inView() {
    const { scale, x, y } = this.stage.viewport;
    const [column, row] = this.#at ?? [0, 0];
    return [x + (column + 0.5) * scale, y + (row + 0.5) * scale];
  }

  #follow() {
    const [x, y] = this.#inView();
    const { width, height } = this.stage.viewport;
    const into = (/** @type {number} */ at, /** @type {number} */ side) =>
      Math.min(Math.max(at, MARGIN), Math.max(side - MARGIN, MARGIN)) - at;
    if (into(x, width) || into(y, height)) this.stage.pan(into(x, width), into(y, height));
  }

  #draw() {
    this.#mark.hidden = !this.#at;
    if (!this.#at) return;
    const [x, y] = this.#inView();
    this.#mark.style.transform = `translate(${x}px, ${y}px)`;
  }

  #imageChanged(/** @type {Event} */ event) {
    const { kinds } = /** @type {import("../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("image")) this.hide();
  }

  /** Tools capture the pointer that they are pressed with; this one has nothing to capture. */
  #captureOnlyRealPointers(/** @type {AbortSignal} */ signal) {
    const { host } = this.stage;
    const capture = host.setPointerCapture;
    host.setPointerCapture = (id) => {
      if (id !== POINTER) capture.call(host, id);
    };
    signal.addEventListener("abort", () => {
      host.setPointerCapture = capture;
    });
  }
}

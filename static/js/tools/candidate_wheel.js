/** Alt + wheel: through the offered masks from small to large, beside any tool. */

import { Tool } from "./tool.js";

/** A notch of a mouse wheel is about a hundred pixels; trackpads send many small ones. */
const NOTCH = 60;
const LINE = 16;

export class CandidateWheel extends Tool {
  #gathered = 0;

  /** @override */
  enable() {
    const { cursor } = this.stage.host.style;
    super.enable();
    this.stage.host.style.cursor = cursor; // the tool's, not ours
  }

  /** @override @param {AbortSignal} signal */
  listen(signal) {
    const options = { signal, capture: true, passive: false };
    this.stage.host.addEventListener("wheel", (event) => this.#wheel(event), options);
  }

  #wheel(/** @type {WheelEvent} */ event) {
    const offered = this.editor.draft?.decoded?.candidates.length ?? 0;
    if (!event.altKey || event.ctrlKey || event.shiftKey || offered < 2) {
      this.#gathered = 0;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation(); // the view shall not zoom
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    this.#gathered += (event.deltaY || event.deltaX) * unit;
    if (Math.abs(this.#gathered) < NOTCH) return;
    this.editor.stepSize(this.#gathered < 0 ? 1 : -1);
    this.#gathered = 0;
  }
}

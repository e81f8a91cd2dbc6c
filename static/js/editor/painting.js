/** Brush and eraser on the draft: one stroke is one step. */

import { unionRect } from "../core/bitmap.js";
import { Prompting } from "./prompting.js";
import { Stroke } from "./stroke.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./timeline.js").Moment} Moment */

export class Painting extends Prompting {
  /** @type {Stroke | null} */
  #stroke = null;
  /** What the running stroke started from.
   * @type {{had: Draft | null, flags: Pick<Draft, "edited" | "modelCounts" | "dirty"> | null, moment: Moment | null}} */
  #from = { had: null, flags: null, moment: null };

  /** @override @protected */
  get isPainting() {
    return this.#stroke !== null;
  }

  /**
   * Begin to paint or erase on the draft (a new one when there is none).
   *
   * @param {boolean} erase
   * @returns {boolean} false when there is nothing to erase from, or the model is just answering
   */
  beginStroke(erase) {
    if (!this.image || this.decoding || this.#stroke || (erase && !this.draft)) return false;
    this.clearPreview();
    const had = this.draft;
    const flags = had && { edited: had.edited, modelCounts: had.modelCounts, dirty: had.dirty };
    this.#from = { had, flags, moment: this.moment };
    const draft = had ?? this.newDraft();
    this.hold(draft);
    draft.markEdited();
    draft.dirty = true;
    this.#stroke = new Stroke(draft.mask, erase ? 0 : 1);
    this.touch("draft");
    return true;
  }

  /** @param {number} x image frame, pixel centres at integers @param {number} y @param {number} radius image pixels */
  strokeTo(x, y, radius) {
    const draft = this.draft;
    if (!this.#stroke || !draft) return;
    const bounds = draft.bounds;
    const rect = this.#stroke.to(x, y, radius);
    draft.bounds = this.#stroke.value ? unionRect(bounds, rect) : bounds;
    this.touchMask(rect);
  }

  /** One stroke is one step. */
  endStroke() {
    const [stroke, draft] = [this.#stroke, this.draft];
    this.#stroke = null;
    if (!stroke || !draft) return;
    const patch = stroke.finish();
    const { had, flags, moment } = this.#from;
    const back = () => {
      if (flags) Object.assign(draft, flags);
      this.hold(had);
      this.moment = moment;
      if (!had) draft.shelve();
      this.touch("draft");
      if (!had) this.touch("mask");
    };
    if (patch.isEmpty) return back();
    draft.bounds = null;
    this.moment = null;
    const after = { edited: draft.edited, modelCounts: draft.modelCounts, dirty: draft.dirty };
    this.record({
      label: stroke.value ? "Brush" : "Erase",
      bytes: patch.bytes,
      undo: () => {
        this.touchMask(patch.undo(draft.mask));
        draft.bounds = null;
        back();
      },
      redo: () => {
        this.hold(draft);
        Object.assign(draft, after);
        this.touchMask(patch.redo(draft.mask));
        draft.bounds = null;
        this.moment = null;
        this.touch("draft");
      },
    });
    this.touch("draft");
  }
}

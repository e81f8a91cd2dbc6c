/** Brush, eraser, polygons and clean-ups on the draft: one stroke is one step. */

import { unionRect } from "../core/bitmap.js";
import { phrase, t } from "../core/translate.js";
import { Snapping } from "./snapping.js";
import { Stroke } from "./stroke.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./journal.js").Moment} Moment */

export class Painting extends Snapping {
  /** @type {Stroke | null} */
  #stroke = null;
  /** Every stroke is given to the model as it ends. */
  snapStrokes = false;
  #snaps = false;
  /** What the running stroke is called in the history. */
  /** @type {import("../core/translate.js").Phrase} */
  #label = "";
  /** The running stroke is only tried out. */
  #trial = false;
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
   * @param {import("../core/translate.js").Phrase} [label] of the step
   * @returns {boolean} false when there is nothing to erase from, or the model is just answering
   */
  beginStroke(erase, label = erase ? phrase("Erase") : phrase("Brush")) {
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
    this.#label = label;
    this.#snaps = this.snapStrokes;
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

  /**
   * Add a closed polygon to the draft or take it away: one step.
   *
   * @param {ReadonlyArray<readonly [number, number]>} points image frame, pixel centres at integers
   * @param {boolean} erase
   * @returns {boolean} false when it could not be done now
   */
  fillPolygon(points, erase) {
    if (erase && !this.draft) this.tell(t("There is nothing to cut from yet."));
    if (!this.beginStroke(erase, erase ? phrase("Cut polygon") : phrase("Polygon"))) return false;
    const [stroke, draft] = [/** @type {Stroke} */ (this.#stroke), /** @type {Draft} */ (this.draft)];
    const rect = stroke.polygon(points);
    draft.tighten(rect);
    this.touchMask(rect);
    this.endStroke();
    return true;
  }

  /**
   * Try a clean-up out: shown at once, kept by {@link keepCleanup}, dropped by {@link endStroke}, replaced by the next one.
   * Everything else waits meanwhile, as it does for a stroke.
   *
   * @param {import("../core/cleanup.js").CleanupName} name
   * @param {number} amount
   * @param {import("../core/translate.js").Phrase} label of the step
   * @returns {boolean} false when there is no mask to clean up, or the model is just answering
   */
  tryCleanup(name, amount, label) {
    if (!this.#stroke) {
      if (!this.draft || this.draft.isBlank) return false;
      this.flushDraft(); // the journal keeps what is decided, not what is tried
      if (!this.beginStroke(true)) return false;
      this.#snaps = false;
      this.#trial = true;
    }
    const [stroke, draft] = [/** @type {Stroke} */ (this.#stroke), /** @type {Draft} */ (this.draft)];
    this.#label = label;
    this.#takeBack(stroke, draft);
    const rect = stroke.cleanUp(draft.bounds, name, amount);
    draft.tighten(rect);
    this.touchMask(rect);
    return true;
  }

  #takeBack(/** @type {Stroke} */ stroke, /** @type {Draft} */ draft) {
    const rect = stroke.takeBack();
    draft.tighten(rect);
    this.touchMask(rect);
  }

  /** Forget the running stroke: it was the first finger of a pinch. */
  dropStroke() {
    this.#trial = true;
    this.endStroke();
  }

  /** The clean-up that is tried out becomes a step. */
  keepCleanup() {
    this.#trial = false;
    this.endStroke();
  }

  /** One stroke is one step; what was only tried out is taken back. */
  endStroke() {
    const [stroke, draft] = [this.#stroke, this.draft];
    const label = this.#label;
    const trial = this.#trial;
    this.#stroke = null;
    this.#trial = false;
    if (!stroke || !draft) return;
    if (trial) this.#takeBack(stroke, draft);
    const patch = stroke.finish();
    const { had, flags, moment } = this.#from;
    draft.tighten(patch.rect);
    if (patch.isEmpty) {
      if (flags) Object.assign(draft, flags);
      else draft.shelve();
      this.hold(had);
      this.moment = moment;
    } else {
      this.moment = null;
      const after = { edited: draft.edited, modelCounts: draft.modelCounts, dirty: draft.dirty };
      this.record({ label, bytes: patch.bytes, stroke: { draft, patch, before: flags, after, moment } });
      if (this.#snaps && !draft.isBlank) this.snap();
    }
    this.touch("draft");
  }
}

/**
 * Lines and strokes drawn by hand as prompts: the painted mask given to the model (snap), a line through an object (scribble),
 * a line around it (lasso). Each is one step; what was given can be seen, and paint that the model leaves out is told.
 */

import { area, boundingRect, unionRect } from "../core/bitmap.js";
import { holdsPrompts, holdsRect, sameCrop } from "../core/crop.js";
import * as maskPrompt from "../core/mask_prompt.js";
import { polygonRect } from "../core/polygon.js";
import * as promptSet from "../core/prompts.js";
import { phrase, t } from "../core/translate.js";
import { Prompting } from "./prompting.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {import("./journal.js").Moment} Moment */
/** @typedef {ReadonlyArray<readonly [number, number]>} Path image frame, pixel centres at integers */
/** @typedef {{logits: Float32Array, frame: import("../core/geometry.js").Frame}} Given a mask prompt that was drawn by hand */

/** Points that a scribble becomes: one for each of these many shares, of what the model sees, of its length, at least and at most. */
const [SHARE, FEWEST, MOST] = [0.06, 2, 5];
/** The person hears of it when the model leaves out more of the paint than this. */
const LEFT_OUT = 0.1;

export class Snapping extends Prompting {
  /** The latest answer to painted strokes, while it is the draft. @type {Moment | null} */
  #snapped = null;
  /** @type {{label: string} | undefined} */
  #snapStep;

  /** The mask that the model was given, while its answer is the draft. @returns {Given | null} */
  get given() {
    const { moment, decoder } = this;
    const { drawn = false, maskInput = null } = moment?.snapshot ?? {};
    if (!drawn || !maskInput || !decoder || moment?.draft !== this.draft) return null;
    const crop = moment?.snapshot?.prompts.crop;
    const frame = !crop ? decoder.frame : sameCrop(crop, this.crop) ? decoder.cropFrame : null;
    return frame ? { logits: maskInput, frame } : null;
  }

  /** The last step gave painted strokes to the model: they can be had back. */
  get canUnsnap() {
    const done = this.steps[this.position - 1];
    return this.#snapped !== null && this.moment === this.#snapped && done === this.#snapStep;
  }

  /** Give the painted mask to the model, which answers with a crisp one: one step. Once more brings the strokes back. */
  async snap() {
    if (this.canUnsnap) return this.undo();
    this.releaseQueue();
    const { draft } = this;
    await this.answer;
    if (this.isPainting || draft !== this.draft) return;
    if (!draft || draft.isBlank) return this.notify("info", t("Paint an object roughly, then snap it."));
    const { strokes } = draft;
    const painted = { bitmap: draft.mask, bounds: draft.bounds };
    const changed = strokes && { added: bounded(strokes.added), erased: bounded(strokes.erased) };
    const bounds = changed ? unionRect(painted.bounds, changed.erased.bounds) : painted.bounds;
    const { crop, frame } = this.#lookFor(draft.prompts, bounds);
    if (!frame) return this.refusePrompt();
    const { prompts, maskInput } = maskPrompt.promptsOfMask(draft.prompts, painted, changed, frame);
    const asked = promptSet.withCrop(prompts, crop);
    this.setPrompts(asked, phrase("Snap"), { mask: maskInput, replacesPaint: true });
    this.#snapped = this.moment;
    this.#snapStep = this.steps[this.position - 1];
    await this.answer;
    if (this.canUnsnap) this.#tellLeftOut(painted);
  }

  /** Paint never vanishes silently. */
  #tellLeftOut(/** @type {maskPrompt.Painted} */ { bitmap, bounds }) {
    const answer = this.draft?.mask;
    if (!answer || answer === bitmap) return;
    let missing = 0;
    for (let y = bounds.y0; y < bounds.y1; y++) {
      const end = y * bitmap.width + bounds.x1;
      for (let at = y * bitmap.width + bounds.x0; at < end; at++)
        missing += bitmap.data[at] & ~answer.data[at];
    }
    const share = missing / area(bitmap, bounds);
    if (share < LEFT_OUT) return;
    const percent = Math.round(share * 100);
    this.tell(
      t("The model left out {percent} % of your paint. Snap again to have your strokes back.", { percent }),
    );
  }

  /**
   * A line drawn through what belongs to the object, or does not: points along it. One step.
   *
   * @param {Path} path
   * @param {0 | 1} label
   * @param {number} [startedAt] when the person acted
   */
  addScribble(path, label, startedAt) {
    const { image, crop } = this;
    if (!image) return;
    const seen = crop ? [crop[2] - crop[0], crop[3] - crop[1]] : [image.width, image.height];
    const wanted = Math.round(lengthOf(path) / (SHARE * Math.max(...seen)));
    const count = Math.min(Math.max(wanted, FEWEST), MOST);
    this.#addPoints(maskPrompt.pointsAlong(path, count, image), label, phrase("Scribble"), startedAt);
  }

  /**
   * A line drawn around the object: its box, its middle and its inside; or around what does not belong to it: points. One step.
   *
   * @param {Path} outline
   * @param {0 | 1} label
   * @param {number} [startedAt] when the person acted
   */
  addLasso(outline, label, startedAt) {
    const { image } = this;
    const { crop, frame } = this.#lookFor(this.prompts, polygonRect(outline));
    if (!image || !frame) return this.refusePrompt();
    if (!label) {
      const points = maskPrompt.pointsInside(outline, image, frame);
      return this.#addPoints(points, label, phrase("Lasso prompt"), startedAt);
    }
    const asked = maskPrompt.promptsOfLasso(this.prompts, outline, image, frame);
    if (!asked) return;
    const prompts = promptSet.withCrop(asked.prompts, crop);
    this.setPrompts(prompts, phrase("Lasso prompt"), { mask: asked.maskInput, startedAt });
  }

  /** The closer look, when it holds all that is given to the model; else the whole image. */
  #lookFor(/** @type {promptSet.Prompts} */ prompts, /** @type {Rect} */ rect) {
    const { crop, decoder } = this;
    const closely = crop && decoder?.cropFrame && holdsPrompts(crop, prompts) && holdsRect(crop, rect);
    return closely ? { crop, frame: decoder.cropFrame } : { crop: null, frame: decoder?.frame };
  }

  #addPoints(
    /** @type {[number, number][]} */ points,
    /** @type {0 | 1} */ label,
    /** @type {import("../core/translate.js").Phrase} */ step,
    /** @type {number | undefined} */ startedAt,
  ) {
    if (!this.canPrompt) return this.refusePrompt();
    if (!points.length) return;
    const prompts = points.reduce((all, [x, y]) => promptSet.addPoint(all, x, y, label), this.prompts);
    this.setPrompts(prompts, step, { refine: true, startedAt });
    const { moment, answer } = this;
    if (moment?.snapshot && !moment.snapshot.maskInput) this.answer = this.#answerTwice(moment, answer);
  }

  /** Several points say much more beside a mask: the first answer goes back with them, still one step. */
  async #answerTwice(/** @type {Moment} */ moment, /** @type {Promise<void>} */ first) {
    await first;
    const logits = this.draft?.logits ?? null;
    if (this.moment !== moment || !moment.snapshot || !logits) return;
    moment.snapshot.maskInput = logits;
    this.ask(moment);
    await this.answer;
  }
}

/** @returns {maskPrompt.Painted} */
function bounded(/** @type {Bitmap} */ bitmap) {
  return { bitmap, bounds: boundingRect(bitmap) };
}

function lengthOf(/** @type {Path} */ path) {
  return path.slice(1).reduce((sum, [x, y], at) => sum + Math.hypot(x - path[at][0], y - path[at][1]), 0);
}

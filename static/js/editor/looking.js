/**
 * The part of the image that is looked at closely: prompts inside it are answered from its own embedding, at a finer scale.
 * Which look answers belongs to the prompts, so undo, reload and a saved object come back to the same one.
 */

import { holdsPrompts, sameCrop } from "../core/crop.js";
import { isEmpty, withCrop } from "../core/prompts.js";
import { phrase } from "../core/translate.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("../core/crop.js").Crop} Crop */
/** @typedef {import("../core/prompts.js").Prompts} Prompts */

export class Looking extends Timeline {
  /** @type {{crop: Crop, ready: boolean} | null} */
  #look = null;

  /** What is looked at closely; prompts inside it are answered from there. @returns {Crop | null} */
  get crop() {
    return this.#look?.ready ? this.#look.crop : null;
  }

  /**
   * The closer look of an object that was made with one is on its way: its prompts wait for it.
   *
   * @param {Crop} crop
   */
  expectCrop(crop) {
    this.#look = { crop, ready: false };
    this.touch("look");
  }

  /**
   * The closer look is there. The open draft is answered anew when its prompts lie inside: one step.
   *
   * @param {Crop} crop
   */
  lookAt(crop) {
    this.#look = { crop, ready: true };
    this.touch("look");
    const { prompts } = this;
    if (this.waitsForAnswer) this.answerWaiting();
    else if (!isEmpty(prompts) && !sameCrop(prompts.crop, crop) && holdsPrompts(crop, prompts))
      this.askAgain(phrase("Look closer"));
  }

  /** Back to the whole image. What was answered closely stays as it is. */
  lookAway() {
    if (!this.#look) return;
    this.#look = null;
    this.touch("look");
    const { moment } = this;
    if (!this.waitsForAnswer || !moment?.draft || !moment.snapshot?.prompts.crop) return;
    moment.snapshot.prompts = moment.draft.prompts = withCrop(moment.snapshot.prompts, null);
    moment.snapshot.maskInput = null; // of the look that is left
    this.answerWaiting();
  }

  /** Another image: its prompts ask for looks of its own. @protected */
  forgetLook() {
    this.#look = null;
    this.touch("look");
  }

  /** The prompts with the look that answers them. @protected @param {Prompts} prompts @returns {Prompts} */
  framed(prompts) {
    const look = this.#look;
    const own = look && sameCrop(prompts.crop, look.crop);
    const closely = look && (look.ready || own) && !isEmpty(prompts) && holdsPrompts(look.crop, prompts);
    return withCrop(prompts, closely ? look.crop : null);
  }

  /** Whether the look that these prompts ask for is there. @protected */
  canAnswer(/** @type {Prompts} */ { crop }) {
    return !crop || sameCrop(crop, this.crop);
  }

  /** The model has not answered the open draft's prompts, and is not asked. */
  get waitsForAnswer() {
    return false;
  }

  /** Ask what waits. @protected */
  answerWaiting() {}

  /** Ask anew with the look of now: one step. @protected @param {import("../core/translate.js").Phrase} _label */
  askAgain(_label) {}
}

/**
 * Prompts and the model's answers: the latest request wins, each answer is a step of the history, and a preview under the
 * pointer is none.
 */

import * as promptSet from "../core/prompts.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./draft.js").Decoded} Decoded */
/** @typedef {import("./timeline.js").Moment} Moment */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 */

/**
 * What decodes prompts: the worker behind decoder/client.js.
 * @typedef {object} Decoder
 * @property {string} modelDigest
 * @property {(prompts: Prompts, options: {maskInput: Float32Array | null, hover: boolean}) => Promise<Decoded | null>} decode
 *   null when a later request took its place
 */

export class Prompting extends Timeline {
  decoding = false;
  /** Milliseconds of the last click. @type {{decode: number, upsample: number, paint: number, total: number} | null} */
  lastTimings = null;
  /** @protected @type {Decoder | null} */
  decoder = null;
  /** Settles with the latest answer of the model. @protected @type {Promise<void>} */
  answer = Promise.resolve();
  #token = 0;
  #previewToken = 0;
  /** @type {{startedAt: number, decode: number, upsample: number} | null} */
  #unpainted = null;

  /** The embedding is ready; prompts that waited for it are decoded now. @param {Decoder | null} decoder */
  attachDecoder(decoder) {
    this.decoder = decoder;
    this.touch("decoder");
    if (decoder && this.moment?.snapshot?.waiting) this.ask(this.moment);
  }

  get canPrompt() {
    return this.decoder !== null;
  }

  /** Someone clicked before the embedding was there. */
  refusePrompt() {
    this.dispatchEvent(new Event("not-ready"));
  }

  /** Resolves when no answer of the model is awaited. */
  async idle() {
    await this.answer;
  }

  /** @override @protected */
  dropAnswer() {
    this.#token++;
    this.decoding = false;
  }

  /** @override @protected @param {Moment} moment */
  ask(moment, startedAt = performance.now()) {
    this.answer = this.#decode(moment, startedAt);
  }

  /**
   * @param {number} x image frame, pixel centres at integers
   * @param {number} y
   * @param {0 | 1} label 1 include, 0 exclude
   * @param {number} [startedAt] when the person acted, for the click-to-paint measure
   */
  addPoint(x, y, label, startedAt) {
    this.#setPrompts(promptSet.addPoint(this.prompts, x, y, label), "Point", true, startedAt);
  }

  movePoint(/** @type {number} */ index, /** @type {number} */ x, /** @type {number} */ y) {
    this.#setPrompts(promptSet.movePoint(this.prompts, index, x, y), "Move point", false);
  }

  removePoint(/** @type {number} */ index) {
    this.#setPrompts(promptSet.removePoint(this.prompts, index), "Remove point", false);
  }

  addBox(/** @type {Box} */ [ax, ay, bx, by], /** @type {number} */ startedAt) {
    this.#setPrompts(promptSet.addBox(this.prompts, ax, ay, bx, by), "Box", true, startedAt);
  }

  moveBox(/** @type {number} */ index, /** @type {Box} */ [ax, ay, bx, by]) {
    this.#setPrompts(promptSet.moveBox(this.prompts, index, ax, ay, bx, by), "Resize box", false);
  }

  removeBox(/** @type {number} */ index) {
    this.#setPrompts(promptSet.removeBox(this.prompts, index), "Remove box", false);
  }

  /**
   * @param {Prompts} prompts
   * @param {string} label
   * @param {boolean} refine added to what was there: the last logits go back to the model
   */
  #setPrompts(prompts, label, refine, startedAt = performance.now()) {
    if (!this.image || (!this.decoder && !promptSet.isEmpty(prompts))) return;
    this.clearPreview();
    const before = this.now();
    const draft = this.draft ?? this.newDraft();
    const maskInput = refine ? draft.logits : null;
    this.hold(draft);
    draft.prompts = prompts;
    draft.dirty = true;
    const waiting = !promptSet.isEmpty(prompts);
    if (!waiting) {
      draft.decoded = null;
      draft.chosen = 0;
      draft.applyModel();
    }
    // The last point of a new object is gone, and nothing was painted: there is no draft any more.
    const nothing = !waiting && !draft.edited && !draft.base;
    if (nothing) this.hold(null);
    /** @type {Moment} */
    const after = nothing
      ? { draft: null, snapshot: null }
      : { draft, snapshot: draft.snapshot(waiting ? { maskInput } : undefined) };
    this.moment = after;
    this.recordMoments(label, before, after);
    this.touch("draft", "mask");
    if (waiting) this.ask(after, startedAt);
    else this.dropAnswer();
  }

  /** Ask the model; the latest request wins, and an answer that came too late changes nothing. */
  async #decode(/** @type {Moment} */ moment, /** @type {number} */ startedAt) {
    const { draft, snapshot } = moment;
    const decoder = this.decoder;
    if (!decoder || !draft || !snapshot) return;
    const token = ++this.#token;
    this.decoding = true;
    this.touch("decoder");
    try {
      const decoded = await decoder.decode(snapshot.prompts, {
        maskInput: snapshot.maskInput,
        hover: false,
      });
      if (token !== this.#token || !decoded) return;
      draft.decoded = decoded;
      draft.modelDigest = decoder.modelDigest;
      draft.chosen = 0;
      draft.applyModel();
      Object.assign(snapshot, draft.snapshot(), { maskInput: snapshot.maskInput });
      this.#unpainted = { startedAt, decode: decoded.timings.decode, upsample: decoded.timings.upsample };
      this.touch("draft", "mask");
      this.saveDraftSoon();
    } catch (error) {
      if (token === this.#token) this.notify("danger", `The model could not answer: ${messageOf(error)}`);
    } finally {
      if (token === this.#token) {
        this.decoding = false;
        this.touch("decoder");
      }
    }
  }

  /** Choose one of the offered masks. */
  chooseCandidate(/** @type {number} */ index) {
    const draft = this.draft;
    if (!draft?.decoded?.candidates[index] || index === draft.chosen || this.decoding) return;
    const before = this.now();
    draft.chosen = index;
    draft.dirty = true;
    draft.applyModel();
    this.settle("Candidate", before);
    this.touch("draft", "mask");
  }

  cycleCandidate(/** @type {1 | -1} */ step) {
    const count = this.draft?.decoded?.candidates.length ?? 0;
    if (count > 1) this.chooseCandidate(((this.draft?.chosen ?? 0) + step + count) % count);
  }

  /** Show the mask that a click here would give. */
  async previewAt(/** @type {number} */ x, /** @type {number} */ y, /** @type {0 | 1} */ label) {
    if (!this.decoder || this.decoding) return;
    const token = ++this.#previewToken;
    const prompts = promptSet.addPoint(this.prompts, x, y, label);
    try {
      const decoded = await this.decoder.decode(prompts, {
        maskInput: this.draft?.logits ?? null,
        hover: true,
      });
      if (!decoded || token !== this.#previewToken || this.decoding) return;
      this.hoverMask = decoded.mask(0);
      this.touch("mask");
    } catch {
      this.clearPreview(); // the click itself will tell what is wrong
    }
  }

  get previewing() {
    return this.hoverMask !== null;
  }

  /** @override */
  clearPreview() {
    this.#previewToken++;
    if (!this.hoverMask) return;
    this.hoverMask = null;
    this.touch("mask");
  }

  /** The draft layer is on screen. @param {number} ms spent on painting it */
  painted(ms) {
    const click = this.#unpainted;
    if (!click) return;
    this.#unpainted = null;
    const end = performance.now();
    const timings = {
      decode: click.decode,
      upsample: click.upsample,
      paint: ms,
      total: end - click.startedAt,
    };
    this.lastTimings = timings;
    performance.measure("click-to-paint", { start: click.startedAt, end, detail: timings });
    this.touch("decoder");
  }
}

function messageOf(/** @type {unknown} */ error) {
  return error instanceof Error ? error.message : String(error);
}

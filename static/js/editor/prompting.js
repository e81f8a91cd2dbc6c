/**
 * Prompts and the model's answers: the latest request wins, each answer is a step of the history, and a preview under the
 * pointer is none.
 */

import { boundingRect } from "../core/bitmap.js";
import { sameCrop } from "../core/crop.js";
import { bySize } from "../core/mask_prompt.js";
import * as promptSet from "../core/prompts.js";
import { phrase, t } from "../core/translate.js";
import { Looking } from "./looking.js";

/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./draft.js").Decoded} Decoded */
/** @typedef {import("./journal.js").Moment} Moment */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 */

/**
 * What decodes prompts: the worker behind decoder/client.js.
 * @typedef {object} Decoder
 * @property {string} modelDigest
 * @property {import("../core/geometry.js").Frame | null} [frame] how the image sits in the model's input
 * @property {import("../core/geometry.js").Frame | null} [cropFrame] how the part that is looked at closely does
 * @property {(prompts: Prompts, options: {maskInput: Float32Array | null, hover: boolean}) => Promise<Decoded | null>} decode
 *   null when a later request took its place
 * @property {() => Promise<import("../core/similar.js").Features>} [features] the embedding, to compare places of the image
 */

/**
 * How prompts are put to the model.
 * @typedef {object} Question
 * @property {boolean} [refine]  they were added to what was there: the last logits go along
 * @property {Float32Array | null} [mask]  goes along instead: drawn by hand, as logits
 * @property {boolean} [replacesPaint]  the mask is what was painted, which is no longer kept apart
 * @property {number} [startedAt]  when the person acted, for the click-to-paint measure
 */

/** How many decodes tell how fast this machine is. */
const TIMED = 5;

export class Prompting extends Looking {
  /** Milliseconds of the last click. @type {{decode: number, upsample: number, paint: number, total: number} | null} */
  lastTimings = null;
  /** @protected @type {Decoder | null} */
  decoder = null;
  /** Settles with the latest answer of the model. @protected @type {Promise<void>} */
  answer = Promise.resolve();
  /** Milliseconds that the latest decodes took in the worker, newest last. @type {number[]} */
  #decodeTimes = [];
  /** What is set while decoding is held back; null = nothing. @type {Prompts | null} */
  #queued = null;
  #token = 0;
  #previewToken = 0;
  /** @type {{startedAt: number, decode: number, upsample: number} | null} */
  #unpainted = null;

  /** The embedding is ready; prompts that waited for it are decoded now. @param {Decoder | null} decoder */
  attachDecoder(decoder) {
    this.decoder = decoder;
    this.touch("decoder");
    this.answerWaiting();
  }

  /** @override */
  get waitsForAnswer() {
    return !this.decoding && this.moment?.snapshot?.waiting === true;
  }

  /** @override @protected */
  answerWaiting() {
    if (this.decoder && this.moment?.snapshot?.waiting) this.ask(this.moment);
  }

  /** @override @protected @param {import("../core/translate.js").Phrase} label */
  askAgain(label) {
    if (this.decoder && !this.isPainting) this.setPrompts(this.prompts, label);
  }

  get canPrompt() {
    return this.decoder !== null;
  }

  /** What is shown and edited: with the prompts that wait in the queue. @override @returns {Prompts} */
  get prompts() {
    return this.#queued ?? super.prompts;
  }

  get queueing() {
    return this.#queued !== null;
  }

  /** From now on prompts gather without an answer, until {@link releaseQueue}. */
  holdQueue() {
    if (!this.image || !this.decoder) return;
    this.clearPreview();
    this.#queued ??= this.prompts;
  }

  /** Ask for the mask of everything that has gathered: one step. */
  releaseQueue(startedAt = performance.now()) {
    const queued = this.#queued;
    this.#queued = null;
    if (!queued || promptSet.samePrompts(queued, this.prompts)) return;
    this.setPrompts(queued, phrase("Prompts"), { refine: true, startedAt });
  }

  #dropQueue() {
    if (!this.#queued) return false;
    this.#queued = null;
    this.touch("draft");
    return true;
  }

  /** What is queued is no step yet: going back drops it. @override @param {number} position */
  goTo(position) {
    if (!this.#dropQueue()) super.goTo(position);
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
    this.#dropQueue();
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
    this.setPrompts(promptSet.addPoint(this.prompts, x, y, label), phrase("Point"), {
      refine: true,
      startedAt,
    });
  }

  movePoint(/** @type {number} */ index, /** @type {number} */ x, /** @type {number} */ y) {
    this.setPrompts(promptSet.movePoint(this.prompts, index, x, y), phrase("Move point"));
  }

  /** Include becomes exclude and the other way round. */
  flipPoint(/** @type {number} */ index) {
    const label = this.prompts.labels[index] === 1 ? 0 : 1;
    this.setPrompts(promptSet.labelPoint(this.prompts, index, label), phrase("Flip point"));
  }

  removePoint(/** @type {number} */ index) {
    this.setPrompts(promptSet.removePoint(this.prompts, index), phrase("Remove point"));
  }

  addBox(/** @type {Box} */ [ax, ay, bx, by], /** @type {number} */ startedAt) {
    this.setPrompts(promptSet.addBox(this.prompts, ax, ay, bx, by), phrase("Box"), {
      refine: true,
      startedAt,
    });
  }

  moveBox(/** @type {number} */ index, /** @type {Box} */ [ax, ay, bx, by]) {
    this.setPrompts(promptSet.moveBox(this.prompts, index, ax, ay, bx, by), phrase("Resize box"));
  }

  removeBox(/** @type {number} */ index) {
    this.setPrompts(promptSet.removeBox(this.prompts, index), phrase("Remove box"));
  }

  /**
   * @protected
   * @param {Prompts} prompts
   * @param {import("../core/translate.js").Phrase} label of the step
   * @param {Question} [question]
   */
  setPrompts(
    prompts,
    label,
    { refine = false, mask = null, replacesPaint = false, startedAt = performance.now() } = {},
  ) {
    if (!this.image || (!this.decoder && !promptSet.isEmpty(prompts))) return;
    this.clearPreview();
    if (this.#queued) {
      this.#queued = prompts;
      this.touch("draft");
      return;
    }
    const before = this.now();
    const draft = this.draft ?? this.newDraft();
    // Whoever gives a mask has drawn it for one look at the image.
    const framed = mask ? prompts : this.framed(prompts);
    const maskInput = mask ?? (refine ? this.#logitsFor(framed) : null);
    this.hold(draft);
    if (replacesPaint) {
      draft.edited = false;
      draft.modelCounts = null;
    }
    draft.prompts = framed;
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
      : { draft, snapshot: draft.snapshot(waiting ? { maskInput, drawn: mask !== null } : undefined) };
    this.moment = after;
    this.recordMoments(label, before, after);
    this.touch("draft", "mask");
    if (waiting) this.ask(after, startedAt);
    else this.dropAnswer();
  }

  /** The draft's last logits, if they are of the same look at the image. */
  #logitsFor(/** @type {Prompts} */ { crop }) {
    const draft = this.draft;
    return draft && sameCrop(draft.decoded?.crop, crop) ? draft.logits : null;
  }

  /** Ask the model; the latest request wins, and an answer that came too late changes nothing. */
  async #decode(/** @type {Moment} */ moment, /** @type {number} */ startedAt) {
    const { draft, snapshot } = moment;
    const decoder = this.decoder;
    if (!decoder || !draft || !snapshot || !this.canAnswer(snapshot.prompts)) return;
    const token = ++this.#token;
    this.decoding = true;
    this.touch("decoder");
    try {
      const decoded = await decoder.decode(snapshot.prompts, {
        maskInput: snapshot.maskInput,
        hover: false,
      });
      if (token !== this.#token || !decoded) return;
      this.#timed(decoded);
      draft.decoded = decoded;
      draft.modelDigest = decoder.modelDigest;
      draft.chosen = 0;
      draft.applyModel();
      const { maskInput, drawn } = snapshot;
      Object.assign(snapshot, draft.snapshot(), { maskInput, drawn });
      this.#unpainted = { startedAt, decode: decoded.timings.decode, upsample: decoded.timings.upsample };
      this.touch("draft", "mask");
      this.saveDraftSoon();
      if (draft.isBlank)
        this.tell(t("The model sees nothing there. Move or remove a point, draw a box, or paint it."));
    } catch (error) {
      if (token === this.#token)
        this.notify("danger", t("The model could not answer: {reason}", { reason: messageOf(error) }));
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
    this.settle(phrase("Candidate"), before);
    this.touch("draft", "mask");
  }

  cycleCandidate(/** @type {1 | -1} */ step) {
    const count = this.draft?.decoded?.candidates.length ?? 0;
    if (count > 1) this.chooseCandidate(((this.draft?.chosen ?? 0) + step + count) % count);
  }

  /**
   * Choose the next larger or smaller of the offered masks; at the ends nothing happens.
   *
   * @param {1 | -1} step 1 = larger
   */
  stepSize(step) {
    const candidates = this.draft?.decoded?.candidates ?? [];
    const order = bySize(candidates.map(({ logits }) => logits));
    const next = order[order.indexOf(this.draft?.chosen ?? 0) + step];
    if (next !== undefined) this.chooseCandidate(next);
  }

  /** Typical milliseconds of a decode here; null before any was made. @returns {number | null} */
  get decodeMs() {
    const sorted = [...this.#decodeTimes].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }

  #timed(/** @type {Decoded} */ decoded) {
    this.#decodeTimes = [...this.#decodeTimes.slice(1 - TIMED), decoded.timings.decode];
  }

  /** Decode in the background without showing anything, to learn how long it takes. Clicks go before it. */
  async measureDecode() {
    const { decoder, image } = this;
    if (!decoder || !image) return;
    const prompts = promptSet.addPoint(promptSet.NO_PROMPTS, image.width >> 1, image.height >> 1, 1);
    for (let i = 0; i < TIMED; i++) {
      if (this.decoder !== decoder || this.decoding) return;
      const decoded = await decoder.decode(prompts, { maskInput: null, hover: true }).catch(() => null);
      if (!decoded) return;
      if (i) this.#timed(decoded); // the first one warms up
    }
    this.touch("decoder");
  }

  /** Show the mask that a click here would give. */
  async previewAt(/** @type {number} */ x, /** @type {number} */ y, /** @type {0 | 1} */ label) {
    if (!this.decoder || this.decoding || this.#queued) return;
    const token = ++this.#previewToken;
    const prompts = this.framed(promptSet.addPoint(this.prompts, x, y, label));
    if (!this.canAnswer(prompts)) return;
    try {
      const maskInput = this.#logitsFor(prompts);
      const decoded = await this.decoder.decode(prompts, { maskInput, hover: true });
      if (!decoded || token !== this.#previewToken || this.decoding) return;
      const mask = decoded.mask(0);
      this.hover = { mask, bounds: boundingRect(mask, decoded.sketch?.box(0)) };
      this.touch("mask");
    } catch {
      this.clearPreview(); // the click itself will tell what is wrong
    }
  }

  get previewing() {
    return this.hover !== null;
  }

  /** @override */
  clearPreview() {
    this.#previewToken++;
    if (!this.hover) return;
    this.hover = null;
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

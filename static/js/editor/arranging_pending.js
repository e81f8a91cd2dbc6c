/**
 * Many objects at once: each click or box is an object of its own, decoded and kept as pending until all are accepted in one
 * go. Pending objects live in this browser only; they are steps of the history and survive a reload.
 */

import { isBlank } from "../core/bitmap.js";
import { sameCrop } from "../core/crop.js";
import * as promptSet from "../core/prompts.js";
import { phrase, phrases, t } from "../core/translate.js";
import { Arranging } from "./arranging.js";
import { Draft, newId } from "./draft.js";
import { composeBody, SavedObject } from "./objects.js";

/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./draft.js").Decoded} Decoded */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./prompting.js").Box} Box */
/** @typedef {import("./prompting.js").Decoder} Decoder */
/** @typedef {import("../types.js").Image} Image */

export class Pending extends Arranging {
  /** Each click or box is an object of its own. */
  manyObjects = false;
  /** Questions to the model that have no answer yet. */
  #asked = 0;
  /** Another one after everything that was asked has been given up. */
  #round = 0;
  /** The model's last answers, to be refined. @type {Map<string, Float32Array>} */
  #logits = new Map();

  async setManyObjects(/** @type {boolean} */ on) {
    if (on) await this.select(null);
    this.manyObjects = on;
    this.touch("draft");
  }

  /** Whether prompts make objects of their own now. */
  get #collects() {
    return this.manyObjects && !this.draft && this.decoder !== null;
  }

  /** @override @param {number} x @param {number} y @param {0 | 1} label @param {number} [startedAt] */
  addPoint(x, y, label, startedAt) {
    if (!this.#collects) return super.addPoint(x, y, label, startedAt);
    if (label) this.#ask(promptSet.addPoint(promptSet.NO_PROMPTS, x, y, 1));
    else this.#refine(x, y);
  }

  /** @override @param {Box} box @param {number} startedAt */
  addBox(box, startedAt) {
    if (!this.#collects) return super.addBox(box, startedAt);
    this.#ask(promptSet.addBox(promptSet.NO_PROMPTS, ...box));
  }

  /** Prompts of one object gather; those of many need not. @override */
  holdQueue() {
    if (!this.#collects) super.holdQueue();
  }

  /** What has been asked is no step yet: going back gives it up. @override @param {number} position */
  goTo(position) {
    if (this.#asked) this.#giveUp();
    else super.goTo(position);
  }

  #giveUp() {
    this.#round++;
    this.#asked = 0;
    this.decoding = false;
    this.touch("decoder");
  }

  #ask(/** @type {Prompts} */ given) {
    const prompts = this.framed(given);
    this.inTurn(async (decoder, image) => {
      const decoded = await decoder.decode(prompts, { maskInput: null, hover: false });
      return () => this.#add(prompts, decoded, decoder, image);
    });
  }

  /** The pending object at a place, or the one nearest to it, without this place. */
  #refine(/** @type {number} */ x, /** @type {number} */ y) {
    this.inTurn(async (decoder, image) => {
      const object = this.#pendingNear(x, y);
      if (!object) return () => this.tell(t("There is nothing to cut from yet."));
      const before = promptSet.promptsFromJson(object.body.prompts);
      const prompts = this.framed(promptSet.addPoint(before, x, y, 0));
      const maskInput = sameCrop(before.crop, prompts.crop) ? (this.#logits.get(object.id) ?? null) : null;
      const decoded = await decoder.decode(prompts, { maskInput, hover: false });
      return () => {
        const body = decoded && this.pendingBody(prompts, decoded, decoder, image);
        if (!body || !this.objects.has(object.id)) return;
        object.body = { ...body, z: object.body.z };
        this.#keepLogits(object.id, decoded);
        this.put(object);
        this.record({ label: phrase("Refine") });
      };
    });
  }

  /**
   * Ask the model when earlier questions are answered; what it says counts unless everything was given up meanwhile.
   *
   * @protected
   * @param {(decoder: Decoder, image: Image) => Promise<() => void>} work
   */
  inTurn(work) {
    this.clearPreview();
    const round = this.#round;
    const current = () => round === this.#round;
    this.#asked++;
    this.decoding = true;
    this.touch("decoder");
    this.answer = this.idle().then(async () => {
      const { decoder, image } = this;
      if (!current() || !decoder || !image) return;
      try {
        const finish = await work(decoder, image);
        if (current() && image.id === this.image?.id) finish();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.notify("danger", t("The model could not answer: {reason}", { reason }));
      } finally {
        if (current()) this.decoding = --this.#asked > 0;
        this.touch("decoder");
      }
    });
  }

  #add(
    /** @type {Prompts} */ prompts,
    /** @type {Decoded | null} */ decoded,
    /** @type {Decoder} */ decoder,
    /** @type {Image} */ image,
  ) {
    if (!decoded) return;
    const body = this.pendingBody(prompts, decoded, decoder, image);
    if (!body) return this.tell(t("The model finds nothing there."));
    const object = this.putPending(body);
    this.#keepLogits(object.id, decoded);
    this.record({ label: prompts.boxes.length ? phrase("Box") : phrase("Point") });
  }

  #keepLogits(/** @type {string} */ id, /** @type {Decoded} */ { candidates }) {
    this.#logits.set(id, candidates[0].logits);
  }

  /**
   * What accepting the model's answer would save.
   *
   * @protected
   * @param {Prompts} prompts
   * @param {Decoded} decoded
   * @param {Decoder} decoder
   * @param {Image} image
   * @param {number} [chosen] which of the offered masks
   * @returns {AnnotationBody | null} null: the mask is blank
   */
  pendingBody(prompts, decoded, { modelDigest }, { id, width, height }, chosen = 0) {
    const draft = new Draft(width, height, this.categoryId);
    Object.assign(draft, { prompts, decoded, modelDigest, chosen });
    draft.applyModel();
    if (isBlank(draft.mask)) return null;
    return { ...composeBody(draft, { imageId: id, activeMs: 0, z: this.top + 1 }), state: "pending" };
  }

  /** @protected @param {AnnotationBody} body */
  putPending(body) {
    const object = new SavedObject(newId(), body);
    this.put(object);
    return object;
  }

  #pendingNear(/** @type {number} */ x, /** @type {number} */ y) {
    const hit = this.objectAt(x, y);
    if (hit?.isPending) return hit;
    const distance = (/** @type {SavedObject} */ { runs: { bbox } }) =>
      Math.hypot(
        Math.max(bbox[0] - x, 0, x - bbox[0] - bbox[2] + 1),
        Math.max(bbox[1] - y, 0, y - bbox[1] - bbox[3] + 1),
      );
    const objects = this.pendingObjects();
    // Of equally near ones the newest counts.
    return objects.reduceRight(
      (/** @type {SavedObject | undefined} */ best, each) =>
        best && distance(best) <= distance(each) ? best : each,
      undefined,
    );
  }

  /** Pending objects that are selected, or else all of them. */
  get #decided() {
    const selected = this.selection.filter((object) => object.isPending);
    return selected.length ? selected : this.pendingObjects();
  }

  /** They become objects with the current label: one step. */
  async acceptPending() {
    await this.answer;
    const objects = this.#decided;
    if (!objects.length) return;
    const activeMs = Math.round(this.clock.ms / objects.length);
    for (const object of objects) {
      object.body = {
        ...object.body,
        state: "accepted",
        category_id: this.categoryId,
        active_ms: object.body.active_ms + activeMs,
      };
      this.put(object);
      this.cutUnder(object);
      this.#logits.delete(object.id);
    }
    this.clock.ms = 0;
    this.setChosen([]);
    this.record({ label: phrases(objects.length, "Accept {number} object", "Accept {number} objects") });
  }

  /** They go: one step. */
  discardPending() {
    this.#giveUp();
    const objects = this.#decided;
    if (!objects.length) return;
    this.carryOut(
      new Map(objects.map(({ id }) => [id, null])),
      phrases(objects.length, "Discard {number} object", "Discard {number} objects"),
    );
    this.setChosen([]);
  }
}

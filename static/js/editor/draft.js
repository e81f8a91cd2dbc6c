/**
 * The object being edited. A mask is the model's answer to the prompts plus what the person painted and erased; the two
 * are kept apart, so that one more click after brushing improves the model's part and leaves the strokes alone.
 */

import { boundingRect, clipRect, createBitmap, EMPTY_RECT, isBlank, unionRect } from "../core/bitmap.js";
import { copyOutside } from "../core/crop.js";
import { NO_PROMPTS, promptsFromJson } from "../core/prompts.js";
import { decode as decodeRle, encode as encodeRle } from "../core/rle.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./objects.js").SavedObject} SavedObject */

/**
 * One mask the model offers.
 * @typedef {object} Candidate
 * @property {number} candidate   the model's mask 0 … 3
 * @property {number} iou         predicted
 * @property {number} stability   IoU of the logits cut at +1 and at −1
 * @property {Float32Array} logits low resolution, row-major; goes back as mask prompt
 */

/**
 * The model's answer to one set of prompts.
 * @typedef {object} Decoded
 * @property {readonly Candidate[]} candidates in the order they are offered
 * @property {boolean} [ambiguous] they are readings of one prompt that may mean several things
 * @property {(index: number) => Bitmap} mask full-resolution bitmap of candidates[index]; a new one each time
 * @property {{decode: number, upsample: number}} timings milliseconds
 * @property {import("../core/crop.js").Crop | null} [crop] the closer look that answered; absent or null: the whole image
 * @property {import("../core/sketch.js").Sketch} [sketch] the masks as the logits show them
 */

/** What is stored about the chosen mask.
 * @typedef {{candidate: number | null, iou: number | null, stability: number | null}} Scores */

/**
 * Everything needed to bring a draft back to an earlier moment.
 * @typedef {object} Snapshot
 * @property {Prompts} prompts
 * @property {Decoded | null} decoded
 * @property {number} chosen
 * @property {Scores} scores
 * @property {string | null} counts       mask as RLE; null when `decoded` alone gives it, or when it is blank
 * @property {boolean} edited
 * @property {string | null} modelCounts
 * @property {boolean} dirty
 * @property {Float32Array | null} maskInput  what the waiting decode gets as mask prompt
 * @property {boolean} [drawn]            the mask prompt was drawn by hand
 * @property {boolean} waiting            prompts were set but the model has not answered
 */

/**
 * A draft as it survives a reload: without logits, which the next click does not need.
 * @typedef {object} StoredDraft
 * @property {string} id               of the object it becomes
 * @property {string | null} base_id   the saved object being changed
 * @property {import("../types.js").StoredPrompts} prompts
 * @property {number | null} category_id
 * @property {string | null} counts    mask as RLE; null when blank
 * @property {boolean} edited
 * @property {string | null} model_counts
 * @property {Scores} scores
 * @property {string | null} model_digest
 * @property {number} active_ms
 */

/** @type {Readonly<Scores>} */
export const NO_SCORES = Object.freeze({ candidate: null, iou: null, stability: null });

export class Draft {
  /** @type {Prompts} */
  prompts = NO_PROMPTS;
  /** @type {Decoded | null} */
  decoded = null;
  chosen = 0;
  /** @type {Scores} */
  scores = NO_SCORES;
  /** @type {Bitmap | null} null while the draft is shelved in the history */
  #mask = null;
  /** @type {Rect | null} */
  #bounds = null;
  /** What was shelved and kept. @type {{snapshot: Snapshot, mask: Bitmap, bounds: Rect} | null} */
  #shelved = null;
  /** Strokes were made. */
  edited = false;
  /** The model's mask under the strokes; null = blank. Only kept while edited. @type {string | null} */
  modelCounts = null;
  /** Differs from what is saved. */
  dirty = false;
  /** The model whose answer this is. @type {string | null} */
  modelDigest = null;

  /**
   * @param {number} width of the image
   * @param {number} height
   * @param {number | null} categoryId
   * @param {SavedObject | null} base the saved object being changed
   */
  constructor(width, height, categoryId, base = null) {
    /** The id of the object that the draft becomes; a draft found in the journal after that is recognised by it. */
    this.id = base?.id ?? newId();
    this.width = width;
    this.height = height;
    this.categoryId = categoryId;
    this.base = base;
    if (base) this.#load(base);
  }

  get mask() {
    this.#mask ??= createBitmap(this.width, this.height);
    return this.#mask;
  }

  /** A rectangle that holds the mask: exact after a decode, generous while painting. @returns {Rect} */
  get bounds() {
    this.#bounds ??= this.#mask ? boundingRect(this.#mask) : EMPTY_RECT;
    return this.#bounds;
  }

  /** @param {Rect | null} rect null = look again */
  set bounds(rect) {
    this.#bounds = rect;
  }

  /** After an edit: the old bounds and what may have changed hold the mask; look there how large it is now. */
  tighten(/** @type {Rect} */ changed) {
    this.#bounds = boundingRect(this.mask, clipRect(unionRect(this.bounds, changed), this.mask));
  }

  get isBlank() {
    return !this.#mask || isBlank(this.#mask, this.bounds);
  }

  get counts() {
    return encodeRle(this.mask.data, this.width, this.height, this.bounds);
  }

  /** Low-resolution logits of the chosen candidate: the mask prompt of the next decode. */
  get logits() {
    return this.decoded?.candidates[this.chosen]?.logits ?? null;
  }

  /** The mask as the model gave it, to be told apart from what people changed. Call before the first stroke. */
  markEdited() {
    if (this.edited) return;
    this.modelCounts = this.isBlank ? null : this.counts;
    this.edited = true;
  }

  /** What people added to the model's mask and took away from it; null = there was none.
   * @returns {{added: Bitmap, erased: Bitmap} | null} */
  get strokes() {
    if (!this.edited || this.modelCounts === null) return null;
    const model = decodeRle(this.modelCounts, this.width, this.height);
    const [added, erased] = [createBitmap(this.width, this.height), createBitmap(this.width, this.height)];
    const { data } = this.mask;
    for (let i = 0; i < data.length; i++) {
      if (data[i] === model[i]) continue;
      (data[i] ? added : erased).data[i] = 1;
    }
    return { added, erased };
  }

  /** A closer look says nothing about what an existing object has outside of it. */
  get #keepsOutside() {
    return this.base !== null && Boolean(this.prompts.crop);
  }

  /** Take the chosen candidate as the model's part of the mask. Strokes stay. */
  applyModel() {
    const candidate = this.decoded?.candidates[this.chosen];
    const model =
      this.decoded && candidate ? this.decoded.mask(this.chosen) : createBitmap(this.width, this.height);
    this.scores = candidate
      ? { candidate: candidate.candidate, iou: candidate.iou, stability: candidate.stability }
      : NO_SCORES;
    const before =
      this.edited && this.modelCounts !== null ? decodeRle(this.modelCounts, this.width, this.height) : null;
    const kept = this.edited ? before : this.#mask?.data;
    const crop = this.decoded?.crop;
    const keepsOutside = crop && kept && this.#keepsOutside;
    if (keepsOutside) copyOutside(model.data, kept, this.width, crop);
    if (this.edited) {
      this.modelCounts = candidate ? encodeRle(model.data, this.width, this.height) : null;
      keepStrokes(model.data, before, this.mask.data);
    }
    this.#mask = model;
    this.#bounds = candidate && !this.edited && !keepsOutside ? this.#answeredBounds(model) : null;
  }

  /** Bounds of the model's answer: the logits tell where to look. @param {Bitmap} mask */
  #answeredBounds(mask) {
    return boundingRect(mask, this.decoded?.sketch?.box(this.chosen));
  }

  /**
   * @param {{maskInput: Float32Array | null, drawn: boolean}} [waitingFor] the prompts are new and the model is still to answer
   * @returns {Snapshot}
   */
  snapshot(waitingFor) {
    const derived =
      !this.edited && !this.#keepsOutside && (this.decoded !== null || waitingFor !== undefined);
    return {
      prompts: this.prompts,
      decoded: waitingFor ? null : this.decoded,
      chosen: waitingFor ? 0 : this.chosen,
      scores: this.scores,
      counts: derived || this.isBlank ? null : this.counts,
      edited: this.edited,
      modelCounts: this.modelCounts,
      dirty: this.dirty,
      maskInput: waitingFor?.maskInput ?? null,
      drawn: waitingFor?.drawn ?? false,
      waiting: waitingFor !== undefined,
    };
  }

  /** @param {Snapshot} snapshot */
  restore(snapshot) {
    this.prompts = snapshot.prompts;
    this.decoded = snapshot.decoded;
    this.chosen = snapshot.chosen;
    this.scores = snapshot.scores;
    this.edited = snapshot.edited;
    this.modelCounts = snapshot.modelCounts;
    this.dirty = snapshot.dirty;
    const shelved = this.#shelved;
    this.#shelved = null;
    if (shelved?.snapshot === snapshot) {
      this.#mask = shelved.mask;
      this.#bounds = shelved.bounds;
      return;
    }
    this.#bounds = null;
    if (snapshot.counts !== null) this.#setCounts(snapshot.counts);
    else if (this.decoded && !this.edited) {
      this.#mask = this.decoded.mask(this.chosen);
      this.#bounds = this.#answeredBounds(this.#mask);
    } else this.#mask = null;
  }

  /** @param {number} activeMs @param {string | null} counts its mask; null = blank @returns {StoredDraft} */
  stored(activeMs, counts) {
    return {
      id: this.id,
      base_id: this.base?.id ?? null,
      prompts: promptsToJson(this.prompts),
      category_id: this.categoryId,
      counts,
      edited: this.edited,
      model_counts: this.modelCounts,
      scores: this.scores,
      model_digest: this.modelDigest,
      active_ms: Math.round(activeMs),
    };
  }

  /** Continue a draft that an earlier page left behind. @param {StoredDraft} stored */
  resume(stored) {
    this.id = stored.id;
    this.prompts = promptsFromJson(stored.prompts);
    this.scores = stored.scores;
    this.modelDigest = stored.model_digest;
    this.edited = stored.edited;
    this.modelCounts = stored.model_counts;
    this.dirty = true;
    if (stored.counts === null) this.shelve();
    else this.#setCounts(stored.counts);
  }

  /**
   * The draft only waits in the history: give the bitmap's memory back, or keep it for who returns to this moment at once.
   *
   * @param {Snapshot | null} [snapshot] of the draft as it is; null: keep nothing
   */
  shelve(snapshot = null) {
    const mask = this.#mask;
    this.#shelved = snapshot && mask ? { snapshot, mask, bounds: this.bounds } : null;
    this.#mask = null;
    this.#bounds = null;
  }

  #load(/** @type {SavedObject} */ { body }) {
    this.prompts = promptsFromJson(body.prompts);
    this.scores = { candidate: body.candidate, iou: body.predicted_iou, stability: body.stability_score };
    this.modelDigest = body.model_digest;
    this.edited = body.model_segmentation !== null || body.source === "manual";
    this.modelCounts = body.model_segmentation?.counts ?? null;
    this.#setCounts(body.segmentation.counts);
  }

  #setCounts(/** @type {string} */ counts) {
    const data = decodeRle(counts, this.width, this.height);
    this.#mask = { width: this.width, height: this.height, data };
    this.#bounds = null;
  }
}

/** @param {Prompts} prompts in the form of the API @returns {import("../types.js").StoredPrompts} */
export function promptsToJson({ points, labels, boxes, crop }) {
  return {
    points: points.map((point) => [...point]),
    labels: [...labels],
    boxes: boxes.map((box) => [...box]),
    ...(crop && { crop_box: [...crop] }),
  };
}

/** A random UUID; randomUUID() itself exists only on HTTPS and localhost. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * Where the person changed the model's mask, the person is right.
 *
 * @param {Uint8Array} model  the new answer, changed in place
 * @param {Uint8Array | null} before the answer that was painted on; null = blank
 * @param {Uint8Array} painted before plus strokes
 */
function keepStrokes(model, before, painted) {
  for (let i = 0; i < model.length; i++) {
    if (painted[i] !== (before ? before[i] : 0)) model[i] = painted[i];
  }
}

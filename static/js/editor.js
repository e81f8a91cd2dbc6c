/**
 * The state of one image being annotated: its objects, the draft, and one undo history over everything. No DOM here; the
 * decoder and the outbox are handed in. Whatever changes is announced once per microtask as a "change" event.
 */

import { boundingRect, EMPTY_RECT, unionRect } from "./core/bitmap.js";
import { History } from "./core/history.js";
import * as promptSet from "./core/prompts.js";
import { runsContain } from "./core/runs.js";
import { Changes } from "./editor/changes.js";
import { WorkClock } from "./editor/clock.js";
import { objectColor } from "./editor/colors.js";
import { Draft, newId } from "./editor/draft.js";
import { bodyOf, composeBody, SavedObject } from "./editor/objects.js";
import { Stroke } from "./editor/stroke.js";

/** @typedef {import("./core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./core/bitmap.js").Rect} Rect */
/** @typedef {import("./core/prompts.js").Prompts} Prompts */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 */
/** @typedef {import("./editor/draft.js").Decoded} Decoded */
/** @typedef {import("./editor/draft.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {Required<import("./types.js").AnnotationBody>} AnnotationBody */
/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").Image} Image */

/** @typedef {import("./editor/changes.js").ChangeEvent} ChangeEvent */
/** @typedef {{draft: Draft | null, snapshot: Snapshot | null}} Moment a point in the draft's history */

/**
 * What decodes prompts: the worker behind decoder/client.js.
 * @typedef {object} Decoder
 * @property {string} modelDigest
 * @property {(prompts: Prompts, options: {maskInput: Float32Array | null, hover: boolean}) => Promise<Decoded | null>} decode
 *   null when a later request took its place
 */

/**
 * Where saves go: the outbox.
 * @typedef {object} Store
 * @property {(id: string, body: AnnotationBody, revision: number, revive: boolean) => void} put  revive: it was deleted
 *   and comes back
 * @property {(id: string, imageId: number, revision: number) => void} remove
 * @property {(imageId: number, draft: StoredDraft | null) => void} draft
 */

/** @typedef {import("./editor/draft.js").StoredDraft} StoredDraft */

const DRAFT_SAVE_MS = 300;
export class Editor extends Changes {
  /** @type {Image | null} */
  image = null;
  /** @type {Category[]} */
  categories = [];
  /** What new objects become. @type {number | null} */
  categoryId = null;
  /** @type {Map<string, SavedObject>} in drawing order, the last on top */
  objects = new Map();
  /** @type {Draft | null} */
  draft = null;
  hideOthers = false;
  decoding = false;
  /** @type {{decode: number, upsample: number, paint: number, total: number} | null} milliseconds of the last click */
  lastTimings = null;

  /** @type {Decoder | null} */
  #decoder = null;
  #store;
  #history = new History();
  /** @type {Moment | null} the draft as it is, when it is already written down */
  #moment = null;
  #token = 0;
  /** @type {Bitmap | null} */
  #preview = null;
  #previewToken = 0;
  /** @type {{startedAt: number, decode: number, upsample: number} | null} */
  #unpainted = null;
  #clock = new WorkClock();
  #draftTimer = 0;
  /** @type {Stroke | null} */
  #stroke = null;
  /** What the running stroke started from.
   * @type {{had: Draft | null, flags: Pick<Draft, "edited" | "modelCounts" | "dirty"> | null, moment: Moment | null}} */
  #strokeFrom = { had: null, flags: null, moment: null };
  /** Settles with the latest answer of the model. @type {Promise<void>} */
  #answer = Promise.resolve();

  /** @param {Store} store */
  constructor(store) {
    super();
    this.#store = store;
  }

  // ---- image ------------------------------------------------------------------------------------------------------

  /**
   * Show another image. The draft of the one before is already in the store.
   *
   * @param {Image} image
   * @param {Annotation[]} annotations
   * @param {StoredDraft | null} [stored] draft left on this image
   */
  open(image, annotations, stored = null) {
    this.flushDraft();
    this.image = image;
    this.#decoder = null;
    this.decoding = false;
    this.#token++;
    this.#preview = null;
    this.#history.clear();
    this.#moment = null;
    this.#clock.ms = 0;
    this.lastTimings = null;
    this.objects = new Map();
    for (const annotation of [...annotations].sort((a, b) => a.z - b.z)) {
      if (annotation.state === "rejected") continue;
      this.objects.set(
        annotation.id,
        new SavedObject(annotation.id, bodyOf(annotation), annotation.revision),
      );
    }
    this.draft = stored ? this.#restoreStored(stored, image) : null;
    this.touch("image", "objects", "selection", "draft", "mask", "history", "decoder");
  }

  /** The image's status or embedding is news; nothing else changed. */
  updateImage(/** @type {Image} */ image) {
    this.image = image;
    this.touch("image");
  }

  setCategories(/** @type {Category[]} */ categories) {
    this.categories = [...categories].sort((a, b) => a.position - b.position);
    if (!this.categories.some((category) => category.id === this.categoryId)) {
      this.categoryId = this.categories[0]?.id ?? null;
    }
    this.touch("categories");
  }

  /** The embedding is ready; prompts that waited for it are decoded now. @param {Decoder | null} decoder */
  attachDecoder(decoder) {
    this.#decoder = decoder;
    this.touch("decoder");
    const moment = this.#moment;
    if (decoder && moment?.snapshot?.waiting) this.#answer = this.#decode(moment, performance.now());
  }

  get canPrompt() {
    return this.#decoder !== null;
  }

  /** Someone clicked before the embedding was there. */
  refusePrompt() {
    this.dispatchEvent(new Event("not-ready"));
  }

  // ---- prompts ----------------------------------------------------------------------------------------------------

  /** @returns {Prompts} */
  get prompts() {
    return this.draft?.prompts ?? promptSet.NO_PROMPTS;
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
    if (!this.image || (!this.#decoder && !promptSet.isEmpty(prompts))) return;
    this.clearPreview();
    const before = this.#now();
    const draft = this.draft ?? this.#newDraft();
    const maskInput = refine ? draft.logits : null;
    this.draft = draft;
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
    if (nothing) this.draft = null;
    /** @type {Moment} */
    const after = nothing
      ? { draft: null, snapshot: null }
      : { draft, snapshot: draft.snapshot(waiting ? { maskInput } : undefined) };
    this.#moment = after;
    this.#recordMoments(label, before, after);
    this.touch("selection", "draft", "mask");
    if (waiting) this.#answer = this.#decode(after, startedAt);
    else this.#token++;
  }

  /** Ask the model; the latest request wins, and an answer that came too late changes nothing. */
  async #decode(/** @type {Moment} */ moment, /** @type {number} */ startedAt) {
    const { draft, snapshot } = moment;
    const decoder = this.#decoder;
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
      this.#saveDraftSoon();
    } catch (error) {
      if (token === this.#token) this.#notify("danger", `The model could not answer: ${messageOf(error)}`);
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
    const before = this.#now();
    draft.chosen = index;
    draft.dirty = true;
    draft.applyModel();
    this.#settle("Candidate", before);
    this.touch("draft", "mask");
  }

  cycleCandidate(/** @type {1 | -1} */ step) {
    const count = this.draft?.decoded?.candidates.length ?? 0;
    if (count > 1) this.chooseCandidate(((this.draft?.chosen ?? 0) + step + count) % count);
  }

  // ---- hover preview ----------------------------------------------------------------------------------------------

  /** Show the mask that a click here would give. */
  async previewAt(/** @type {number} */ x, /** @type {number} */ y, /** @type {0 | 1} */ label) {
    if (!this.#decoder || this.decoding) return;
    const token = ++this.#previewToken;
    const prompts = promptSet.addPoint(this.prompts, x, y, label);
    try {
      const decoded = await this.#decoder.decode(prompts, {
        maskInput: this.draft?.logits ?? null,
        hover: true,
      });
      if (!decoded || token !== this.#previewToken || this.decoding) return;
      this.#preview = decoded.mask(0);
      this.touch("mask");
    } catch {
      this.clearPreview(); // the click itself will tell what is wrong
    }
  }

  get previewing() {
    return this.#preview !== null;
  }

  clearPreview() {
    this.#previewToken++;
    if (!this.#preview) return;
    this.#preview = null;
    this.touch("mask");
  }

  // ---- strokes ----------------------------------------------------------------------------------------------------

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
    this.#strokeFrom = { had, flags, moment: this.#moment };
    this.draft ??= this.#newDraft();
    this.draft.markEdited();
    this.draft.dirty = true;
    this.#stroke = new Stroke(this.draft.mask, erase ? 0 : 1);
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
    const { had, flags, moment } = this.#strokeFrom;
    const back = () => {
      if (flags) Object.assign(draft, flags);
      this.draft = had;
      this.#moment = moment;
      if (!had) draft.shelve();
      this.touch("draft", "selection");
      if (!had) this.touch("mask");
    };
    if (patch.isEmpty) return back();
    draft.bounds = null;
    this.#moment = null;
    const after = { edited: draft.edited, modelCounts: draft.modelCounts, dirty: draft.dirty };
    this.#record({
      label: stroke.value ? "Brush" : "Erase",
      bytes: patch.bytes,
      undo: () => {
        this.touchMask(patch.undo(draft.mask));
        draft.bounds = null;
        back();
      },
      redo: () => {
        this.draft = draft;
        Object.assign(draft, after);
        this.touchMask(patch.redo(draft.mask));
        draft.bounds = null;
        this.#moment = null;
        this.touch("draft", "selection");
      },
    });
    this.touch("draft");
  }

  // ---- objects ----------------------------------------------------------------------------------------------------

  /** The draft becomes an object (or its change becomes the object's new revision) and the tool stays. */
  async accept() {
    await this.#answer;
    const draft = this.draft;
    if (!draft || !this.image || this.#stroke) return;
    if (draft.isBlank) {
      this.#notify(
        "info",
        draft.base ? "This object is empty now. Press Delete to remove it." : "Nothing to save yet.",
      );
      return;
    }
    const { base } = draft;
    if (base && !draft.dirty && !base.isProposal) return this.#close();
    const before = this.#now();
    const body = this.#bodyOf(draft);
    const previous = base?.body ?? null;
    const object = base ?? new SavedObject(draft.id, body);
    const put = (revive = true) => {
      object.body = body;
      this.#put(object, revive && !previous);
      this.#shelve(draft);
    };
    put(false);
    this.#record({
      label: base ? "Change object" : "Accept",
      bytes: 2 * body.segmentation.counts.length,
      undo: () => {
        if (previous) {
          object.body = previous;
          this.#put(object);
        } else {
          this.#drop(object);
          draft.id = newId(); // the old one now belongs to a deleted object
        }
        this.#apply(before);
      },
      redo: () => put(),
    });
    this.#clock.ms = 0;
  }

  /** Give the draft up; what is saved stays as it was. */
  cancel() {
    const draft = this.draft;
    if (!draft || this.#stroke) return;
    if (!draft.dirty) return this.#close();
    const before = this.#now();
    const redo = () => this.#shelve(draft);
    redo();
    this.#record({ label: "Cancel", undo: () => this.#apply(before), redo });
  }

  /** Open a saved object for clicks and strokes. A draft with unsaved changes is accepted first. */
  async select(/** @type {string | null} */ id) {
    await this.#answer;
    if (this.draft?.base && this.draft.base.id === id) return;
    if (this.draft?.dirty && !this.draft.isBlank) await this.accept();
    else this.cancel();
    const object = id === null ? undefined : this.objects.get(id);
    if (!object || !this.image) return;
    this.draft = new Draft(this.image.width, this.image.height, object.body.category_id, object);
    this.#moment = null;
    this.touch("selection", "draft", "mask");
  }

  get selectedId() {
    return this.draft?.base?.id ?? null;
  }

  /** Delete the selected object; a draft that was never saved is given up. */
  deleteSelected() {
    const object = this.draft?.base;
    if (object) this.deleteObject(object.id);
    else this.cancel();
  }

  deleteObject(/** @type {string} */ id) {
    const object = this.objects.get(id);
    if (!object || this.#stroke) return;
    const open = this.draft?.base === object;
    const before = open ? this.#now() : null;
    const redo = () => {
      if (open) this.#shelve(/** @type {Draft} */ (before?.draft));
      this.#drop(object);
    };
    redo();
    this.#record({
      label: "Delete",
      undo: () => {
        this.#put(object, true);
        if (before) this.#apply(before);
      },
      redo,
    });
  }

  /**
   * The category of the draft, of the selected object (saved at once), and of what comes next.
   *
   * @param {number | null} id
   */
  setCategory(id) {
    const draft = this.draft;
    const previousId = this.categoryId;
    this.categoryId = id;
    this.touch("categories");
    if (!draft || draft.categoryId === id) return;
    const from = draft.categoryId;
    const object = draft.base && !draft.dirty ? draft.base : null;
    const assign = (/** @type {number | null} */ to, /** @type {number | null} */ next) => {
      draft.categoryId = to;
      this.categoryId = next;
      if (object) {
        object.body = { ...object.body, category_id: to };
        this.#put(object);
      }
      this.touch("categories", "draft");
    };
    assign(id, id);
    this.#record({ label: "Label", undo: () => assign(from, previousId), redo: () => assign(id, id) });
  }

  /** Whether an object is drawn: a matter of this view, not saved. */
  setHidden(/** @type {string} */ id, /** @type {boolean} */ hidden) {
    const object = this.objects.get(id);
    if (object) object.hidden = hidden;
    this.touch("objects");
  }

  setHideOthers(/** @type {boolean} */ hide) {
    this.hideOthers = hide;
    this.touch("objects");
  }

  // ---- history ----------------------------------------------------------------------------------------------------

  get canUndo() {
    return this.#history.canUndo;
  }

  get canRedo() {
    return this.#history.canRedo;
  }

  get undoLabel() {
    return this.#history.undoLabel;
  }

  get redoLabel() {
    return this.#history.redoLabel;
  }

  undo() {
    if (this.#stroke) return;
    this.clearPreview();
    this.#history.undo();
    this.#afterTravel();
  }

  redo() {
    if (this.#stroke) return;
    this.clearPreview();
    this.#history.redo();
    this.#afterTravel();
  }

  #afterTravel() {
    this.touch("history");
    this.#saveDraftSoon();
  }

  // ---- what the server says ---------------------------------------------------------------------------------------

  /**
   * The server has stored an object. Its revision counts only when it is of what is shown here: another window may have
   * saved something else.
   *
   * @param {Annotation} annotation
   */
  acknowledge(annotation) {
    const object = this.objects.get(annotation.id);
    if (!object) return;
    const same =
      object.body.segmentation.counts === annotation.segmentation.counts &&
      object.body.category_id === annotation.category_id &&
      object.body.state === annotation.state;
    if (same) object.revision = annotation.revision;
  }

  /** Take over the server's state of an object: someone else's change was preferred. @param {Annotation} annotation */
  takeTheirs(annotation) {
    if (annotation.image_id !== this.image?.id) return;
    if (this.draft?.base?.id === annotation.id) this.#close();
    this.objects.set(annotation.id, new SavedObject(annotation.id, bodyOf(annotation), annotation.revision));
    this.#history.clear(); // its steps speak of a state that is gone
    this.touch("objects", "history");
  }

  /** An object that was deleted elsewhere. */
  forget(/** @type {string} */ id) {
    if (this.draft?.base?.id === id) this.#close();
    this.objects.delete(id);
    this.#history.clear();
    this.touch("objects", "history");
  }

  // ---- what is shown ----------------------------------------------------------------------------------------------

  /** Saved objects to paint, bottom first; the one being changed is painted as the draft. */
  visibleObjects() {
    if (this.hideOthers) return [];
    const base = this.draft?.base;
    return this.#ordered().filter((object) => object !== base && !object.hidden);
  }

  /** Newest first, as lists show them. */
  listedObjects() {
    return this.#ordered().reverse();
  }

  #ordered() {
    return [...this.objects.values()].sort((a, b) => a.body.z - b.body.z);
  }

  /** The topmost visible object at a pixel. @param {number} x image frame @param {number} y */
  objectAt(x, y) {
    const [column, row] = [Math.round(x), Math.round(y)];
    return this.visibleObjects().findLast((object) => runsContain(object.runs, column, row)) ?? null;
  }

  draftBitmap() {
    return this.#preview ?? (this.draft && !this.draft.isBlank ? this.draft.mask : null);
  }

  draftBounds() {
    if (this.#preview) return boundingRect(this.#preview);
    return this.draft?.bounds ?? EMPTY_RECT;
  }

  /** The selected object keeps its own colour until it is changed; null = the preview colour. */
  draftColor() {
    const draft = this.draft;
    return draft?.base && !draft.dirty && !this.#preview ? this.objectColor(draft.base) : null;
  }

  /** @returns {[number, number, number]} RGB, 0 … 255 */
  objectColor(/** @type {SavedObject} */ object) {
    return objectColor(object, this.categories);
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

  // ---- work time and drafts ---------------------------------------------------------------------------------------

  /** The person did something; gaps longer than ten seconds are not work. */
  activity(now = performance.now()) {
    this.#clock.tick(now);
  }

  /** Write the draft to the journal now. */
  flushDraft() {
    if (!this.#draftTimer) return;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = 0;
    if (this.image)
      this.#store.draft(this.image.id, this.draft?.dirty ? this.draft.stored(this.#clock.ms) : null);
  }

  /** Resolves when no answer of the model is awaited. */
  async idle() {
    await this.#answer;
  }

  #saveDraftSoon() {
    this.#draftTimer ||= Number(setTimeout(() => this.flushDraft(), DRAFT_SAVE_MS));
  }

  #restoreStored(/** @type {StoredDraft} */ stored, /** @type {Image} */ image) {
    const base = stored.base_id === null ? null : this.objects.get(stored.base_id);
    if (base === undefined) return null;
    // The page went away between saving the object and clearing the journal: there is nothing left to do.
    const accepted = base ? base.body.segmentation.counts === stored.counts : this.objects.has(stored.id);
    if (accepted) return null;
    const draft = new Draft(image.width, image.height, stored.category_id, base);
    try {
      draft.resume(stored);
    } catch {
      return null; // written for another version of this image: better no draft than a wrong one
    }
    this.#clock.ms = stored.active_ms;
    return draft;
  }

  // ---- inside -----------------------------------------------------------------------------------------------------

  #newDraft() {
    const { width, height } = /** @type {Image} */ (this.image);
    return new Draft(width, height, this.categoryId);
  }

  /** @returns {AnnotationBody} */
  #bodyOf(/** @type {Draft} */ draft) {
    const top = Math.max(0, ...[...this.objects.values()].map((object) => object.body.z));
    return composeBody(draft, {
      imageId: /** @type {Image} */ (this.image).id,
      activeMs: this.#clock.ms,
      z: top + 1,
    });
  }

  /** @returns {Moment} */
  #now() {
    this.#moment ??= { draft: this.draft, snapshot: this.draft?.snapshot() ?? null };
    if (this.#moment.draft !== this.draft)
      this.#moment = { draft: this.draft, snapshot: this.draft?.snapshot() ?? null };
    return this.#moment;
  }

  /** Write down a step of the draft whose changes are already made. */
  #settle(/** @type {string} */ label, /** @type {Moment} */ before) {
    this.#moment = null;
    this.#recordMoments(label, before, this.#now());
  }

  #recordMoments(/** @type {string} */ label, /** @type {Moment} */ before, /** @type {Moment} */ after) {
    const logits =
      after.snapshot?.decoded?.candidates.reduce((sum, c) => sum + c.logits.byteLength, 0) ?? 262_144;
    this.#record({
      label,
      bytes: logits + 2 * (after.snapshot?.counts?.length ?? 0),
      undo: () => this.#apply(before),
      redo: () => this.#apply(after),
    });
  }

  #record(/** @type {import("./core/history.js").Command} */ command) {
    this.#history.push(command);
    this.touch("history");
    this.#saveDraftSoon();
  }

  /** Bring the draft to an earlier or later moment. */
  #apply(/** @type {Moment} */ moment) {
    this.#token++;
    this.decoding = false;
    if (this.draft && this.draft !== moment.draft) this.draft.shelve();
    this.draft = moment.draft;
    this.#moment = moment;
    if (moment.draft && moment.snapshot) moment.draft.restore(moment.snapshot);
    this.touch("selection", "draft", "mask", "decoder");
    if (moment.snapshot?.waiting) this.#answer = this.#decode(moment, performance.now());
  }

  /** The draft leaves the screen, its history keeps it. */
  #shelve(/** @type {Draft} */ draft) {
    this.#token++;
    this.decoding = false;
    draft.shelve();
    this.#close();
  }

  #close() {
    this.draft = null;
    this.#moment = null;
    this.clearPreview();
    this.touch("selection", "draft", "mask", "decoder");
  }

  #put(/** @type {SavedObject} */ object, revive = false) {
    this.objects.set(object.id, object);
    this.#store.put(object.id, object.body, object.revision, revive);
    this.touch("objects");
  }

  #drop(/** @type {SavedObject} */ object) {
    this.objects.delete(object.id);
    this.#store.remove(object.id, object.body.image_id, object.revision);
    this.touch("objects");
  }

  #notify(/** @type {"info" | "danger"} */ kind, /** @type {string} */ message) {
    this.dispatchEvent(new CustomEvent("notice", { detail: { kind, message } }));
  }
}

function messageOf(/** @type {unknown} */ error) {
  return error instanceof Error ? error.message : String(error);
}

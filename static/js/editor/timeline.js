/** The draft's moments, and the one undo history over everything. */

import { say } from "../core/translate.js";
import { Draft, newId } from "./draft.js";
import { Journal } from "./journal.js";
import { SavedObject } from "./objects.js";
import { unpackHistory } from "./steps.js";

/** @typedef {import("./journal.js").Moment} Moment */
/** @typedef {import("./journal.js").Recorded} Recorded */
/** @typedef {import("../core/translate.js").Phrase} Phrase */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./steps.js").Step} Step */
/** @typedef {import("./steps.js").StoredHistory} StoredHistory */
/** @typedef {import("../types.js").Image} Image */

/**
 * Something that has happened. The objects that changed are found by themselves.
 * @typedef {object} Happened
 * @property {Phrase} label what it did, for the person
 * @property {number} [bytes] memory that it holds
 * @property {Step["moments"]} [moments] the draft before and after, as a whole
 * @property {Step["stroke"]} [stroke] pixels of the draft
 * @property {Step["labels"]} [labels]
 */

/** Guess for logits that have not arrived when a step is written down. */
const LOGITS_BYTES = 262_144;

export class Timeline extends Journal {
  /** The objects as the last step left them. @type {Map<string, AnnotationBody>} */
  #bodies = new Map();
  /** Objects that steps can bring back. @type {Map<string, SavedObject>} */
  #gone = new Map();
  /** It left the screen last and keeps its bitmap, for who undoes that at once. @type {Draft | null} */
  #shelved = null;

  // ---- history ----------------------------------------------------------------------------------------------------

  get canUndo() {
    return this.history.canUndo;
  }

  get canRedo() {
    return this.history.canRedo;
  }

  get undoLabel() {
    return this.history.undoLabel;
  }

  get redoLabel() {
    return this.history.redoLabel;
  }

  /** What was done on this image, oldest first; from `position` on it is undone. @returns {readonly {label: string}[]} */
  get steps() {
    return this.history.steps;
  }

  /** How many of the steps are done. */
  get position() {
    return this.history.position;
  }

  undo() {
    this.goTo(this.position - 1);
  }

  redo() {
    this.goTo(this.position + 1);
  }

  /** Undo or redo until that many steps are done. @param {number} position */
  goTo(position) {
    if (this.isPainting) return;
    this.clearPreview();
    while (this.position > position && this.history.undo());
    while (this.position < position && this.history.redo());
    this.#afterTravel();
  }

  #afterTravel() {
    const objects = this.#changedObjects();
    this.touch("history");
    this.saveDraftSoon();
    if (objects.length) this.flushDraft();
  }

  // ---- for the classes built on this one ---------------------------------------------------------------------------

  /** An answer of the model that is still to come shall change nothing. @protected */
  dropAnswer() {}

  clearPreview() {}

  /** Ask for the model's answer that a moment waits for. @protected @param {Moment} _moment */
  ask(_moment) {}

  /** @protected */
  newDraft() {
    const { width, height } = /** @type {Image} */ (this.image);
    return new Draft(width, height, this.categoryId);
  }

  /** Write down a step of the draft whose changes are already made. @protected */
  settle(/** @type {Phrase} */ label, /** @type {Moment} */ before) {
    this.moment = null;
    this.recordMoments(label, before, this.now());
  }

  /** @protected */
  recordMoments(/** @type {Phrase} */ label, /** @type {Moment} */ before, /** @type {Moment} */ after) {
    const logits =
      after.snapshot?.decoded?.candidates.reduce((sum, c) => sum + c.logits.byteLength, 0) ?? LOGITS_BYTES;
    this.record({
      label,
      bytes: logits + 2 * (after.snapshot?.counts?.length ?? 0),
      moments: { before, after },
    });
  }

  /** Write down something that has happened. @protected */
  record(/** @type {Happened} */ { label, bytes = 0, moments = null, stroke = null, labels = null }) {
    const objects = this.#changedObjects();
    const masks = objects.reduce((sum, { after }) => sum + 2 * (after?.segmentation.counts.length ?? 0), 0);
    /** @type {Step} */
    const step = { label, bytes: bytes + masks, moments, stroke, labels, objects };
    this.history.push(this.#command(step));
    this.touch("history");
    this.saveDraftSoon();
    // What went to the server stays a step even when the page goes away right now.
    if (objects.length) this.flushDraft();
  }

  /** Objects that came by themselves are no step. @protected */
  adopt() {
    this.#changedObjects();
  }

  /** @returns {Recorded} */
  #command(/** @type {Step} */ step) {
    return {
      get label() {
        return say(step.label);
      },
      bytes: step.bytes,
      step,
      undo: () => this.#travel(step, "before"),
      redo: () => this.#travel(step, "after"),
    };
  }

  /** What of the objects is different since the last step. @returns {import("./steps.js").ObjectChange[]} */
  #changedObjects() {
    const before = this.#bodies;
    this.#bodies = new Map(Array.from(this.objects, ([id, { body }]) => [id, body]));
    const ids = new Set([...before.keys(), ...this.#bodies.keys()]);
    return [...ids]
      .filter((id) => before.get(id) !== this.#bodies.get(id))
      .map((id) => ({ id, before: before.get(id) ?? null, after: this.#bodies.get(id) ?? null }));
  }

  /** @param {Step} step @param {"before" | "after"} side */
  #travel({ objects, moments, stroke, labels }, side) {
    const opened = this.draft?.base;
    const reshaped = objects.some(({ id, before, after }) => {
      return id === opened?.id && before?.segmentation.counts !== after?.segmentation.counts;
    });
    // What is only open shows a mask that is no longer the object's.
    if (reshaped && !moments && !this.draft?.dirty) this.close();
    for (const change of objects) this.#place(change.id, change[side]);
    if (moments) this.apply(moments[side]);
    if (stroke) this.#restroke(stroke, side);
    if (labels) this.#relabel(labels[side]);
    const { draft } = this;
    if (draft?.base && (!this.objects.has(draft.base.id) || draft.base.isRejected)) this.shelve(draft);
    // The object that this draft became is deleted now: it becomes another one.
    else if (draft && !draft.base && this.#gone.has(draft.id)) draft.id = newId();
  }

  /** @param {string} id @param {AnnotationBody | null} body null: it is not there */
  #place(id, body) {
    const present = this.objects.get(id);
    if (!body) {
      if (present) this.drop(present);
      return;
    }
    const object = present ?? this.#gone.get(id) ?? new SavedObject(id, body);
    object.body = body;
    this.put(object);
  }

  /** @param {import("./steps.js").StrokeChange} stroke @param {"before" | "after"} side */
  #restroke({ draft, patch, before, after, moment }, side) {
    const began = side === "before" && !before;
    if (side === "after") this.hold(draft);
    const rect = side === "after" ? patch.redo(draft.mask) : patch.undo(draft.mask);
    draft.tighten(rect);
    this.touchMask(rect);
    Object.assign(draft, side === "after" ? after : before);
    this.moment = side === "after" ? null : moment;
    if (began) {
      draft.shelve();
      this.hold(null);
      this.touch("mask");
    }
    this.touch("draft");
  }

  #relabel(/** @type {import("./steps.js").Labels} */ { draft, next }) {
    if (this.draft) this.draft.categoryId = draft;
    this.useCategory(next);
    this.touch("draft");
  }

  /** The steps speak of a state that is gone: begin anew. @protected */
  forgetSteps() {
    this.history.clear();
    this.#gone.clear();
    this.#changedObjects();
    this.kept = 0;
    this.touch("history");
    this.saveDraftSoon();
  }

  /**
   * Continue the history that an earlier page wrote, if it still fits; otherwise there is none.
   *
   * @protected
   * @param {StoredHistory | null} stored
   * @param {Image} image
   * @param {Draft | null} draft the unsaved one that was found beside it
   * @returns {Draft | null} what is open
   */
  restoreSteps(stored, image, draft) {
    this.history.clear();
    this.#gone.clear();
    this.#letGo();
    this.#changedObjects();
    this.kept = 0;
    if (!stored) return draft;
    try {
      const { objects } = this;
      const found = unpackHistory(stored, { image, objects, gone: this.#gone, draft });
      if (!found) return draft;
      this.history.restore(
        found.steps.map((step) => this.#command(step)),
        stored.position,
      );
      this.kept = stored.position;
      return found.draft;
    } catch {
      return draft; // written by another version of this page: better no steps than wrong ones
    }
  }

  /** Bring the draft to an earlier or later moment. @protected */
  apply(/** @type {Moment} */ moment) {
    this.dropAnswer();
    if (this.draft && this.draft !== moment.draft) this.#shelve(this.draft);
    this.hold(moment.draft);
    this.moment = moment;
    if (moment.draft && moment.snapshot) moment.draft.restore(moment.snapshot);
    this.touch("draft", "mask", "decoder");
    if (moment.snapshot?.waiting) this.ask(moment);
  }

  /** The draft leaves the screen, its history keeps it. @protected */
  shelve(/** @type {Draft} */ draft) {
    this.dropAnswer();
    this.#shelve(draft);
    this.close();
  }

  #shelve(/** @type {Draft} */ draft) {
    this.#letGo();
    draft.shelve(this.moment?.draft === draft ? this.moment.snapshot : null);
    this.#shelved = draft;
  }

  /** One bitmap is kept beside the draft's at most, and none once the next object has begun. */
  #letGo() {
    this.#shelved?.shelve();
    this.#shelved = null;
  }

  /** @override @protected */
  hold(/** @type {Draft | null} */ draft) {
    if (draft === this.#shelved) this.#shelved = null;
    else if (draft) this.#letGo();
    super.hold(draft);
  }

  /** No draft any more. @protected */
  close() {
    this.hold(null);
    this.moment = null;
    this.clearPreview();
    this.touch("draft", "mask", "decoder");
  }

  /** @protected */
  drop(/** @type {SavedObject} */ object) {
    this.objects.delete(object.id);
    this.#gone.set(object.id, object);
    this.withdraw(object);
    this.touch("objects");
  }

  /** Tell the person something. */
  tell(/** @type {string} */ message) {
    this.notify("info", message);
  }

  /** @protected */
  notify(/** @type {"info" | "danger"} */ kind, /** @type {string} */ message) {
    this.dispatchEvent(new CustomEvent("notice", { detail: { kind, message } }));
  }
}

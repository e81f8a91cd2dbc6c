/**
 * The draft's moments, the one undo history over everything, and what of it reaches the outbox: objects at once, the draft
 * shortly after its last change.
 */

import { History } from "../core/history.js";
import { Board } from "./board.js";
import { WorkClock } from "./clock.js";
import { Draft } from "./draft.js";

/** @typedef {import("../core/history.js").Command} Command */
/** @typedef {import("./draft.js").Snapshot} Snapshot */
/** @typedef {import("./draft.js").StoredDraft} StoredDraft */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {import("../types.js").Image} Image */

/** @typedef {{draft: Draft | null, snapshot: Snapshot | null}} Moment a point in the draft's history */

/**
 * Where saves go: the outbox.
 * @typedef {object} Store
 * @property {(id: string, body: AnnotationBody, revision: number, revive: boolean) => void} put  revive: it was deleted
 *   and comes back
 * @property {(id: string, imageId: number, revision: number) => void} remove
 * @property {(imageId: number, draft: StoredDraft | null) => void} draft
 */

const DRAFT_SAVE_MS = 300;
/** Guess for logits that have not arrived when a step is written down. */
const LOGITS_BYTES = 262_144;

export class Timeline extends Board {
  /** @protected */
  store;
  /** @protected */
  history = new History();
  /** The draft as it is, when that is already written down. @protected @type {Moment | null} */
  moment = null;
  /** @protected */
  clock = new WorkClock();
  #draftTimer = 0;

  /** @param {Store} store */
  constructor(store) {
    super();
    this.store = store;
  }

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

  undo() {
    if (this.isPainting) return;
    this.clearPreview();
    this.history.undo();
    this.#afterTravel();
  }

  redo() {
    if (this.isPainting) return;
    this.clearPreview();
    this.history.redo();
    this.#afterTravel();
  }

  #afterTravel() {
    this.touch("history");
    this.saveDraftSoon();
  }

  // ---- journal -----------------------------------------------------------------------------------------------------

  /** The person did something; gaps longer than ten seconds are not work. */
  activity(now = performance.now()) {
    this.clock.tick(now);
  }

  /** Write the draft to the journal now. */
  flushDraft() {
    if (!this.#draftTimer) return;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = 0;
    const draft = this.draft?.dirty ? this.draft.stored(this.clock.ms) : null;
    if (this.image) this.store.draft(this.image.id, draft);
  }

  /** @protected */
  saveDraftSoon() {
    this.#draftTimer ||= Number(setTimeout(() => this.flushDraft(), DRAFT_SAVE_MS));
  }

  // ---- for the classes built on this one ---------------------------------------------------------------------------

  /** A stroke is running: everything else waits. @protected */
  get isPainting() {
    return false;
  }

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

  /** The draft as it is. @protected @returns {Moment} */
  now() {
    const { draft } = this;
    if (this.moment?.draft !== draft) this.moment = null;
    this.moment ??= { draft, snapshot: draft?.snapshot() ?? null };
    return this.moment;
  }

  /** Write down a step of the draft whose changes are already made. @protected */
  settle(/** @type {string} */ label, /** @type {Moment} */ before) {
    this.moment = null;
    this.recordMoments(label, before, this.now());
  }

  /** @protected */
  recordMoments(/** @type {string} */ label, /** @type {Moment} */ before, /** @type {Moment} */ after) {
    const logits =
      after.snapshot?.decoded?.candidates.reduce((sum, c) => sum + c.logits.byteLength, 0) ?? LOGITS_BYTES;
    this.record({
      label,
      bytes: logits + 2 * (after.snapshot?.counts?.length ?? 0),
      undo: () => this.apply(before),
      redo: () => this.apply(after),
    });
  }

  /** Write down something that has happened. @protected */
  record(/** @type {Command} */ command) {
    this.history.push(command);
    this.touch("history");
    this.saveDraftSoon();
  }

  /** Bring the draft to an earlier or later moment. @protected */
  apply(/** @type {Moment} */ moment) {
    this.dropAnswer();
    if (this.draft && this.draft !== moment.draft) this.draft.shelve();
    this.hold(moment.draft);
    this.moment = moment;
    if (moment.draft && moment.snapshot) moment.draft.restore(moment.snapshot);
    this.touch("draft", "mask", "decoder");
    if (moment.snapshot?.waiting) this.ask(moment);
  }

  /** The draft leaves the screen, its history keeps it. @protected */
  shelve(/** @type {Draft} */ draft) {
    this.dropAnswer();
    draft.shelve();
    this.close();
  }

  /** No draft any more. @protected */
  close() {
    this.hold(null);
    this.moment = null;
    this.clearPreview();
    this.touch("draft", "mask", "decoder");
  }

  /** @protected */
  put(/** @type {SavedObject} */ object, revive = false) {
    this.objects.set(object.id, object);
    this.store.put(object.id, object.body, object.revision, revive);
    this.touch("objects");
  }

  /** @protected */
  drop(/** @type {SavedObject} */ object) {
    this.objects.delete(object.id);
    this.store.remove(object.id, object.body.image_id, object.revision);
    this.touch("objects");
  }

  /** @protected */
  notify(/** @type {"info" | "danger"} */ kind, /** @type {string} */ message) {
    this.dispatchEvent(new CustomEvent("notice", { detail: { kind, message } }));
  }
}

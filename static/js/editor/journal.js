/**
 * What of the image's state reaches the outbox: objects at once, the draft and the steps shortly after their last change.
 */

import { History } from "../core/history.js";
import { Board } from "./board.js";
import { WorkClock } from "./clock.js";
import { knownCounts, packHistory, rememberCounts } from "./steps.js";

/** @typedef {import("../core/history.js").Command & {step: import("./steps.js").Step}} Recorded */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {Required<import("../types.js").AnnotationBody>} StoredBody */

/** @typedef {{draft: Draft | null, snapshot: import("./draft.js").Snapshot | null}} Moment a point in the draft's history */

/**
 * Where saves go: the outbox.
 * @typedef {object} Store
 * @property {(id: string, body: StoredBody, revision: number, how: {revive: boolean, seen: StoredBody | null}) => void} put
 *   revive: it was deleted and comes back; seen: what was saved when the change was made, null: nothing
 * @property {(id: string, imageId: number, revision: number, seen: StoredBody | null) => void} remove
 * @property {(imageId: number, work: import("./steps.js").Work | null) => Promise<void> | void} draft  settles when it is
 *   on disk
 */

const DRAFT_SAVE_MS = 300;
/** An answer of the model that is awaited goes first, but not for longer. */
const ANSWER_MS = 2000;

export class Journal extends Board {
  /** @protected */
  store;
  /** @protected */
  history = /** @type {History<Recorded>} */ (new History());
  /** The draft as it is, when that is already written down. @protected @type {Moment | null} */
  moment = null;
  /** @protected */
  clock = new WorkClock();
  #draftTimer = 0;
  /** performance.now() when there was something to write down. */
  #unwrittenSince = 0;
  /** How many steps were done when the journal was last on disk. */
  kept = 0;

  /** @param {Store} store */
  constructor(store) {
    super();
    this.store = store;
  }

  /** A stroke is running: everything else waits. @protected */
  get isPainting() {
    return false;
  }

  /** The model is to answer a click. */
  decoding = false;

  /** The draft as it is. @protected @returns {Moment} */
  now() {
    const { draft } = this;
    if (this.moment?.draft !== draft) this.moment = null;
    this.moment ??= { draft, snapshot: draft?.snapshot() ?? null };
    return this.moment;
  }

  /** The person did something; gaps longer than ten seconds are not work. */
  activity(now = performance.now()) {
    this.clock.tick(now);
  }

  /** Milliseconds of work since the last object was finished, without the breaks. */
  get activeMs() {
    return this.clock.ms;
  }

  /** Write the draft and the steps to the journal now; what is still being painted waits for its end. */
  flushDraft() {
    if (!this.#draftTimer || this.isPainting) return;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = 0;
    const { image } = this;
    const { position } = this.history;
    if (!image) return;
    const draft = this.draft?.dirty ? this.draft.stored(this.clock.ms, this.countsOf(this.draft)) : null;
    const history = packHistory(
      this.history.steps.map(({ step }) => step),
      position,
      this.draft,
    );
    const written = () => {
      if (this.image?.id !== image.id) return;
      this.kept = position;
      this.touch("history");
    };
    const pending = this.pendingObjects().map(({ id, body }) => ({ id, body }));
    const work = { draft, history, ...(pending.length ? { pending } : null) };
    const done = this.store.draft(image.id, draft || history || pending.length ? work : null);
    Promise.resolve(done).then(written, () => {}); // the store has told what went wrong
  }

  /** @protected */
  saveDraftSoon() {
    if (this.#draftTimer) return;
    this.#unwrittenSince = performance.now();
    this.#flushLater();
  }

  #flushLater() {
    this.#draftTimer = Number(setTimeout(() => this.#flushWhenIdle(), DRAFT_SAVE_MS));
  }

  #flushWhenIdle() {
    const answerFirst = this.decoding && performance.now() - this.#unwrittenSince < ANSWER_MS;
    if (this.isPainting || answerFirst) this.#flushLater();
    else this.flushDraft();
  }

  /** The draft's mask as RLE, encoded only where no moment knows it; null = blank. @protected */
  countsOf(/** @type {Draft} */ draft) {
    const snapshot = this.moment?.draft === draft ? this.moment.snapshot : null;
    const known = snapshot ? knownCounts(snapshot) : undefined;
    if (known !== undefined) return known;
    const counts = draft.isBlank ? null : draft.counts;
    if (snapshot && counts !== null) rememberCounts(snapshot, counts);
    return counts;
  }

  /** @protected */
  put(/** @type {SavedObject} */ object) {
    this.objects.set(object.id, object);
    if (object.isPending) this.withdraw(object);
    else {
      const body = /** @type {StoredBody} */ (object.body);
      const [revive, seen] = [object.place === "removed", stored(object.known)];
      this.store.put(object.id, body, object.revision, { revive, seen });
      Object.assign(object, { place: "stored", known: body });
    }
    this.touch("objects");
  }

  /** The store shall not have it any more. @protected */
  withdraw(/** @type {SavedObject} */ object) {
    if (object.place !== "stored") return;
    this.store.remove(object.id, object.body.image_id, object.revision, stored(object.known));
    Object.assign(object, { place: "removed", known: null });
  }
}

/** What is stored is never pending. @param {import("./objects.js").AnnotationBody | null} body */
function stored(body) {
  return /** @type {StoredBody | null} */ (body);
}

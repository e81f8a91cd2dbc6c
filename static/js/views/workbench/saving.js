/** Between the editor and the outbox: sends what the editor saves, keeps its drafts, lays unsaved changes over the server's. */

import * as api from "../../api.js";
import { Outbox } from "../../outbox.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../editor/steps.js").Work} Work */
/** @typedef {import("../../outbox.js").Entry} Entry */
/** @typedef {import("../../types.js").Annotation} Annotation */
/** @typedef {import("../../types.js").AnnotationBody} AnnotationBody */

/** Events: "state", and the outbox's "saved", "conflict" and "refused". */
export class Saving extends EventTarget {
  #outbox;
  /** Changes on their way into the journal. */
  #writing = 0;
  // A page that dies between two writes must not lose what moves from one to the other: what appears is written before what
  // vanishes. So drafts wait for saved objects, and removals wait for the draft that the object becomes again.
  #puts = Promise.resolve();
  #drafts = Promise.resolve();
  #removals = Promise.resolve();

  /** Use `start`. @param {Outbox} outbox */
  constructor(outbox) {
    super();
    this.#outbox = outbox;
    for (const type of ["state", "saved", "conflict", "refused"]) {
      outbox.addEventListener(type, (event) => {
        this.dispatchEvent(new CustomEvent(type, { detail: /** @type {CustomEvent} */ (event).detail }));
      });
    }
  }

  /** @param {number} userId */
  static async start(userId) {
    return new Saving(await Outbox.open({ api, userId }));
  }

  /** @returns {import("../../outbox.js").Status} "saved" only when nothing at all is left to do */
  get state() {
    const status = this.#outbox.status;
    const pending = Math.max(status.pending, this.#writing);
    return status.state === "saved" && pending ? { ...status, state: "saving", pending } : status;
  }

  put(
    /** @type {string} */ id,
    /** @type {AnnotationBody} */ body,
    /** @type {number} */ revision,
    /** @type {boolean} */ revive,
  ) {
    const done = this.#removals.then(() => this.#outbox.put(id, body, revision || null, { revive }));
    this.#puts = settled(this.#puts, done);
    this.#write(done);
  }

  remove(/** @type {string} */ id, /** @type {number} */ imageId, /** @type {number} */ revision) {
    const done = Promise.resolve() // the draft that takes the object's place is told next
      .then(() => this.#drafts)
      .then(() => this.#outbox.remove(id, imageId, revision || null));
    this.#removals = settled(this.#removals, done);
    this.#write(done);
  }

  async #write(/** @type {Promise<void>} */ done) {
    this.#writing++;
    this.dispatchEvent(new Event("state"));
    await done.catch(unsafe);
    this.#writing--;
    this.dispatchEvent(new Event("state"));
  }

  /** Keep the draft and the steps of an image. Resolves when they are on disk. */
  async draft(/** @type {number} */ imageId, /** @type {Work | null} */ work) {
    const done = this.#puts.then(() =>
      work ? this.#outbox.saveDraft(imageId, work) : this.#outbox.clearDraft(imageId),
    );
    this.#drafts = settled(done);
    done.catch(unsafe);
    await done;
  }

  /** @param {number} imageId @returns {Promise<Work | null>} */
  loadDraft(imageId) {
    return this.#outbox.loadDraft(imageId);
  }

  /**
   * The image's annotations as this browser left them: the server's, with changes that it does not have yet.
   *
   * @param {number} imageId
   * @param {Annotation[]} annotations
   */
  async withPending(imageId, annotations) {
    const all = new Map(annotations.map((annotation) => [annotation.id, annotation]));
    for (const { id, kind, body, base } of await this.#outbox.pendingFor(imageId)) {
      if (kind === "delete" || !body) all.delete(id);
      else all.set(id, /** @type {Annotation} */ ({ ...all.get(id), ...body, id, revision: base ?? 0 }));
    }
    return [...all.values()];
  }

  /** Changes that wait for the person's decision. */
  aside() {
    return this.#outbox.aside();
  }

  /** @param {string} id @param {"mine" | "theirs"} choice @returns {Promise<Annotation | null>} with "theirs", theirs */
  resolve(id, choice) {
    return this.#outbox.resolve(id, choice);
  }

  /** Try to send now. */
  flush() {
    return this.#outbox.flush();
  }
}

/** When all of them are over, well or not. @param {...Promise<unknown>} writes */
async function settled(...writes) {
  await Promise.allSettled(writes);
}

/** The browser's own storage failed: the one thing that must not go unseen. */
function unsafe(/** @type {unknown} */ error) {
  toastError(error, "This browser could not keep your change. Do not close the page");
}

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
    this.#write(this.#outbox.put(id, body, revision || null, { revive }));
  }

  remove(/** @type {string} */ id, /** @type {number} */ imageId, /** @type {number} */ revision) {
    this.#write(this.#outbox.remove(id, imageId, revision || null));
  }

  async #write(/** @type {Promise<void>} */ done) {
    this.#writing++;
    this.dispatchEvent(new Event("state"));
    await done.catch(unsafe);
    this.#writing--;
    this.dispatchEvent(new Event("state"));
  }

  /** Keep the draft and the steps of an image. Resolves when they are on disk; never when that failed. */
  async draft(/** @type {number} */ imageId, /** @type {Work | null} */ work) {
    try {
      await (work ? this.#outbox.saveDraft(imageId, work) : this.#outbox.clearDraft(imageId));
    } catch (error) {
      unsafe(error);
      await new Promise(() => {});
    }
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

/** The browser's own storage failed: the one thing that must not go unseen. */
function unsafe(/** @type {unknown} */ error) {
  toastError(error, "This browser could not keep your change. Do not close the page");
}

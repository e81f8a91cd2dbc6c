/** Between the editor and the outbox: sends what the editor saves, keeps its drafts, lays unsaved changes over the server's. */

import * as api from "../../api.js";
import { t } from "../../core/translate.js";
import { Outbox } from "../../outbox.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../editor/steps.js").Work} Work */
/** @typedef {import("../../outbox.js").Entry} Entry */
/** @typedef {import("../../types.js").Annotation} Annotation */
/** @typedef {import("../../types.js").AnnotationBody} AnnotationBody */
/** @typedef {{changes: import("../../outbox.js").Change[], drafts: Map<number, Work | null>, done: Promise<void>}} Step */

/** Events: "state", and the outbox's "saved", "conflict", "refused" and "elsewhere". */
export class Saving extends EventTarget {
  #outbox;
  /** Changes on their way into the journal. */
  #writing = 0;
  /** What one step does is written down in one go: a page that dies keeps all of it or nothing. @type {Step | null} */
  #step = null;

  /** Use `start`. @param {Outbox} outbox */
  constructor(outbox) {
    super();
    this.#outbox = outbox;
    for (const type of ["state", "saved", "conflict", "refused", "elsewhere"]) {
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
    /** @type {{revive?: boolean, seen?: AnnotationBody | null}} */ { revive = false, seen } = {},
  ) {
    this.#change({ id, imageId: body.image_id, kind: "put", body, revision, revive, seen });
  }

  remove(
    /** @type {string} */ id,
    /** @type {number} */ imageId,
    /** @type {number} */ revision,
    /** @type {AnnotationBody | null} */ seen,
  ) {
    this.#change({ id, imageId, kind: "delete", body: null, revision, revive: false, seen });
  }

  async #change(/** @type {import("../../outbox.js").Change} */ change) {
    const step = this.#gather();
    step.changes.push(change);
    this.#writing++;
    this.dispatchEvent(new Event("state"));
    await step.done.catch(() => {}); // told once for the whole step
    this.#writing--;
    this.dispatchEvent(new Event("state"));
  }

  /** Keep the draft and the steps of an image. Resolves when they are on disk. */
  async draft(/** @type {number} */ imageId, /** @type {Work | null} */ work) {
    const step = this.#gather();
    step.drafts.set(imageId, work);
    await step.done;
  }

  /** The step that is being made: what comes before the next microtask belongs to it. @returns {Step} */
  #gather() {
    if (this.#step) return this.#step;
    /** @type {Step} */
    const step = { changes: [], drafts: new Map(), done: Promise.resolve() };
    step.done = step.done.then(() => {
      this.#step = null;
      return this.#outbox.keep(step.changes, step.drafts);
    });
    step.done.catch(unsafe);
    this.#step = step;
    return step;
  }

  /** The image is opened here: draft and steps that were left. @param {number} imageId @returns {Promise<Work | null>} */
  openDraft(imageId) {
    return this.#outbox.openDraft(imageId);
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
  toastError(error, t("This browser could not keep your change. Do not close the page"));
}

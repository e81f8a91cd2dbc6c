/**
 * The state of one image being annotated: its objects, the draft, and one undo history over everything. No DOM here; the
 * decoder and the outbox are handed in. Whatever changes is announced once per microtask as a "change" event.
 *
 * Built in layers, one concept each: changes → board (what is there) → timeline (history, journal) → prompting (the model) →
 * painting (strokes) → this file (opening an image; accepting, selecting, labelling, deleting objects).
 */

import { Draft } from "./editor/draft.js";
import { bodyOf, composeBody, SavedObject } from "./editor/objects.js";
import { Painting } from "./editor/painting.js";

/** @typedef {import("./editor/changes.js").ChangeEvent} ChangeEvent */
/** @typedef {import("./editor/draft.js").StoredDraft} StoredDraft */
/** @typedef {import("./editor/steps.js").Work} Work */
/** @typedef {import("./editor/objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./editor/timeline.js").Moment} Moment */
/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").Image} Image */

export class Editor extends Painting {
  /**
   * Show another image. The draft of the one before is already in the store.
   *
   * @param {Image} image
   * @param {Annotation[]} annotations
   * @param {Work | null} [stored] draft and steps left on this image
   */
  open(image, annotations, stored = null) {
    this.endStroke();
    this.flushDraft();
    this.image = image;
    this.decoder = null;
    this.dropAnswer();
    this.hoverMask = null;
    this.moment = null;
    this.clock.ms = 0;
    this.lastTimings = null;
    this.objects = new Map();
    for (const annotation of [...annotations].sort((a, b) => a.z - b.z)) {
      if (annotation.state === "rejected") continue;
      this.objects.set(
        annotation.id,
        new SavedObject(annotation.id, bodyOf(annotation), annotation.revision),
      );
    }
    const draft = stored?.draft ? this.#restoreStored(stored.draft, image) : null;
    this.hold(this.restoreSteps(stored?.history ?? null, image, draft));
    this.touch("image", "objects", "selection", "draft", "mask", "history", "decoder");
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
    this.clock.ms = stored.active_ms;
    return draft;
  }

  /** The draft becomes an object (or its change becomes the object's new revision) and the tool stays. */
  async accept() {
    await this.answer;
    const draft = this.draft;
    if (!draft || !this.image || this.isPainting) return;
    if (draft.isBlank) {
      this.notify(
        "info",
        draft.base ? "This object is empty now. Press Delete to remove it." : "Nothing to save yet.",
      );
      return;
    }
    const { base } = draft;
    if (base && !draft.dirty && !base.isProposal) return this.close();
    const before = this.now();
    const body = this.#bodyOf(draft);
    const object = base ?? new SavedObject(draft.id, body);
    object.body = body;
    this.put(object);
    this.shelve(draft);
    this.#recordClosed(base ? "Change object" : "Accept", before);
    this.clock.ms = 0;
  }

  /** Give the draft up; what is saved stays as it was. */
  cancel() {
    const draft = this.draft;
    if (!draft || this.isPainting) return;
    if (!draft.dirty) return this.close();
    const before = this.now();
    this.shelve(draft);
    this.#recordClosed("Cancel", before);
  }

  /** A step after which there is no draft any more. */
  #recordClosed(/** @type {string} */ label, /** @type {Moment} */ before) {
    this.record({ label, moments: { before, after: { draft: null, snapshot: null } } });
  }

  /** Open a saved object for clicks and strokes. A draft with unsaved changes is accepted first. */
  async select(/** @type {string | null} */ id) {
    await this.answer;
    if (this.draft?.base && this.draft.base.id === id) return;
    if (this.draft?.dirty && !this.draft.isBlank) await this.accept();
    else this.cancel();
    const object = id === null ? undefined : this.objects.get(id);
    if (!object || !this.image) return;
    this.hold(new Draft(this.image.width, this.image.height, object.body.category_id, object));
    this.moment = null;
    this.touch("draft", "mask");
  }

  /** Delete the selected object; a draft that was never saved is given up. */
  deleteSelected() {
    const object = this.draft?.base;
    if (object) this.deleteObject(object.id);
    else this.cancel();
  }

  deleteObject(/** @type {string} */ id) {
    const object = this.objects.get(id);
    if (!object || this.isPainting) return;
    const draft = this.draft?.base === object ? this.draft : null;
    const before = draft ? this.now() : null;
    if (draft) this.shelve(draft);
    this.drop(object);
    if (before) this.#recordClosed("Delete", before);
    else this.record({ label: "Delete" });
  }

  /**
   * The category of the draft, of the selected object (saved at once), and of what comes next.
   *
   * @param {number | null} id
   */
  setCategory(id) {
    const draft = this.draft;
    const previousId = this.categoryId;
    this.useCategory(id);
    if (!draft || draft.categoryId === id) return;
    const before = { draft: draft.categoryId, next: previousId };
    draft.categoryId = id;
    const { base } = draft;
    if (base && !draft.dirty) {
      base.body = { ...base.body, category_id: id };
      this.put(base);
    }
    this.touch("draft");
    this.record({ label: "Label", labels: { before, after: { draft: id, next: id } } });
  }

  /**
   * Note and attributes of a saved object; saved at once.
   *
   * @param {string} id
   * @param {Pick<AnnotationBody, "note" | "attributes">} details
   */
  describe(id, { note, attributes }) {
    const object = this.objects.get(id);
    if (!object || this.isPainting) return;
    const { body } = object;
    if (body.note === note && JSON.stringify(body.attributes) === JSON.stringify(attributes)) return;
    object.body = { ...body, note, attributes };
    this.put(object);
    this.record({ label: "Details" });
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
    if (this.draft?.base?.id === annotation.id) this.close();
    this.objects.set(annotation.id, new SavedObject(annotation.id, bodyOf(annotation), annotation.revision));
    this.forgetSteps();
    this.touch("objects");
  }

  /** An object that was deleted elsewhere. */
  forget(/** @type {string} */ id) {
    if (this.draft?.base?.id === id) this.close();
    this.objects.delete(id);
    this.forgetSteps();
    this.touch("objects");
  }

  /** @returns {AnnotationBody} */
  #bodyOf(/** @type {Draft} */ draft) {
    const top = Math.max(0, ...[...this.objects.values()].map((object) => object.body.z));
    return composeBody(draft, {
      imageId: /** @type {Image} */ (this.image).id,
      activeMs: this.clock.ms,
      z: top + 1,
    });
  }
}

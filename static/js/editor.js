/**
 * The state of one image being annotated: its objects, the draft, and one undo history over everything. No DOM here; the
 * decoder and the outbox are handed in. Whatever changes is announced once per microtask as a "change" event.
 *
 * Built in layers, one concept each: changes → board (what is there) → journal (what is written down) → timeline (history) →
 * looking (at a part) → prompting (the model) → snapping (lines and strokes as prompts) → painting (strokes) → arranging
 * (selection; combining and copying; pending; similar) → proposals → news of the server → this file (opening an image;
 * accepting, selecting, labelling, deleting objects).
 */

import { phrase, t } from "./core/translate.js";
import { Draft } from "./editor/draft.js";
import { composeBody, SavedObject } from "./editor/objects.js";
import { ServerNews } from "./editor/server_news.js";

/** @typedef {import("./core/translate.js").Phrase} Phrase */
/** @typedef {import("./editor/changes.js").ChangeEvent} ChangeEvent */
/** @typedef {import("./editor/draft.js").StoredDraft} StoredDraft */
/** @typedef {import("./editor/steps.js").Work} Work */
/** @typedef {import("./editor/objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./editor/journal.js").Moment} Moment */
/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").Image} Image */

export class Editor extends ServerNews {
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
    this.forgetLook();
    this.hover = null;
    this.moment = null;
    this.clock.ms = 0;
    this.lastTimings = null;
    this.dropCombination();
    this.setChosen([]);
    this.setSoloed([]);
    this.showsMissed = false;
    this.setThreshold(null);
    this.objects = new Map();
    for (const annotation of [...annotations].sort((a, b) => a.z - b.z)) {
      this.objects.set(annotation.id, SavedObject.of(annotation));
    }
    this.#restorePending(stored?.pending ?? [], image);
    const draft = stored?.draft ? this.#restoreStored(stored.draft, image) : null;
    this.hold(this.restoreSteps(stored?.history ?? null, image, draft));
    this.touch("image", "objects", "selection", "draft", "mask", "history", "decoder");
  }

  #restorePending(
    /** @type {readonly import("./editor/steps.js").PendingRow[]} */ rows,
    /** @type {Image} */ { width, height },
  ) {
    for (const { id, body } of rows) {
      const fits = body.segmentation.size.join() === `${height},${width}`;
      // Accepted just before the page went away: the server, or the outbox, has it.
      if (!fits || this.objects.has(id)) continue;
      this.objects.set(id, Object.assign(new SavedObject(id, body), { place: "removed" }));
    }
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

  /** The draft becomes an object (or its change becomes the object's new revision) and the tool stays. @override */
  async accept() {
    await this.answer;
    const draft = this.draft;
    if (!draft && !this.isPainting) return this.acceptChosen();
    if (!draft || !this.image || this.isPainting) return;
    if (draft.isBlank) {
      this.notify(
        "info",
        draft.base ? t("This object is empty now. Press Delete to remove it.") : t("Nothing to save yet."),
      );
      return;
    }
    const { base } = draft;
    if (base && !draft.dirty && !base.isUndecided) return this.close();
    const before = this.now();
    const body = this.#bodyOf(draft);
    const object = base ?? new SavedObject(draft.id, body);
    object.body = body;
    this.put(object);
    this.cutUnder(object);
    this.shelve(draft);
    this.#recordClosed(base ? phrase("Change object") : phrase("Accept"), before);
    this.clock.ms = 0;
  }

  /** Give up what is nearest: a score that is tried out, the draft (what is saved stays), the selection, or what is pending. */
  cancel() {
    const draft = this.draft;
    if (this.isPainting) return;
    if (this.threshold !== null) return this.setThreshold(null);
    if (!draft) {
      if (this.chosen.size) this.setChosen([]);
      else this.discardPending();
      return;
    }
    if (!draft.dirty) return this.close();
    const before = this.now();
    this.shelve(draft);
    this.#recordClosed(phrase("Cancel"), before);
  }

  /** A step after which there is no draft any more. */
  #recordClosed(/** @type {Phrase} */ label, /** @type {Moment} */ before) {
    this.record({ label, moments: { before, after: { draft: null, snapshot: null } } });
  }

  /**
   * Open a saved object for clicks and strokes. A draft with unsaved changes is accepted first.
   *
   * @override @param {string | null} id
   */
  async select(id) {
    await this.answer;
    if (this.draft?.base && this.draft.base.id === id) return;
    if (this.draft?.dirty && !this.draft.isBlank) await this.accept();
    else if (this.draft) this.cancel();
    this.setChosen([]);
    const object = id === null ? undefined : this.objects.get(id);
    if (!object || !this.image || object.isPending || object.isRejected || this.locked.has(object.id)) return;
    const label = object.body.category_id ?? this.#labelFor(object);
    this.hold(new Draft(this.image.width, this.image.height, label, object));
    this.moment = null;
    this.touch("draft", "mask");
  }

  /** Delete the selected objects; a draft that was never saved is given up. */
  deleteSelected() {
    const object = this.draft?.base;
    if (this.chosen.size) this.deleteChosen();
    else if (object) this.deleteObject(object.id);
    else this.cancel();
  }

  deleteObject(/** @type {string} */ id) {
    const object = this.objects.get(id);
    if (!object || this.isPainting || !this.mayChange(id)) return;
    if (object.isUndecided) return this.reject([id]);
    const draft = this.draft?.base === object ? this.draft : null;
    const before = draft ? this.now() : null;
    if (draft) this.shelve(draft);
    this.drop(object);
    if (before) this.#recordClosed(phrase("Delete"), before);
    else this.record({ label: phrase("Delete") });
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
    if (this.chosen.size) return this.#labelChosen(id, previousId);
    if (!draft || draft.categoryId === id) return;
    const before = { draft: draft.categoryId, next: previousId };
    draft.categoryId = id;
    const { base } = draft;
    if (base && !draft.dirty) {
      base.body = { ...base.body, category_id: id };
      this.put(base);
    }
    this.touch("draft");
    this.record({ label: phrase("Label"), labels: { before, after: { draft: id, next: id } } });
  }

  #labelChosen(/** @type {number | null} */ id, /** @type {number | null} */ previousId) {
    const objects = this.changeable.filter(({ body }) => body.category_id !== id);
    for (const object of objects) {
      object.body = { ...object.body, category_id: id };
      this.put(object);
    }
    const labels = { before: { draft: null, next: previousId }, after: { draft: null, next: id } };
    if (objects.length) this.record({ label: phrase("Label"), labels });
  }

  /**
   * Note and attributes of a saved object; saved at once.
   *
   * @param {string} id
   * @param {Pick<AnnotationBody, "note" | "attributes">} details
   */
  describe(id, { note, attributes }) {
    const object = this.objects.get(id);
    if (!object || this.isPainting || !this.mayChange(id)) return;
    const { body } = object;
    if (body.note === note && JSON.stringify(body.attributes) === JSON.stringify(attributes)) return;
    object.body = { ...body, note, attributes };
    this.put(object);
    this.record({ label: phrase("Details") });
  }

  /** @returns {AnnotationBody} */
  #bodyOf(/** @type {Draft} */ draft) {
    const body = composeBody(draft, {
      imageId: /** @type {Image} */ (this.image).id,
      activeMs: this.clock.ms,
      z: this.top + 1,
      counts: this.countsOf(draft) ?? undefined,
    });
    return { ...body, category_id: body.category_id ?? this.#labelFor(draft.base) };
  }

  /** What an object without a label becomes when it is accepted: proposals get the current one. */
  #labelFor(/** @type {SavedObject | null} */ object) {
    return object?.isUndecided ? this.categoryId : null;
  }
}

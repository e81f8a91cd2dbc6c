/** What the server says while one works: saves that arrived, changes of colleagues, and conflicts that a person has decided. */

import { phrase } from "../core/translate.js";
import { newId } from "./draft.js";
import { bodyOf, SavedObject } from "./objects.js";
import { Proposing } from "./proposals.js";

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {import("../types.js").AnnotationBody} StoredBody */
/** @typedef {"mine" | "theirs" | "both"} Decision */

export class ServerNews extends Proposing {
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
    if (!same) return;
    object.revision = annotation.revision;
    object.hear(annotation);
    this.touch("objects");
  }

  /** Take over the server's state of an object: someone else has changed it. @param {Annotation} annotation */
  takeTheirs(annotation) {
    if (annotation.image_id !== this.image?.id) return;
    if (this.draft?.base?.id === annotation.id) this.close();
    this.objects.set(annotation.id, SavedObject.of(annotation));
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

  /**
   * A conflict was decided. Both versions are steps of the history: undo brings back what was not chosen. The outbox settles
   * the change that waited; only the copy that "both" makes is put into it here.
   *
   * @param {string} id
   * @param {{mine: StoredBody | null, theirs: Annotation | null}} versions  mine: what was to be saved; theirs: what the
   *   server has; null: deleted
   * @param {Decision} decision
   */
  settleConflict(id, { mine: saved, theirs }, decision) {
    const mine = /** @type {import("./objects.js").AnnotationBody | null} */ (saved);
    const before = decision !== "mine" && this.draft?.base?.id === id ? this.now() : null;
    if (before?.draft) this.shelve(before.draft);
    this.#show(id, theirs);
    if (decision === "both" && mine) {
      this.put(new SavedObject(newId(), { ...mine, z: this.top + 1 }));
    }
    const moments = before && { before, after: { draft: null, snapshot: null } };
    this.record({ label: decision === "both" ? phrase("Keep both") : phrase("Colleague's change"), moments });
    if (decision !== "mine") return;
    if (mine) {
      const object = this.objects.get(id) ?? new SavedObject(id, mine);
      Object.assign(object, { body: mine, known: mine, place: "stored" });
      this.objects.set(id, object);
    } else this.objects.delete(id);
    this.record({ label: phrase("Keep mine") });
    this.touch("objects");
  }

  /**
   * The same person has changed an object in another tab: a step here, too, so that nothing goes back unseen.
   *
   * @param {import("../outbox.js").Change} change
   */
  hear({ id, imageId, body, revision }) {
    if (imageId !== this.image?.id || this.isPainting || (this.draft?.base?.id === id && this.draft.dirty))
      return;
    const before = this.draft?.base?.id === id ? this.now() : null;
    if (before?.draft) this.shelve(before.draft);
    const object = this.objects.get(id);
    if (!body && !object) return;
    const known = { id, revision: revision ?? object?.revision ?? 0 };
    this.#show(id, body && /** @type {Annotation} */ ({ ...body, ...known }));
    const moments = before && { before, after: { draft: null, snapshot: null } };
    this.record({ label: phrase("In another tab"), moments });
  }

  /** The server has it so, or is being told: nothing is to be sent. */
  #show(/** @type {string} */ id, /** @type {Annotation | null} */ theirs) {
    const object = this.objects.get(id);
    if (theirs && object) {
      object.body = bodyOf(theirs);
      Object.assign(object, { revision: theirs.revision, place: "stored", known: object.body });
      object.hear(theirs);
    } else if (theirs) this.objects.set(id, SavedObject.of(theirs));
    else if (object) {
      Object.assign(object, { place: "removed", known: null });
      this.drop(object);
    }
    this.touch("objects");
  }
}

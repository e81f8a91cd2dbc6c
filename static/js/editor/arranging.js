/**
 * Arranging objects: merge, subtract, split, order, copies, and painting without overlaps. Every action is one step of the
 * history, leaves locked objects alone, and reaches the store in one go.
 */

import { phrase, tn } from "../core/translate.js";
import * as plans from "./arranging_plans.js";
import { Selecting } from "./arranging_selection.js";
import { newId } from "./draft.js";
import { SavedObject } from "./objects.js";

/** @typedef {import("../core/translate.js").Phrase} Phrase */
/** @typedef {import("./arranging_plans.js").Move} Move */
/** @typedef {import("./arranging_plans.js").Plan} Plan */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("../types.js").Image} Image */
/** @typedef {"merge" | "subtract" | "split"} Combination */

/**
 * Copied objects, as plain data.
 * @typedef {object} Clipping
 * @property {number} imageId  where they were copied
 * @property {{body: AnnotationBody, label: string | null}[]} objects  bottom first; label: the category's name
 */

/** Copies beside their originals are this share of the longer side away, and at least some pixels. */
const [BESIDE_SHARE, BESIDE_LEAST] = [0.02, 4];

/** @type {Record<Combination, (objects: SavedObject[], top: number) => Plan>} */
const COMBINATIONS = {
  merge: (objects) => (objects.length > 1 ? plans.planMerge(objects) : new Map()),
  subtract: (objects) => (objects.length > 1 ? plans.planSubtract(objects) : new Map()),
  split: (objects, top) => plans.planSplit(objects, top, newId),
};

export class Arranging extends Selecting {
  /** What is accepted takes its pixels from the objects that it covers. */
  noOverlaps = false;
  /** What is tried out. @type {{plan: Plan, label: Phrase} | null} */
  #trial = null;

  // ---- combining, tried out before it is kept ----------------------------------------------------------------------

  /**
   * Show what a combination of the selected objects would give, until {@link keepCombination} or {@link dropCombination}.
   *
   * @param {Combination} name
   * @param {Phrase} label of the step
   * @returns {{objects: number, pixels: number} | null} how many objects and pixels more there would be; null: no change
   */
  tryCombination(name, label) {
    this.dropCombination();
    const plan = COMBINATIONS[name](this.changeable, this.top);
    if (!plan.size) return null;
    this.#trial = { plan, label };
    const tried = new Map(this.objects);
    const change = { objects: 0, pixels: 0 };
    for (const [id, body] of plan) {
      const before = this.objects.get(id);
      const after = body && new SavedObject(id, body);
      change.objects += Number(after !== null) - Number(before !== undefined);
      change.pixels += (after?.runs.area ?? 0) - (before?.runs.area ?? 0);
      if (after) tried.set(id, Object.assign(after, { tint: before?.tint ?? after.tint }));
      else tried.delete(id);
    }
    this.tried = tried;
    this.touch("objects");
    return change;
  }

  /** What is tried out becomes one step; its objects stay selected. */
  async keepCombination() {
    const trial = this.#trial;
    this.dropCombination();
    if (!trial) return;
    this.carryOut(trial.plan, trial.label);
    const left = [...trial.plan].filter(([, body]) => body).map(([id]) => id);
    await this.choose(left, { open: false });
  }

  dropCombination() {
    if (!this.#trial) return;
    this.#trial = null;
    this.tried = null;
    this.touch("objects");
  }

  /** @override @param {number} position */
  goTo(position) {
    this.dropCombination();
    super.goTo(position);
  }

  // ---- order -------------------------------------------------------------------------------------------------------

  /** Another place in the order in which the objects are painted and hit. @param {Move} move */
  reorder(move) {
    if (this.isPainting) return;
    const ids = new Set(this.changeable.map(({ id }) => id));
    const plan = plans.planOrder(this.listedObjects().reverse(), ids, move);
    if (plan.size) this.carryOut(plan, ORDER_LABELS[move]);
  }

  /** The highest place in the order. @protected */
  get top() {
    return Math.max(0, ...Array.from(this.objects.values(), ({ body }) => body.z));
  }

  // ---- copies ------------------------------------------------------------------------------------------------------

  /** The selected objects as data; null: nothing is selected. @returns {Clipping | null} */
  copy() {
    const selected = new Set(this.selection);
    const objects = this.listedObjects().reverse();
    if (!this.image || !selected.size) return null;
    const name = (/** @type {number | null} */ id) =>
      this.categories.find((category) => category.id === id)?.name ?? null;
    return {
      imageId: this.image.id,
      objects: objects
        .filter((object) => selected.has(object))
        .map(({ body }) => ({ body, label: name(body.category_id) })),
    };
  }

  /**
   * Copied objects on this image: pixel by pixel at the same place, or beside what lies there already.
   *
   * @param {Clipping} clipping
   * @param {import("../core/translate.js").Phrase} [label] of the step
   */
  async paste({ objects }, label = phrase("Paste")) {
    await this.select(null);
    const { image } = this;
    if (!image || !objects.length) return;
    const bodies = objects.map(({ body, label: name }) => ({
      ...body,
      category_id: this.#categoryNamed(name),
    }));
    const by = this.#freePlace(bodies, image);
    const target = {
      imageId: image.id,
      extent: { width: image.width, height: image.height },
      by,
      top: this.top,
      categoryIds: new Set(this.categories.map(({ id }) => id)),
    };
    const { plan, clipped, lost } = plans.planPaste(bodies, target, newId);
    if (plan.size) this.carryOut(plan, label);
    if (lost)
      this.tell(
        tn(lost, "{number} object lies outside this image.", "{number} objects lie outside this image."),
      );
    if (clipped)
      this.tell(
        tn(
          clipped,
          "{number} object was cut off at the border.",
          "{number} objects were cut off at the border.",
        ),
      );
    await this.choose([...plan.keys()], { open: false });
  }

  /** A copy of each selected object beside it. */
  async duplicate() {
    const copied = this.copy();
    if (copied) await this.paste(copied, phrase("Duplicate"));
  }

  #categoryNamed(/** @type {string | null} */ name) {
    return this.categories.find((category) => category.name === name)?.id ?? null;
  }

  /** The nearest place where the first of the copies does not hide an object of the same shape. */
  #freePlace(/** @type {AnnotationBody[]} */ bodies, /** @type {Image} */ image) {
    const taken = new Set(Array.from(this.objects.values(), ({ body }) => body.segmentation.counts));
    const [{ segmentation }] = bodies;
    const [height, width] = segmentation.size;
    const originals = bodies.map((body) => new SavedObject("", body));
    const step = Math.max(BESIDE_LEAST, Math.round(BESIDE_SHARE * Math.max(image.width, image.height)));
    let by = /** @type {[number, number]} */ ([0, 0]);
    if (height !== image.height || width !== image.width) return by;
    for (let copies = 1; taken.has(plans.moved(segmentation, by)); copies++) {
      const next = plans.besides(originals, image, copies * step);
      if (next.join() === by.join()) break; // the image has no room for more
      by = next;
    }
    return by;
  }

  // ---- no overlaps -------------------------------------------------------------------------------------------------

  setNoOverlaps(/** @type {boolean} */ on) {
    this.noOverlaps = on;
    this.touch("objects");
  }

  /** Whether painting over this object takes pixels from it now. */
  isCut(/** @type {SavedObject} */ object) {
    return this.noOverlaps && !this.locked.has(object.id) && object.body.state === "accepted";
  }

  /** With no overlaps wanted, an object takes its pixels from those that it covers. @protected */
  cutUnder(/** @type {SavedObject} */ object) {
    if (!this.noOverlaps) return;
    const covered = [...this.objects.values()].filter(
      (other) => other !== object && this.isCut(other) && boxesTouch(other.runs.bbox, object.runs.bbox),
    );
    const plan = plans.planCut(object.body.segmentation.counts, covered);
    const gone = [...plan.values()].filter((body) => !body).length;
    this.#lay(plan);
    if (gone)
      this.tell(
        tn(
          gone,
          "{number} object was covered wholly and is gone.",
          "{number} objects were covered wholly and are gone.",
        ),
      );
  }

  // ---- many at once ------------------------------------------------------------------------------------------------

  /** Delete all selected objects: one step. @protected */
  deleteChosen() {
    const objects = this.changeable;
    if (!objects.length) return this.mayChange(this.selection[0]?.id ?? "");
    // A proposal that is deleted has been judged: it is rejected, so that it does not come back.
    const left = (/** @type {SavedObject} */ { isUndecided, body }) =>
      isUndecided ? /** @type {AnnotationBody} */ ({ ...body, state: "rejected" }) : null;
    this.carryOut(new Map(objects.map((object) => [object.id, left(object)])), phrase("Delete"));
    return true;
  }

  /** A plan becomes one step. @protected @param {Plan} plan @param {Phrase} label */
  carryOut(plan, label) {
    this.#lay(plan);
    this.record({ label });
  }

  #lay(/** @type {Plan} */ plan) {
    for (const [id, body] of plan) {
      const object = this.objects.get(id);
      if (!body) {
        if (object) this.drop(object);
        continue;
      }
      if (object) object.body = body;
      this.put(object ?? new SavedObject(id, body));
    }
  }
}

/** @type {Record<Move, Phrase>} */
const ORDER_LABELS = {
  forward: phrase("Bring forward"),
  backward: phrase("Send backward"),
  front: phrase("Bring to front"),
  back: phrase("Send to back"),
};

/** @param {readonly number[]} a x, y, width, height @param {readonly number[]} b */
function boxesTouch(a, b) {
  return a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
}

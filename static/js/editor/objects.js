/**
 * An annotation as the editor holds it: what is (or will be) on the server, and its mask as runs for painting.
 */

import { isEmpty } from "../core/prompts.js";
import { stringToLengths } from "../core/rle.js";
import { runsFromLengths } from "../core/runs.js";
import { promptsToJson } from "./draft.js";

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {import("../types.js").AnnotationState | "pending"} ObjectState pending: not decided yet, only in this browser */
/** @typedef {Omit<Required<import("../types.js").AnnotationBody>, "state"> & {state: ObjectState}} AnnotationBody */

/** The fields of an annotation that a PUT carries, in the API's names. */
const BODY_FIELDS = /** @type {const} */ ([
  "image_id",
  "category_id",
  "state",
  "segmentation",
  "source",
  "prompts",
  "candidate",
  "predicted_iou",
  "stability_score",
  "model_digest",
  "model_segmentation",
  "active_ms",
  "z",
  "note",
  "attributes",
]);

/**
 * @param {Annotation} annotation
 * @returns {AnnotationBody}
 */
export function bodyOf(annotation) {
  return /** @type {AnnotationBody} */ (
    Object.fromEntries(BODY_FIELDS.map((field) => [field, annotation[field]]))
  );
}

export class SavedObject {
  /** @type {AnnotationBody} never changed in place: a new body replaces it */
  #body;
  /** @type {import("../core/runs.js").RunMask} */
  #runs;
  /** Not drawn for now. */
  hidden = false;
  /** Whether the store has it, or is about to. @type {"new" | "stored" | "removed"} */
  place;
  /** What the store was last told, or said itself; null: that there is no such object. @type {AnnotationBody | null} */
  known = null;
  /** What proposed it. @type {import("../types.js").Proposer | null} */
  proposedBy = null;
  /** IoU of the accepted mask with the proposed one; null: not accepted, or the server has not answered. @type {number | null} */
  proposalIou = null;

  /**
   * @param {string} id
   * @param {AnnotationBody} body
   * @param {number} revision the server's; 0 while it has never answered
   */
  constructor(id, body, revision = 0) {
    this.id = id;
    this.revision = revision;
    this.#body = body;
    this.#runs = runsOf(body.segmentation);
    this.place = body.state === "pending" ? "new" : "stored";
    /** Tells it from its neighbours where each object has a colour of its own; stays when the order changes. */
    this.tint = body.z;
  }

  /** As the server has it. @param {Annotation} annotation */
  static of(annotation) {
    const object = new SavedObject(annotation.id, bodyOf(annotation), annotation.revision);
    object.known = object.body;
    object.hear(annotation);
    return object;
  }

  /** What the server alone knows about it. @param {Pick<Annotation, "proposed_by" | "proposal_iou">} annotation */
  hear({ proposed_by, proposal_iou }) {
    this.proposedBy = proposed_by ?? this.proposedBy;
    this.proposalIou = proposal_iou ?? null;
  }

  get body() {
    return this.#body;
  }

  set body(body) {
    const same = body.segmentation.counts === this.#body.segmentation.counts;
    this.#body = body;
    if (!same) this.#runs = runsOf(body.segmentation);
  }

  get runs() {
    return this.#runs;
  }

  get isProposal() {
    return this.#body.state === "proposal";
  }

  /** A region that no annotation covers, shown in review. */
  get isMissed() {
    return this.#body.state === "missed";
  }

  /** A model put it there and nobody has decided on it yet. */
  get isUndecided() {
    return this.isProposal || this.isMissed;
  }

  get isRejected() {
    return this.#body.state === "rejected";
  }

  /** Made in one go with others and not accepted yet. */
  get isPending() {
    return this.#body.state === "pending";
  }
}

/** Runs of masks that were looked at before their objects are there. @type {WeakMap<object, import("../core/runs.js").RunMask>} */
const ahead = new WeakMap();

/** Work out how a mask is painted before an object has it. @param {Annotation["segmentation"]} segmentation */
export function prepareMask(segmentation) {
  if (!ahead.has(segmentation)) ahead.set(segmentation, runsOf(segmentation));
}

/** @param {Annotation["segmentation"]} segmentation */
function runsOf(segmentation) {
  const [height, width] = segmentation.size;
  const known = ahead.get(segmentation);
  return known ?? runsFromLengths(stringToLengths(segmentation.counts), width, height);
}

/**
 * What accepting a draft saves.
 *
 * @param {import("./draft.js").Draft} draft
 * @param {object} context
 * @param {number} context.imageId
 * @param {number} context.activeMs  work since the last object
 * @param {number} context.z  for a new object
 * @param {string} [context.counts]  the mask as RLE, where it is known
 * @returns {AnnotationBody}
 */
export function composeBody(draft, { imageId, activeMs, z, counts = draft.counts }) {
  const kept = draft.base?.body ?? null;
  const prompted = !isEmpty(draft.prompts);
  const size = /** @type {[number, number]} */ ([draft.height, draft.width]);
  const untouched = draft.edited ? draft.modelCounts : null;
  return {
    image_id: imageId,
    category_id: draft.categoryId,
    state: "accepted",
    segmentation: { size, counts },
    source: kept && kept.source !== "manual" ? kept.source : prompted ? "assisted" : "manual",
    prompts: prompted ? promptsToJson(draft.prompts) : null,
    candidate: draft.scores.candidate,
    predicted_iou: draft.scores.iou,
    stability_score: draft.scores.stability,
    model_digest: prompted || kept ? draft.modelDigest : null,
    model_segmentation: untouched === null ? null : { size, counts: untouched },
    active_ms: Math.round((kept?.active_ms ?? 0) + activeMs),
    z: kept?.z ?? z,
    note: kept?.note ?? "",
    attributes: kept?.attributes ?? {},
  };
}

/**
 * An annotation as the editor holds it: what is (or will be) on the server, and its mask as runs for painting.
 */

import { stringToLengths } from "../core/rle.js";
import { runsFromLengths } from "../core/runs.js";

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {Required<import("../types.js").AnnotationBody>} AnnotationBody */

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

  /**
   * @param {string} id
   * @param {AnnotationBody} body
   * @param {number} revision the server's; 0 while it has never answered
   */
  constructor(id, body, revision = 0) {
    this.id = id;
    this.revision = revision;
    this.#body = body;
    this.#runs = runsOf(body);
  }

  get body() {
    return this.#body;
  }

  set body(body) {
    const same = body.segmentation.counts === this.#body.segmentation.counts;
    this.#body = body;
    if (!same) this.#runs = runsOf(body);
  }

  get runs() {
    return this.#runs;
  }

  get isProposal() {
    return this.#body.state === "proposal";
  }
}

function runsOf(/** @type {AnnotationBody} */ body) {
  const [height, width] = body.segmentation.size;
  return runsFromLengths(stringToLengths(body.segmentation.counts), width, height);
}

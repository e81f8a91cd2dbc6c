/** Training runs and the masks to look at again: one typed function per endpoint. */

import { requestJson } from "./http.js";

/** @typedef {{mean: number, interval: [number, number]}} Estimate */
/**
 * One category, or all of them when `category` is empty; by column: "1", "3", "5" clicks, "box".
 * @typedef {{category: string, objects: number, old: Record<string, Estimate>, new: Record<string, Estimate>,
 *   difference: Record<string, Estimate>}} ComparisonRow
 */
/** @typedef {{columns: string[], objects: number, images: number, rows: ComparisonRow[]}} Evaluation */
/**
 * Of a detector on held-back images, at IoU 0.5: share of objects found by 100 boxes; precision and recall of the sure ones.
 * @typedef {{recall: number, precision: number, confident_recall: number, objects: number}} Found
 */
/** @typedef {{step: number, minutes: number, progress: number, loss?: number, val_iou_point?: number,
 *   val_iou_3?: number, val_iou_box?: number, recall?: number}} CurvePoint */
/** @typedef {{images: number, masks: number, held_images: number, held_masks: number,
 *   categories: Record<string, number>}} RunData */
/**
 * @typedef {object} Run
 * @property {number} id
 * @property {number} project_id
 * @property {"model" | "detector"} target
 * @property {"queued" | "running" | "evaluating" | "done" | "failed" | "cancelled"} state
 * @property {number | null} job_id  null when it was started on the command line
 * @property {string | null} message
 * @property {string | null} error
 * @property {{digest: string, name: string}} base
 * @property {{digest: string, name: string} | null} model  what it made
 * @property {boolean} in_use  the project answers clicks with it
 * @property {{minutes?: number, steps?: number, device?: string}} settings
 * @property {RunData | null} data
 * @property {CurvePoint[]} curve
 * @property {Evaluation | Found | null} evaluation  a model's, or a detector's
 * @property {"activated" | "kept" | null} decision
 * @property {string} created_at
 */
/** @typedef {{id: number, image_id: number, image_name: string, image_sha256: string, annotation_id: string,
 *   category: string | null, bbox: [number, number, number, number], iou: number}} Doubtful */

/** @param {number} projectId @returns {Promise<{runs: Run[], labelled_images: number, look_again: number}>} */
export async function listRuns(projectId) {
  return requestJson("GET", `/projects/${projectId}/training-runs`);
}

/**
 * @param {number} projectId
 * @param {{target: Run["target"], from_digest?: string, minutes: number, device?: string}} values
 * @returns {Promise<Run>}
 */
export async function startRun(projectId, values) {
  return requestJson("POST", `/projects/${projectId}/training-runs`, { json: values });
}

/** What it learned so far is kept. @param {number} id @returns {Promise<Run>} */
export async function cancelRun(id) {
  return requestJson("POST", `/training-runs/${id}/cancel`);
}

/** @param {number} id @returns {Promise<Run>} */
export async function resumeRun(id) {
  return requestJson("POST", `/training-runs/${id}/resume`);
}

/** @param {number} id @param {"activated" | "kept"} decision @returns {Promise<Run>} */
export async function decideRun(id, decision) {
  return requestJson("PUT", `/training-runs/${id}/decision`, { json: { decision } });
}

/** Propose the masks of what the project's detector finds on all unfinished images.
 * @param {number} projectId @returns {Promise<import("../types.js").Job>} */
export async function detectObjects(projectId) {
  return requestJson("POST", `/projects/${projectId}/detect`, { json: {} });
}

/** @param {number} projectId @returns {Promise<{items: Doubtful[], total: number}>} */
export async function listDoubtful(projectId) {
  return requestJson("GET", `/projects/${projectId}/look-again`, { query: { limit: 60 } });
}

/** @param {number} id @param {boolean} dismissed */
export async function dismissDoubtful(id, dismissed) {
  return requestJson("PATCH", `/look-again/${id}`, { json: { dismissed } });
}

/** The server's API for automatic masks and what was perhaps missed. */

import { requestJson } from "./http.js";

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {import("../types.js").ImageFilter} ImageFilter */
/** @typedef {import("../types.js").Job} Job */
/** @typedef {import("../types.js").Segmentation} Segmentation */

/**
 * Parameters under the released generator's names.
 * @typedef {Record<"points_per_side" | "points_per_batch" | "pred_iou_thresh" | "stability_score_thresh" |
 *   "stability_score_offset" | "box_nms_thresh" | "crop_n_layers" | "crop_nms_thresh" | "crop_overlap_ratio" |
 *   "crop_n_points_downscale_factor" | "min_mask_region_area", number>} AutomaskParameters
 */
/** @typedef {{name: string, title: string, parameters: AutomaskParameters}} AutomaskPreset */
/** @typedef {{preset?: string, parameters?: Partial<AutomaskParameters>}} AutomaskChoice */
/** @typedef {{rle: Segmentation, bbox: [number, number, number, number], area: number, predicted_iou: number,
 *   stability_score: number}} PreviewedProposal */
/** What a preview's job ends with. @typedef {{proposals: PreviewedProposal[], seconds: number}} Preview */
/**
 * How far a run is: images in all, done and failed, and what became of the proposals.
 * @typedef {Record<"images" | "done" | "failed" | "created" | "unchanged" | "removed" | "known" | "kept", number> &
 *   {problems: {image_id: number, name: string, message: string}[], seconds_per_image: number | null,
 *   seconds_left: number | null}} AutomaskProgress
 */

/** @returns {Promise<AutomaskPreset[]>} */
export async function listAutomaskPresets() {
  return (await requestJson("GET", "/automask/presets")).presets;
}

/** Find what a run would propose on one image; the job's result is a Preview. @param {number} imageId
 * @param {AutomaskChoice} choice @returns {Promise<Job>} */
export async function previewAutomask(imageId, choice) {
  return requestJson("POST", `/images/${imageId}/automask-preview`, { json: choice });
}

/** Propose masks on many images; the job's result is AutomaskProgress.
 * @param {number} projectId @param {AutomaskChoice & {image_ids?: number[], filter?: ImageFilter}} choice
 * @returns {Promise<Job>} @throws {import("./http.js").ApiError} 409 with `job_id` while another run is under way */
export async function startAutomask(projectId, choice) {
  return requestJson("POST", `/projects/${projectId}/automask`, { json: choice });
}

/** Regions that annotations hardly cover, and the last search. @param {number} imageId
 * @returns {Promise<{missed: Annotation[], job: Job | null}>} */
export async function getMissed(imageId) {
  return requestJson("GET", `/images/${imageId}/missed`);
}

/** Look for objects that nobody annotated. @param {number} imageId @returns {Promise<Job>} */
export async function lookForMissed(imageId) {
  return requestJson("POST", `/images/${imageId}/missed`, { json: {} });
}

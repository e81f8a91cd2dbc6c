/** The server's numbers about a project. */

import { requestJson } from "./http.js";

/**
 * What was counted over some masks; null where there was nothing to count.
 * @typedef {object} Numbers
 * @property {number} masks
 * @property {number} images
 * @property {number} images_done
 * @property {number | null} masks_per_image
 * @property {number | null} median_seconds
 * @property {number | null} clicks_per_mask
 * @property {number | null} corrected_share
 * @property {number} proposals_accepted
 * @property {number} proposals_rejected
 * @property {number | null} acceptance_rate
 * @property {number | null} agreement_good
 * @property {number | null} agreement_fair
 */
/** @typedef {{edges: number[], counts: number[]}} Histogram */
/** @typedef {Histogram & {count: number, good: number, fair: number, good_share: number | null, fair_share: number | null}} Agreement */
/**
 * @typedef {object} Statistics
 * @property {Numbers} total
 * @property {(Numbers & {stage: import("../types.js").Stage | null})[]} stages
 * @property {(Numbers & {category_id: number | null, name: string | null})[]} categories
 * @property {(Numbers & {user_id: number | null, name: string | null})[]} annotators
 * @property {(Numbers & {week: string})[]} weeks  week: its Monday, ISO 8601
 * @property {Agreement} agreement  IoU of accepted masks with what the model made of them
 * @property {Record<"new" | "in_progress" | "done" | "skipped" | "total", number>} images
 * @property {{length: number, images_per_day: number | null, days_left: number | null, finish_on: string | null}} queue
 * @property {boolean} complete  false while older masks are still being measured
 */
/**
 * @typedef {object} DatasetReport
 * @property {number} masks
 * @property {number} images
 * @property {Histogram} relative_size  √(mask area / image area)
 * @property {Histogram} concavity
 * @property {number[][]} centers  rows from the top of counts from the left
 * @property {{least: number[], counts: number[]}} masks_per_image
 * @property {boolean} complete
 */

/** @param {number} projectId @param {{from?: string, to?: string}} period days, ISO 8601, both included
 * @returns {Promise<Statistics>} */
export async function getStatistics(projectId, { from, to }) {
  return requestJson("GET", `/projects/${projectId}/statistics`, { query: { from, to } });
}

/** @param {number} projectId @returns {Promise<DatasetReport>} */
export async function getDatasetReport(projectId) {
  return requestJson("GET", `/projects/${projectId}/dataset-report`);
}

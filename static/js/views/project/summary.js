/** How far a project is, in words and one bar; shared by the project list and the project page. */
import { h } from "../../ui/dom.js";
import { formatEta, formatNumber, plural } from "../../ui/format.js";

/** @typedef {import("../../types.js").Project} Project */

/** @type {Record<import("../../types.js").Stage, {label: string, hint: string}>} the paper's three stages of the data engine */
export const STAGES = {
  assisted_manual: { label: "Assisted manual", hint: "People click, the model draws." },
  semi_automatic: { label: "Semi-automatic", hint: "The model proposes sure objects, people add the rest." },
  fully_automatic: { label: "Fully automatic", hint: "The model proposes everything, people check." },
};

/** @type {Record<import("../../types.js").ImageStatus, {label: string, kind: string, icon: string}>} */
export const STATUSES = {
  new: { label: "New", kind: "", icon: "circle" },
  in_progress: { label: "In progress", kind: "accent", icon: "circle-dot" },
  done: { label: "Done", kind: "success", icon: "circle-check" },
  skipped: { label: "Skipped", kind: "warning", icon: "skip-forward" },
};

/** @type {import("../../types.js").ImageStatus[]} */
export const STATUS_ORDER = ["new", "in_progress", "done", "skipped"];

/**
 * Images whose embedding nobody asked for yet (after a change of model) count neither as pending nor as failed.
 * @param {Project} project
 */
export function unprepared({ counts, embeddings }) {
  return Math.max(0, counts.images - embeddings.ready - embeddings.pending - embeddings.failed);
}

/**
 * "23 of 40 images ready, about 2 min left".
 * @param {Project} project
 */
export function embeddingText({ counts, embeddings }) {
  const { ready, pending, failed, eta_seconds } = embeddings;
  const eta = pending && eta_seconds !== null ? `, ${formatEta(eta_seconds)} left` : "";
  const failures = failed ? `, ${formatNumber(failed)} failed` : "";
  return `${formatNumber(ready)} of ${plural(counts.images, "image")} ready${eta}${failures}`;
}

/**
 * Done, skipped and started images as one bar; the rest of it is new images.
 * @param {Project["counts"]} counts
 */
export function progressBar(counts) {
  const share = (/** @type {number} */ part) => `${counts.images ? (100 * part) / counts.images : 0}%`;
  const label = `${formatNumber(counts.done)} of ${plural(counts.images, "image")} done`;
  const part = (/** @type {string} */ kind, /** @type {number} */ value) =>
    value ? h("span", { class: kind, style: { width: share(value) } }) : null;
  return h(
    "div",
    { class: "meter", role: "img", "aria-label": label },
    part("done", counts.done),
    part("skipped", counts.skipped),
    part("started", counts.in_progress),
  );
}

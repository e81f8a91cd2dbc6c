/** How far a project is, in words and one bar; shared by the project list and the project page. */
import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { countImages, formatEta, formatNumber } from "../../ui/format.js";

/** @typedef {import("../../types.js").Project} Project */

/** @type {Record<import("../../types.js").Stage, {label: string, hint: string}>} the paper's three stages of the data engine */
export const STAGES = {
  assisted_manual: { label: t("Assisted manual"), hint: t("People click, the model draws.") },
  semi_automatic: {
    label: t("Semi-automatic"),
    hint: t("The model proposes sure objects, people add the rest."),
  },
  fully_automatic: { label: t("Fully automatic"), hint: t("The model proposes everything, people check.") },
};

/** @type {Record<import("../../types.js").ImageStatus, {label: string, mark: string, kind: string, icon: string}>} */
export const STATUSES = {
  new: { label: t("New"), mark: t("Mark as new"), kind: "", icon: "circle" },
  in_progress: {
    label: t("In progress"),
    mark: t("Mark as in progress"),
    kind: "accent",
    icon: "circle-dot",
  },
  done: { label: t("Done"), mark: t("Mark as done"), kind: "success", icon: "circle-check" },
  skipped: { label: t("Skipped"), mark: t("Mark as skipped"), kind: "warning", icon: "skip-forward" },
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
  const parts = [
    t("{number} of {images} ready", { number: formatNumber(ready), images: countImages(counts.images) }),
  ];
  if (pending && eta_seconds !== null) parts.push(t("{time} left", { time: formatEta(eta_seconds) }));
  if (failed) parts.push(t("{number} failed", { number: formatNumber(failed) }));
  return parts.join(t(", "));
}

/** "3 of 40 images done". @param {Project["counts"]} counts */
export function doneText({ done, images }) {
  return t("{number} of {images} done", { number: formatNumber(done), images: countImages(images) });
}

/**
 * Done, skipped and started images as one bar; the rest of it is new images.
 * @param {Project["counts"]} counts
 */
export function progressBar(counts) {
  const share = (/** @type {number} */ part) => `${counts.images ? (100 * part) / counts.images : 0}%`;
  const part = (/** @type {string} */ kind, /** @type {number} */ value) =>
    value ? h("span", { class: kind, style: { width: share(value) } }) : null;
  return h(
    "div",
    { class: "meter", role: "img", "aria-label": doneText(counts) },
    part("done", counts.done),
    part("skipped", counts.skipped),
    part("started", counts.in_progress),
  );
}

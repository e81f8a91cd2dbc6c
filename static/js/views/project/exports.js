/** Export: choose, watch it being written and checked, download; earlier files stay listed. */

import { cancelJob, createExport, listJobs } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { countAnnotations, countImages, formatBytes, formatNumber, formatWhen } from "../../ui/format.js";
import { poll } from "../../ui/poll.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Job} Job */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */
/**
 * What a finished export tells: the file, and what reading it back gave.
 * @typedef {{file: {name: string, bytes: number, sha256: string}, url: string, format: string, images: number,
 *   annotations: number, checked: number, lossless: number, empty: number}} ExportResult
 */

const FORMATS = [
  {
    value: "coco",
    label: "COCO",
    hint: t(
      "One JSON file with images, labels and annotations as compressed RLE: opens in pycocotools, holes and separate parts kept.",
    ),
  },
  {
    value: "sa1b",
    label: "SA-1B",
    hint: t(
      "A ZIP with one JSON file per image, as in the Segment Anything dataset: masks with their scores, without labels.",
    ),
  },
];
const RUNNING_MS = 700;
const IDLE_MS = 20000;

/** @param {Page} page */
export function createExportSection(page) {
  const jobs = h("ul", { class: "lines" });
  const history = h(
    "section",
    { class: "stack", hidden: true },
    h("h2", {}, t("Exported files")),
    h("div", { class: "card" }, jobs),
  );
  let drawn = "";
  const look = async () => {
    if (element.hidden) return IDLE_MS;
    const exports = await listJobs({ project_id: page.project().id, kind: "export" });
    const state = JSON.stringify(exports);
    // Drawn only when something changed: a link that has the focus keeps it.
    if (state !== drawn) {
      drawn = state;
      history.hidden = exports.length === 0;
      replace(
        jobs,
        exports.map((job) => row(job, now)),
      );
    }
    return exports.some(isActive) ? RUNNING_MS : IDLE_MS;
  };
  const form = exportForm(page, () => now());
  const element = h("section", { class: "narrow stack", "aria-label": t("Export") }, form.element, history);
  const now = poll(look);
  return { element, show: now, update: form.update };
}

/**
 * @param {Job} job
 * @returns {ExportResult | null}
 */
function result(job) {
  return /** @type {ExportResult | null} */ (job.result);
}

/** @param {Job} job */
function isActive({ state }) {
  return state === "queued" || state === "running";
}

/**
 * @param {Page} page
 * @param {() => void} started
 */
function exportForm(page, started) {
  const format = h(
    "select",
    { class: "select", id: "export-format", "aria-describedby": "export-hint" },
    FORMATS.map(({ value, label }) => h("option", { value }, label)),
  );
  const hint = h("p", { class: "hint", id: "export-hint" }, FORMATS[0]?.hint);
  format.addEventListener("change", () => {
    hint.textContent = FORMATS.find(({ value }) => value === format.value)?.hint ?? "";
  });
  const proposals = h("input", { type: "checkbox", id: "export-proposals" });
  const summary = h("p", { class: "muted" });
  const go = button(t("Export"), { icon: "file-down", kind: "primary", type: "submit" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    return busy(go, async () => {
      try {
        await createExport(page.project().id, { format: format.value, include_proposals: proposals.checked });
        started();
      } catch (error) {
        toastError(error, t("Could not start the export"));
      }
    });
  };
  const element = h(
    "form",
    { class: "card padded stack", onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: "export-format" }, t("Format")), format, hint),
    h(
      "label",
      { class: "check" },
      proposals,
      h(
        "span",
        {},
        t("Include proposals"),
        h("span", { class: "hint block" }, t("Masks a model put there that nobody has accepted yet.")),
      ),
    ),
    h("div", { class: "row" }, h("div", { class: "grow" }, summary), go),
  );
  /** @param {Project} project */
  const update = ({ counts }) => {
    summary.textContent = holds(counts);
  };
  return { element, update };
}

/**
 * @param {Job} job
 * @param {() => void} reload
 */
function row(job, reload) {
  return h(
    "li",
    { class: "export-row", dataset: { job: String(job.id), state: job.state } },
    icon(job.state === "failed" ? "file-x" : job.state === "done" ? "file-check" : "file-down"),
    h("div", { class: "grow" }, details(job)),
    actions(job, reload),
  );
}

/** "3 annotations on 2 images". @param {{annotations: number, images: number}} counts */
function holds({ annotations, images }) {
  return t("{annotations} on {images}", {
    annotations: countAnnotations(annotations),
    images: countImages(images),
  });
}

/**
 * @param {Job} job
 * @returns {Node[]}
 */
function details(job) {
  const when = h("span", { class: "faint" }, formatWhen(job.created_at));
  if (isActive(job)) {
    const label = job.message || (job.state === "queued" ? t("Waiting for its turn") : t("Writing"));
    const bar = h("progress", { class: "progress", max: 1, value: job.progress, "aria-label": t("Export") });
    return [h("p", { class: "small-text" }, label), bar];
  }
  if (job.state === "failed") {
    return [
      h("p", {}, t("Export failed")),
      h("p", { class: "danger small-text" }, job.error?.message ?? job.message),
    ];
  }
  if (job.state === "cancelled")
    return [h("p", { class: "muted" }, t("Cancelled")), h("p", { class: "small-text" }, when)];
  const written = result(job);
  if (!written) return [h("p", {}, t("Export")), h("p", { class: "small-text" }, when)];
  const { file, images, annotations } = written;
  const facts = `${holds({ annotations, images })} · ${formatBytes(file.bytes)} · `;
  const proposals = job.payload.include_proposals ? h("span", { class: "badge" }, t("with proposals")) : null;
  return [
    h("p", { class: "row tight" }, h("span", { class: "truncate" }, file.name), proposals),
    h("p", { class: "small-text muted tabular" }, facts, when),
    checkLine(written),
  ];
}

/**
 * What reading the written file back gave. An export that lost something fails, so this only ever confirms.
 * @param {ExportResult} written
 */
function checkLine({ checked, lossless, empty }) {
  if (checked === 0) return h("p", { class: "small-text muted" }, t("There were no masks to write."));
  const perfect = checked === lossless && !empty;
  const text = perfect
    ? tn(checked, "Read back: its mask is identical", "Read back: all {number} masks are identical")
    : t("Read back: {lossless} of {checked} masks identical, {empty} empty", {
        lossless: formatNumber(lossless),
        checked: formatNumber(checked),
        empty: formatNumber(empty),
      });
  return h(
    "p",
    { class: `check-line small-text ${perfect ? "success" : "danger"}` },
    icon(perfect ? "check-check" : "triangle-alert", "small"),
    text,
  );
}

/**
 * @param {Job} job
 * @param {() => void} reload
 */
function actions(job, reload) {
  if (isActive(job)) {
    const stop = () =>
      cancelJob(job.id)
        .catch((error) => toastError(error, t("Could not cancel")))
        .finally(reload);
    return button(t("Cancel"), { kind: "small", onclick: stop });
  }
  const written = result(job);
  if (job.state !== "done" || !written) return null;
  return h(
    "a",
    { class: "button small", href: written.url, download: written.file.name },
    icon("download", "small"),
    t("Download"),
  );
}

/** Export: choose, watch it being written and checked, download; earlier files stay listed. */
import { cancelJob, createExport, listJobs } from "../../api.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { formatBytes, formatNumber, formatWhen, plural } from "../../ui/format.js";
import { poll } from "../../ui/shell.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Job} Job */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */
/**
 * What a finished export tells: the file, and what reading it back gave.
 * @typedef {{file: {name: string, bytes: number, sha256: string}, url: string,
 *   check?: {checked: number, lossless: number, empty: number}}} ExportResult
 */

const FORMATS = [
  {
    value: "coco",
    label: "COCO JSON",
    hint: "One file with images, labels and annotations as compressed RLE: opens in pycocotools, holes and separate parts kept.",
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
    h("h2", {}, "Exported files"),
    h("div", { class: "card" }, jobs),
  );
  const look = async () => {
    if (element.hidden) return IDLE_MS;
    const found = await listJobs({ project_id: page.project().id, kind: "export" });
    const exports = found.filter(({ kind }) => kind === "export");
    history.hidden = exports.length === 0;
    replace(
      jobs,
      exports.map((job) => row(job, now)),
    );
    return exports.some(isActive) ? RUNNING_MS : IDLE_MS;
  };
  const form = exportForm(page, () => now());
  const element = h("section", { class: "narrow stack", "aria-label": "Export" }, form.element, history);
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
  const proposals = h("input", { type: "checkbox", id: "export-proposals" });
  const summary = h("p", { class: "muted" });
  const go = button("Export", { icon: "file-down", kind: "primary", type: "submit" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    return busy(go, async () => {
      try {
        await createExport(page.project().id, { format: format.value, include_proposals: proposals.checked });
        started();
      } catch (error) {
        toastError(error, "Could not start the export");
      }
    });
  };
  const element = h(
    "form",
    { class: "card padded stack", onsubmit: submit },
    h(
      "div",
      { class: "field" },
      h("label", { for: "export-format" }, "Format"),
      format,
      h("p", { class: "hint", id: "export-hint" }, FORMATS[0]?.hint),
    ),
    h(
      "label",
      { class: "check" },
      proposals,
      h(
        "span",
        {},
        "Include proposals",
        h("span", { class: "hint block" }, "Masks a model put there that nobody has accepted yet."),
      ),
    ),
    h("div", { class: "row" }, h("div", { class: "grow" }, summary), go),
  );
  /** @param {Project} project */
  const update = ({ counts }) => {
    summary.textContent = `${plural(counts.annotations, "annotation")} on ${plural(counts.images, "image")}`;
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

/**
 * @param {Job} job
 * @returns {Node[]}
 */
function details(job) {
  const when = h("span", { class: "faint" }, formatWhen(job.created_at));
  if (isActive(job)) {
    const label = job.message || (job.state === "queued" ? "Waiting for its turn" : "Writing");
    const bar = h("progress", { class: "progress", max: 1, value: job.progress, "aria-label": "Export" });
    return [h("p", { class: "small-text" }, label), bar];
  }
  if (job.state === "failed") {
    return [
      h("p", {}, "Export failed"),
      h("p", { class: "danger small-text" }, job.error?.message ?? job.message),
    ];
  }
  if (job.state === "cancelled")
    return [h("p", { class: "muted" }, "Cancelled"), h("p", { class: "small-text" }, when)];
  const { file, check } = result(job) ?? {};
  const size = file ? `${formatBytes(file.bytes)} · ` : "";
  return [
    h("p", { class: "truncate" }, file?.name ?? "Export"),
    h("p", { class: "small-text muted" }, size, when),
    ...(check ? [checkLine(check)] : []),
  ];
}

/**
 * What reading the written file back gave.
 * @param {NonNullable<ExportResult["check"]>} check
 */
function checkLine({ checked, lossless, empty }) {
  const perfect = checked === lossless && !empty;
  const text = perfect
    ? `Read back: all ${plural(checked, "mask")} identical`
    : `Read back: ${formatNumber(lossless)} of ${plural(checked, "mask")} identical${empty ? `, ${formatNumber(empty)} empty` : ""}`;
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
        .catch((error) => toastError(error, "Could not cancel"))
        .finally(reload);
    return button("Cancel", { kind: "small", onclick: stop });
  }
  const written = result(job);
  if (job.state !== "done" || !written) return null;
  return h(
    "a",
    { class: "button small", href: written.url, download: written.file.name },
    icon("download", "small"),
    "Download",
  );
}

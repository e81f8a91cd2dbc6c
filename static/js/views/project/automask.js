/** Automatic masks on the project page: start a run, watch it, stop it, and read what it did. */

import { cancelJob, listJobs, retryJob } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { countImages, formatEta, formatNumber, formatWhen } from "../../ui/format.js";
import { poll } from "../../ui/poll.js";
import { toastError } from "../../ui/toast.js";
import { openAutomaskDialog } from "./automask_dialog.js";

/** @typedef {import("../../api/proposals.js").AutomaskProgress} AutomaskProgress */
/** @typedef {import("../../types.js").Job} Job */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

const BUSY_MS = 1500;
const IDLE_MS = 60_000;
const OPEN = ["queued", "running"];

/** @param {Page} page */
export function createAutomask(page) {
  const status = h("div", { class: "automask-status" });
  const start = button(t("Propose masks…"), {
    icon: "sparkles",
    kind: "primary",
    onclick: async () => {
      const job = await openAutomaskDialog(page);
      if (!job) return;
      show(job);
      status.scrollIntoView({ block: "nearest" });
    },
  });
  const element = h(
    "section",
    { class: "card padded stack automask", "aria-label": t("Automatic masks") },
    h(
      "div",
      { class: "row" },
      h(
        "div",
        { class: "grow" },
        h("h2", {}, t("Automatic masks")),
        h(
          "p",
          { class: "muted" },
          t(
            "The model looks everywhere and proposes what it is sure of. People accept, fix or reject each proposal.",
          ),
        ),
      ),
      start,
    ),
    status,
  );
  let shown = "";
  /** @type {Job | null} */
  let last = null;
  const show = (/** @type {Job | null} */ job) => {
    const ended = last && job && OPEN.includes(last.state) && !OPEN.includes(job.state);
    last = job;
    const looks = JSON.stringify([job?.id, job?.state, job?.progress, job?.result]);
    start.disabled = page.project().counts.images === 0 || OPEN.includes(job?.state ?? "");
    if (looks === shown) return;
    shown = looks;
    replace(status, job ? runCard(job, look) : null);
    element.dataset.state = job?.state ?? "none";
    if (ended) page.refresh().catch(() => {});
  };
  const read = async () => {
    if (element.closest("[hidden]")) return IDLE_MS;
    const jobs = await listJobs({ project_id: page.project().id, kind: "automask" });
    show(jobs.find(({ payload }) => payload.purpose === "proposals") ?? null);
    return OPEN.includes(last?.state ?? "") ? BUSY_MS : IDLE_MS;
  };
  const look = poll(read, IDLE_MS);
  return {
    element,
    show: look,
    update: (/** @type {Project} */ { counts }) => {
      start.disabled = counts.images === 0 || OPEN.includes(last?.state ?? "");
    },
  };
}

/** @param {Job} job @param {() => void} changed */
function runCard(job, changed) {
  const progress = /** @type {AutomaskProgress | null} */ (job.result);
  if (OPEN.includes(job.state)) return runningCard(job, progress, changed);
  const kind = job.state === "done" ? "success" : job.state === "failed" ? "danger" : "warning";
  const again = button(t("Go on"), {
    kind: "small",
    onclick: () => busy(again, () => act(() => retryJob(job.id), changed)),
  });
  return h(
    "div",
    { class: `notice ${kind}` },
    icon(job.state === "done" ? "circle-check" : "circle-alert"),
    h(
      "div",
      { class: "grow stack tight" },
      h(
        "p",
        {},
        h("strong", {}, titleOf(job)),
        " ",
        h("span", { class: "muted" }, formatWhen(job.finished_at ?? "")),
      ),
      progress ? h("p", { class: "tabular" }, outcome(progress)) : null,
      job.error ? h("p", {}, job.error.message) : null,
      progress?.problems.length ? problems(progress) : null,
    ),
    job.state === "done" ? null : again,
  );
}

/** @param {Job} job @param {AutomaskProgress | null} progress @param {() => void} changed */
function runningCard(job, progress, changed) {
  const stop = button(t("Cancel"), {
    kind: "small",
    onclick: () => busy(stop, () => act(() => cancelJob(job.id), changed)),
  });
  const images = Number(job.payload.images ?? progress?.images ?? 0);
  const done = (progress?.done ?? 0) + (progress?.failed ?? 0);
  const each = progress?.seconds_per_image;
  const facts = [t("{number} of {images}", { number: formatNumber(done), images: countImages(images) })];
  if (each)
    facts.push(t("{number} images a minute", { number: formatNumber(Number((60 / each).toPrecision(2))) }));
  if (progress?.seconds_left) facts.push(t("{time} left", { time: formatEta(progress.seconds_left) }));
  if (progress?.created) facts.push(tn(progress.created, "{number} new proposal", "{number} new proposals"));
  return h(
    "div",
    { class: "notice accent automask-run" },
    h("span", { class: "spinner", "aria-hidden": "true" }),
    h(
      "div",
      { class: "grow stack tight" },
      h(
        "p",
        {},
        h("strong", {}, job.state === "queued" ? t("Waiting for its turn.") : t("Proposing masks.")),
      ),
      h("progress", {
        class: "progress",
        max: Math.max(images, 1),
        value: done,
        "aria-label": t("Images done"),
      }),
      h("p", { class: "muted small-text tabular" }, facts.join(" · ")),
    ),
    stop,
  );
}

/** @param {Job} job */
function titleOf({ state }) {
  if (state === "done") return t("Masks proposed.");
  return state === "cancelled" ? t("The run was cancelled.") : t("The run failed.");
}

/** What was made, replaced and kept. @param {AutomaskProgress} progress */
function outcome({ done, created, unchanged, removed, known, kept, failed }) {
  const parts = [
    t("{proposals} on {images}", {
      proposals: tn(created, "{number} new proposal", "{number} new proposals"),
      images: countImages(done),
    }),
  ];
  if (removed) parts.push(tn(removed, "{number} untouched one replaced", "{number} untouched ones replaced"));
  if (unchanged) parts.push(tn(unchanged, "{number} the same as before", "{number} the same as before"));
  if (kept) parts.push(tn(kept, "{number} that people touched kept", "{number} that people touched kept"));
  if (known) parts.push(tn(known, "{number} left out, decided before", "{number} left out, decided before"));
  if (failed) parts.push(tn(failed, "{number} image failed", "{number} images failed"));
  return parts.join(" · ");
}

/** @param {AutomaskProgress} progress */
function problems({ problems: found }) {
  return h(
    "ul",
    { class: "small-text" },
    found.map(({ name, message }) => h("li", {}, `${name}: ${message}`)),
  );
}

/** @param {() => Promise<unknown>} work @param {() => void} changed */
async function act(work, changed) {
  try {
    await work();
  } catch (error) {
    toastError(error, t("Could not change the run"));
  }
  changed();
}

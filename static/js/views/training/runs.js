/** The list of runs, newest first; each card is drawn again only when it would look different. */

import { cancelRun, decideRun, detectObjects, resumeRun } from "../../api/training.js";
import { t } from "../../core/translate.js";
import { busy, confirmDialog } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { countImages, formatNumber, formatWhen } from "../../ui/format.js";
import { toast, toastError } from "../../ui/toast.js";
import { comparison } from "./comparison.js";
import { curves } from "./curves.js";

/** @typedef {import("../../api/training.js").Run} Run */

const STATES = /** @type {Record<Run["state"], {label: string, kind: string}>} */ ({
  queued: { label: t("Waiting"), kind: "" },
  running: { label: t("Training"), kind: "accent" },
  evaluating: { label: t("Being compared"), kind: "accent" },
  done: { label: t("Done"), kind: "success" },
  failed: { label: t("Failed"), kind: "danger" },
  cancelled: { label: t("Cancelled"), kind: "warning" },
});

export class Runs {
  /** @type {Map<number, string>} */
  #drawn = new Map();
  #list = h("ul", { class: "stack training-runs" });
  #empty = h("p", { class: "muted" }, t("There are no runs yet."));

  /** @param {boolean} manages @param {() => void} reload */
  constructor(manages, reload) {
    this.manages = manages;
    this.reload = reload;
    this.element = h(
      "section",
      { class: "stack", "aria-label": t("Runs") },
      h("h2", {}, t("Runs")),
      this.#empty,
      this.#list,
    );
  }

  /** @param {Run[]} runs */
  update(runs) {
    this.#empty.hidden = runs.length > 0;
    const slots = new Map([...this.#list.children].map((item) => [Number(item.id.slice(4)), item]));
    runs.forEach((run, at) => {
      const slot = slots.get(run.id) ?? h("li", { id: `run-${run.id}`, class: "card padded training-run" });
      if (this.#list.children[at] !== slot) this.#list.insertBefore(slot, this.#list.children[at] ?? null);
      const look = JSON.stringify(run);
      if (this.#drawn.get(run.id) === look) return;
      this.#drawn.set(run.id, look);
      /** @type {HTMLElement} */ (slot).dataset.state = run.state;
      replace(slot, this.#card(run));
    });
  }

  /** @param {Run} run */
  #card(run) {
    return [
      h(
        "div",
        { class: "page-header" },
        h("div", { class: "grow" }, heading(run), facts(run), words(run)),
        this.manages ? h("div", { class: "row wrap" }, this.#actions(run)) : null,
      ),
      progress(run),
      curves(run),
      result(run),
    ];
  }

  /** @param {Run} run @returns {HTMLElement[]} */
  #actions(run) {
    const under = ["queued", "running", "evaluating"].includes(run.state);
    if (under) return run.job_id === null ? [] : [this.#button(t("Cancel"), run, () => cancelRun(run.id))];
    if (run.state !== "done") {
      return run.job_id === null ? [] : [this.#button(t("Go on"), run, () => resumeRun(run.id), "play")];
    }
    if (!run.model)
      return [this.#button(t("Propose objects"), run, () => this.#detect(run), "wand-sparkles")];
    const back = run.decision === "activated";
    const keep = back ? t("Go back to the old model") : t("Keep the old model");
    const kept = run.decision === "kept" && !run.in_use;
    return [
      kept
        ? h("span", { class: "badge" }, t("Old model kept"))
        : this.#button(keep, run, () => decideRun(run.id, "kept")),
      run.in_use
        ? h("span", { class: "badge success" }, icon("check", "small"), t("In use"))
        : this.#button(t("Use the new model"), run, () => this.#activate(run), "check", "primary"),
    ];
  }

  /** @param {Run} run */
  async #activate(run) {
    const sure = await confirmDialog({
      title: t("Use {model}?", { model: run.model?.name ?? "" }),
      message: t(
        "Images are prepared again in the background; until then each keeps working with the old model. You can go back at any time.",
      ),
      confirm: t("Use this model"),
      danger: false,
    });
    if (!sure) return;
    await decideRun(run.id, "activated");
    toast(t("{model} is now in use.", { model: run.model?.name ?? "" }), { kind: "success" });
  }

  /** @param {Run} run */
  async #detect(run) {
    await detectObjects(run.project_id);
    toast(t("Proposals are being made on all images that are not done."), { kind: "success" });
  }

  /** @param {string} label @param {Run} run @param {() => Promise<unknown>} act */
  #button(label, run, act, iconName = "", kind = "") {
    const element = button(label, {
      kind,
      icon: iconName || undefined,
      "aria-label": t("{action}: run {number}", { action: label, number: run.id }),
      onclick: () =>
        busy(element, act)
          .catch((error) => toastError(error, t("Could not change the run")))
          .finally(this.reload),
    });
    return element;
  }
}

/** @param {Run} run */
function heading(run) {
  const { label, kind } = STATES[run.state];
  const title =
    run.target === "detector"
      ? t("Run {number}: detector", { number: run.id })
      : t("Run {number}", { number: run.id });
  return h("h3", { class: "row tight wrap" }, title, h("span", { class: `badge ${kind}`.trim() }, label));
}

/** @param {Run} run */
function facts({ base, data, settings, created_at: created }) {
  const length = settings.minutes
    ? t("{number} min", { number: formatNumber(settings.minutes) })
    : t("{number} steps", { number: formatNumber(settings.steps ?? 0) });
  const amount = data
    ? t("{masks} masks on {images}, {held} held back", {
        masks: formatNumber(data.masks),
        images: countImages(data.images),
        held: countImages(data.held_images),
      })
    : "";
  const parts = [t("from {model}", { model: base.name }), length, amount, formatWhen(created)];
  return h("p", { class: "muted small-text tabular" }, parts.filter(Boolean).join(" · "));
}

/** @param {Run} run */
function words({ state, message, error }) {
  if (error) return h("p", { class: "danger small-text", role: "alert" }, error);
  return message && state !== "done" ? h("p", { class: "small-text tabular" }, message) : null;
}

/** @param {Run} run */
function result({ evaluation, base, model }) {
  if (evaluation === null) return null;
  if ("rows" in evaluation) return comparison(evaluation, base.name, model?.name ?? "");
  const figures = {
    found: Math.round(100 * evaluation.recall),
    objects: formatNumber(evaluation.objects),
    right: Math.round(100 * evaluation.precision),
    sure: Math.round(100 * evaluation.confident_recall),
  };
  return h(
    "p",
    { class: "small-text tabular" },
    t(
      "On held-back images 100 boxes find {found} % of {objects} objects. Of the boxes it is sure of {right} % are right; they find {sure} %.",
      figures,
    ),
  );
}

/** @param {Run} run */
function progress({ id, state, curve }) {
  if (state !== "running" && state !== "evaluating") return null;
  const done = curve.at(-1)?.progress;
  return h("progress", {
    class: "progress",
    max: 1,
    value: state === "evaluating" ? null : (done ?? null),
    "aria-label": t("Progress of run {number}", { number: id }),
  });
}

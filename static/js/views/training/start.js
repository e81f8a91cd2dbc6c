/** The card that starts a run: what to train, from which model, for how long, on what. */

import { startRun } from "../../api/training.js";
import { t } from "../../core/translate.js";
import { busy, clearFormErrors, field, readForm, showFormError } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";
import { countImages } from "../../ui/format.js";
import { toast } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Model} Model */

const FEWEST_IMAGES = 2;
const FIRST_MINUTES = 15;

/**
 * @param {number} projectId
 * @param {Model[]} models
 * @param {import("../../types.js").Project} project
 * @param {() => void} reload
 */
export function createStart(projectId, models, project, reload) {
  const go = button(t("Start training"), { kind: "primary", type: "submit", icon: "play" });
  const hint = h("p", { class: "hint grow" });
  const used = project.model_digest ?? models.find(({ active }) => active)?.digest ?? "";
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    clearFormErrors(form);
    const { target = "model", from_digest = "", minutes = "", device = "" } = readForm(form);
    return busy(go, async () => {
      try {
        await startRun(projectId, {
          target: target === "detector" ? "detector" : "model",
          minutes: Number(minutes),
          ...(from_digest ? { from_digest } : {}),
          ...(device ? { device } : {}),
        });
        toast(t("The run is queued."), { kind: "success" });
        reload();
      } catch (error) {
        showFormError(form, error);
      }
    });
  };
  const targets = [
    { value: "model", label: t("A model that answers clicks") },
    { value: "detector", label: t("A detector that proposes objects") },
  ];
  const devices = [
    { value: "", label: t("A GPU where there is one") },
    { value: "cpu", label: t("Processor") },
    { value: "cuda", label: t("GPU") },
  ];
  const form = h(
    "form",
    { class: "card padded stack", novalidate: true, onsubmit: submit, "aria-label": t("New run") },
    h(
      "div",
      { class: "training-fields" },
      field({ name: "target", label: t("What to train"), value: "model", options: targets }),
      field({
        name: "from_digest",
        label: t("Go on from"),
        value: used,
        options: models.map(({ digest, name }) => ({ value: digest, label: name })),
      }),
      field({ name: "minutes", label: t("Minutes"), type: "number", value: String(FIRST_MINUTES) }),
      field({ name: "device", label: t("Compute on"), value: "", options: devices }),
    ),
    h("div", { class: "row" }, hint, go),
  );
  return {
    element: form,
    /** @param {number} labelled images with accepted masks @param {boolean} under whether a run is under way */
    update(labelled, under) {
      const enough = labelled >= FEWEST_IMAGES;
      go.disabled = !enough || under;
      hint.textContent = explain(labelled, under);
    },
  };
}

/** @param {number} labelled @param {boolean} under */
function explain(labelled, under) {
  if (labelled < FEWEST_IMAGES) {
    return t("Training needs accepted masks on at least two images; so far there are {images}.", {
      images: countImages(labelled),
    });
  }
  if (under) return t("A run is under way; the next one can start when it has ended.");
  return t("{images} have accepted masks. About every fifth is held back to judge by.", {
    images: countImages(labelled),
  });
}

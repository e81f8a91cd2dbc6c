/** A project's name, description and model, and its end. */

import { deleteProject, listModels, updateProject } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy, clearFormErrors, confirmDialog, field, readForm, showFormError } from "../../ui/dialog.js";
import { button, h, replace } from "../../ui/dom.js";
import { countAnnotations, countImages } from "../../ui/format.js";
import { toast, toastError } from "../../ui/toast.js";

/** @typedef {import("../project.js").Page} Page */

/** @param {Page} page */
export function createSettingsSection(page) {
  const slot = h("div", {});
  const element = h(
    "section",
    { class: "narrow stack settings", "aria-label": t("Settings") },
    slot,
    dangerZone(page),
  );
  return {
    element,
    show: async () => {
      try {
        replace(slot, settingsForm(page, await listModels()));
      } catch (error) {
        toastError(error, t("Could not read the models"));
        replace(slot, settingsForm(page, []));
      }
    },
  };
}

/**
 * @param {Page} page
 * @param {import("../../types.js").Model[]} models
 */
function settingsForm(page, models) {
  const project = page.project();
  const active = models.find((model) => model.active);
  const go = button(t("Save"), { kind: "primary", type: "submit" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    clearFormErrors(form);
    const { name = "", description = "", model = "" } = readForm(form);
    return busy(go, async () => {
      try {
        const values = { name: name.trim(), description: description.trim() };
        await updateProject(project.id, models.length ? { ...values, model_digest: model || null } : values);
        await page.refresh();
        toast(t("Settings saved."), { kind: "success" });
      } catch (error) {
        showFormError(form, error);
      }
    });
  };
  const choices = [
    {
      value: "",
      label: active ? t("The active model (now {model})", { model: active.name }) : t("The active model"),
    },
    ...models.map(({ digest, name }) => ({ value: digest, label: `${name} (${digest.slice(0, 8)})` })),
  ];
  const form = h(
    "form",
    { class: "card padded stack form-body", novalidate: true, onsubmit: submit },
    field({ name: "name", label: t("Name"), value: project.name, required: true }),
    field({ name: "description", label: t("Description"), type: "textarea", value: project.description }),
    models.length
      ? field({
          name: "model",
          label: t("Model"),
          value: project.model_digest ?? "",
          options: choices,
          hint: t("Another model means preparing every image again; finished masks stay as they are."),
        })
      : null,
    h("div", { class: "row" }, h("div", { class: "grow" }), go),
  );
  return form;
}

/** @param {Page} page */
function dangerZone(page) {
  const remove = async () => {
    const { name, counts, id } = page.project();
    const sure = await confirmDialog({
      title: t("Delete “{name}”?", { name }),
      message: t(
        "Its {images} and {annotations} will no longer be reachable. Export first if you may need them.",
        { images: countImages(counts.images), annotations: countAnnotations(counts.annotations) },
      ),
      confirm: t("Delete project"),
    });
    if (!sure) return;
    try {
      await deleteProject(id);
      location.assign("/");
    } catch (error) {
      toastError(error, t("Could not delete the project"));
    }
  };
  return h(
    "div",
    { class: "card padded row" },
    h(
      "div",
      { class: "grow" },
      h("h2", {}, t("Delete project")),
      h("p", { class: "hint" }, t("Images, labels and annotations go with it.")),
    ),
    button(t("Delete project…"), { icon: "trash-2", kind: "ghost danger", onclick: remove }),
  );
}

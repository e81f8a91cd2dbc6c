/** The dialog before a run of automatic masks: preset, parameters, which images, and a preview on one. */

import { listAutomaskPresets, startAutomask } from "../../api/proposals.js";
import { listImages } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy, clearFormErrors, openDialog, showFormError } from "../../ui/dialog.js";
import { button, h, replace } from "../../ui/dom.js";
import { countImages } from "../../ui/format.js";
import { toastError } from "../../ui/toast.js";
import { ParameterFields } from "./automask_parameters.js";
import { createPreview } from "./automask_preview.js";

/** @typedef {import("../../api/proposals.js").AutomaskPreset} AutomaskPreset */
/** @typedef {import("../../types.js").ImageFilter} ImageFilter */
/** @typedef {import("../../types.js").Job} Job */
/** @typedef {import("../project.js").Page} Page */

/** What people know the presets as. @type {Record<string, string>} */
const PRESETS = { things: t("People and things"), cells: t("Cells"), everything: t("Everything") };

/** @type {[ImageFilter | "", string][]} */
const IMAGES = [
  ["", t("All that are neither done nor skipped")],
  ["unlabelled", t("Those without an accepted mask")],
  ["in_progress", t("Those in progress")],
];

/** @param {Page} page @returns {Promise<Job | null>} the run that was started */
export async function openAutomaskDialog(page) {
  try {
    return await dialog(page, await listAutomaskPresets());
  } catch (error) {
    toastError(error, t("Could not read the presets"));
    return null;
  }
}

/** @param {Page} page @param {AutomaskPreset[]} presets @returns {Promise<Job | null>} */
async function dialog(page, presets) {
  const { id } = page.project();
  let preset = presets[0];
  /** @type {Job | null} */
  let started = null;
  const fields = new ParameterFields(() => mark());
  const chips = presets.map((each) =>
    h("button", { type: "button", onclick: () => choose(each) }, PRESETS[each.name] ?? each.title),
  );
  const which = h(
    "select",
    { class: "select", id: "automask-images", onchange: () => count() },
    IMAGES.map(([value, label]) => h("option", { value }, label)),
  );
  const go = button(t("Run"), { kind: "primary", type: "submit" });
  const filter = () => /** @type {ImageFilter} */ (which.value) || undefined;

  const choose = (/** @type {AutomaskPreset} */ next) => {
    preset = next;
    fields.set(next.parameters);
    mark();
  };
  const mark = () => {
    const changed = Object.keys(fields.changes(preset.parameters)).length > 0;
    chips.forEach((chip, index) => {
      chip.setAttribute("aria-pressed", String(presets[index] === preset && !changed));
    });
  };
  const choice = () => {
    const form = /** @type {HTMLElement} */ (opened.element.querySelector("form"));
    clearFormErrors(form);
    const wrong = fields.invalid;
    if (wrong) {
      const message = t("Enter a number from {min} to {max}.", { min: wrong.min, max: wrong.max });
      showFormError(form, Object.assign(new Error(message), { field: wrong.name }));
      return null;
    }
    return { preset: preset.name, parameters: fields.changes(preset.parameters) };
  };
  const refused = (/** @type {unknown} */ error) => {
    const form = /** @type {HTMLElement} */ (opened.element.querySelector("form"));
    const named = /** @type {{field?: string | null}} */ (error)?.field?.split(".").at(-1);
    showFormError(
      form,
      Object.assign(error instanceof Error ? error : new Error(String(error)), { field: named }),
    );
  };
  const count = async () => {
    const { counts } = page.project();
    const chosen = filter();
    const images = chosen
      ? (await listImages(id, { filter: chosen, limit: 1 })).total
      : counts.new + counts.in_progress;
    go.disabled = images === 0;
    replace(go, t("Run on {images}", { images: countImages(images) }));
  };
  const preview = createPreview(id, () => choice(), refused);
  const opened = openDialog({
    title: t("Automatic masks"),
    wide: true,
    body: [
      h(
        "div",
        { class: "automask-dialog" },
        h(
          "div",
          { class: "stack" },
          h("div", { class: "segmented", role: "group", "aria-label": t("Preset") }, chips),
          fields.element,
        ),
        h(
          "div",
          { class: "stack" },
          preview.element,
          h("div", { class: "field" }, h("label", { for: "automask-images" }, t("Images")), which),
          h(
            "p",
            { class: "hint" },
            t("Proposals of earlier runs that nobody touched are replaced; what people decided stays."),
          ),
        ),
      ),
    ],
    footer: [button(t("Cancel"), { onclick: () => opened.element.close("") }), go],
    onsubmit: (event) => {
      event.preventDefault();
      busy(go, async () => {
        const wanted = choice();
        if (!wanted) return;
        try {
          started = await startAutomask(id, { ...wanted, filter: filter() });
          opened.element.close("started");
        } catch (error) {
          refused(error);
        }
      });
    },
  });
  opened.element.classList.add("automask-wide");
  choose(preset);
  count().catch(refused);
  await opened.closed;
  preview.close();
  return started;
}

/** Labels (categories) of a project: add, rename, recolour, reorder, delete. The first ten have digit keys. */

import { createCategory, deleteCategory, updateCategory } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy, clearFormErrors, confirmDialog, showFormError } from "../../ui/dialog.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Category} Category */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

const DIGITS = "1234567890";

/** @param {Page} page */
export function createLabelsSection(page) {
  const list = h("ol", { class: "lines" });
  const element = h(
    "section",
    { class: "narrow stack", "aria-label": t("Labels") },
    h(
      "p",
      { class: "muted" },
      t("What an object can be called. In the workbench a digit key chooses each of the first ten."),
    ),
    h("div", { class: "card" }, list, page.manages() ? addForm(page) : null),
  );
  let drawn = "";
  return {
    element,
    /** @param {Project} project */
    update: ({ categories }) => {
      const look = JSON.stringify(categories);
      // A name that is being typed is not swept away by a refresh.
      if (look === drawn || list.contains(activeInput())) return;
      drawn = look;
      const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.focus;
      const rows = categories.map((category, at) => row(page, categories, category, at));
      replace(
        list,
        rows.length ? rows : h("li", { class: "label-none muted" }, t("No labels yet. Add the first below.")),
      );
      if (focused)
        /** @type {HTMLElement | null} */ (list.querySelector(`[data-focus="${focused}"]`))?.focus();
    },
  };
}

function activeInput() {
  return document.activeElement instanceof HTMLInputElement && document.activeElement.type === "text"
    ? document.activeElement
    : null;
}

/**
 * @param {Page} page
 * @param {Category[]} all
 * @param {Category} category
 * @param {number} at
 */
function row(page, all, category, at) {
  const key = DIGITS[at];
  const digit = h(
    "kbd",
    { class: "label-key", title: key ? t("Press {key} in the workbench", { key }) : null, hidden: !key },
    key,
  );
  const keySlot = h("span", { class: "label-key-slot" }, digit);
  if (!page.manages()) {
    const swatch = h("span", { class: "swatch", style: { background: category.color } });
    return h("li", { class: "label-row" }, keySlot, swatch, h("span", { class: "grow" }, category.name));
  }
  const color = h("input", {
    type: "color",
    class: "swatch-input",
    value: category.color,
    "aria-label": t("Colour of {name}", { name: category.name }),
    onchange: () => change(page, category, { color: color.value }),
  });
  const name = h("input", {
    type: "text",
    class: "input quiet",
    value: category.name,
    maxlength: 100,
    "aria-label": t("Name of {name}", { name: category.name }),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") name.value = category.name;
      if (event.key === "Enter" || event.key === "Escape") name.blur();
    },
    onblur: () => rename(page, category, name),
  });
  const step = (/** @type {1 | -1} */ by, /** @type {string} */ label) =>
    iconButton(by < 0 ? "arrow-up" : "arrow-down", label, {
      kind: "small",
      "data-tooltip": null,
      dataset: { focus: `${by < 0 ? "up" : "down"}-${category.id}` },
      disabled: !all[at + by],
      onclick: () => change(page, category, { position: at + by }),
    });
  return h(
    "li",
    { class: "label-row", dataset: { category: String(category.id) } },
    keySlot,
    color,
    name,
    step(-1, t("Move {name} up", { name: category.name })),
    step(1, t("Move {name} down", { name: category.name })),
    iconButton("trash-2", t("Delete {name}", { name: category.name }), {
      kind: "small danger",
      "data-tooltip": null,
      onclick: () => remove(page, category),
    }),
  );
}

/**
 * @param {Page} page
 * @param {Category} category
 * @param {{name?: string, color?: string, position?: number}} values
 */
async function change(page, category, values) {
  try {
    await updateCategory(category.id, values);
  } catch (error) {
    toastError(error, t("Could not change {name}", { name: category.name }));
  }
  await page.refresh().catch(() => {});
}

/**
 * @param {Page} page
 * @param {Category} category
 * @param {HTMLInputElement} input
 */
async function rename(page, category, input) {
  const name = input.value.trim();
  if (!name || name === category.name) {
    input.value = category.name;
    return;
  }
  try {
    await updateCategory(category.id, { name });
  } catch (error) {
    input.value = category.name;
    toastError(error, t("Could not rename {name}", { name: category.name }));
  }
  await page.refresh().catch(() => {});
}

/**
 * @param {Page} page
 * @param {Category} category
 */
async function remove(page, category) {
  const sure = await confirmDialog({
    title: t("Delete the label “{name}”?", { name: category.name }),
    message: t("It can no longer be chosen. Annotations that carry it keep their masks."),
    confirm: t("Delete label"),
  });
  if (!sure) return;
  try {
    await deleteCategory(category.id);
  } catch (error) {
    toastError(error, t("Could not delete {name}", { name: category.name }));
  }
  await page.refresh().catch(() => {});
}

/** @param {Page} page */
function addForm(page) {
  const name = h("input", {
    type: "text",
    name: "name",
    class: "input",
    placeholder: t("New label"),
    maxlength: 100,
    autocomplete: "off",
    "aria-label": t("Name of the new label"),
  });
  const go = button(t("Add label"), { icon: "plus", type: "submit" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    clearFormErrors(form);
    const value = name.value.trim();
    if (!value) return name.focus();
    return busy(go, async () => {
      try {
        await createCategory(page.project().id, { name: value });
        name.value = "";
        await page.refresh();
      } catch (error) {
        showFormError(form, error);
      }
      name.focus();
    });
  };
  const error = h("p", { class: "error small-text", "data-error-for": "name", hidden: true });
  const form = h(
    "form",
    { class: "label-add", novalidate: true, onsubmit: submit },
    icon("tag"),
    name,
    go,
    error,
  );
  return form;
}

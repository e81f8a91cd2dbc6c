/** The label picker: one row a category, with the digit that chooses it. */

import { t } from "../../core/translate.js";
import { DIGITS } from "../../ui/commands.js";
import { h, replace } from "../../ui/dom.js";
import { keyCap } from "../../ui/keymap.js";

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {{projectUrl: string}} options
 */
export function mountCategories(host, editor, { projectUrl }) {
  const list = h("div", { class: "wb-labels", role: "radiogroup", "aria-label": t("Label") });
  replace(host, h("h2", { class: "panel-title" }, t("Label")), list);

  const render = () => {
    const chosen = editor.draft ? editor.draft.categoryId : editor.categoryId;
    const rows = editor.categories.map((category, index) =>
      h(
        "button",
        {
          type: "button",
          class: "wb-label",
          role: "radio",
          "aria-checked": String(category.id === chosen),
          "data-category": category.id,
          onclick: () => editor.setCategory(category.id),
        },
        h("span", {
          class: "swatch",
          style: { background: `rgb(${editor.categoryColor(category).join(" ")})` },
        }),
        h("span", { class: "grow truncate" }, category.name),
        index < DIGITS.length ? keyCap(`label_${index + 1}`) : null,
      ),
    );
    if (rows.length) replace(list, ...rows);
    else
      replace(
        list,
        h("p", { class: "hint" }, t("No labels yet."), " ", h("a", { href: projectUrl }, t("Add labels"))),
      );
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (["categories", "selection", "draft"].some((kind) => kinds.has(/** @type {any} */ (kind)))) render();
  });
  render();
}

/** The label picker: one row a category, with the digit that chooses it. */

import { h, replace } from "../../ui/dom.js";

/** Categories reachable by a digit: 1 … 9, then 0. */
export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {{projectUrl: string}} options
 */
export function mountCategories(host, editor, { projectUrl }) {
  const list = h("div", { class: "wb-labels", role: "radiogroup", "aria-label": "Label" });
  replace(host, h("h2", { class: "panel-title" }, "Label"), list);

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
        index < DIGITS.length ? h("kbd", {}, DIGITS[index]) : null,
      ),
    );
    if (rows.length) replace(list, ...rows);
    else
      replace(
        list,
        h("p", { class: "hint" }, "No labels yet. ", h("a", { href: projectUrl }, "Add some"), "."),
      );
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (["categories", "selection", "draft"].some((kind) => kinds.has(/** @type {any} */ (kind)))) render();
  });
  render();
}

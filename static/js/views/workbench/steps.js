/** The list of steps on this image: what was done, where one stands, and a click to go there. Folded until it is wanted. */

import { t } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";

const OPEN_KEY = "annotator-steps-open";
/** As many rows as anyone scrolls through; older steps are reached by undo. */
const SHOWN = 200;

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 */
export function mountSteps(host, editor) {
  const count = h("span", { class: "count" });
  const list = h("ol", { class: "wb-steps", "aria-label": t("Steps on this image") });
  const details = h(
    "details",
    { class: "wb-steps-fold", open: remembered() },
    h("summary", { class: "panel-title" }, icon("chevron-right", "small"), t("Steps"), " ", count),
    list,
  );
  replace(host, details);

  /** What the rows show now. */
  let shown = "";
  const render = () => {
    const { steps, position } = editor;
    count.textContent = position ? String(position) : "";
    if (!details.open) return;
    const from = Math.max(0, position - SHOWN);
    const labels = steps.slice(from, from + 2 * SHOWN).map(({ label }) => label);
    const looks = [from, ...labels].join("\n");
    if (looks !== shown || !list.firstChild) {
      shown = looks;
      const rows = labels.map((label, index) => row(from + index + 1, label));
      replace(list, ...(from ? [] : [row(0, t("Image opened"))]), ...rows);
    }
    mark(position);
  };
  const row = (/** @type {number} */ position, /** @type {string} */ label) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "wb-step", "data-position": position, onclick: () => editor.goTo(position) },
        label,
      ),
    );
  const mark = (/** @type {number} */ position) => {
    for (const button of list.querySelectorAll("button")) {
      const at = Number(button.dataset.position);
      button.classList.toggle("is-undone", at > position);
      if (at === position) {
        button.setAttribute("aria-current", "step");
        reveal(list, button);
      } else button.removeAttribute("aria-current");
    }
  };

  details.addEventListener("toggle", () => {
    remember(details.open);
    render();
  });
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("history") || kinds.has("image")) render();
  });
  render();
}

/** Scroll the list alone: scrollIntoView would move the page, too. @param {HTMLElement} list @param {HTMLElement} row */
function reveal(list, row) {
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
}

function remembered() {
  try {
    return localStorage.getItem(OPEN_KEY) === "1";
  } catch {
    return false; // storage is forbidden: folded, as on the first day
  }
}

function remember(/** @type {boolean} */ open) {
  try {
    localStorage.setItem(OPEN_KEY, open ? "1" : "0");
  } catch {
    // It is only not remembered.
  }
}

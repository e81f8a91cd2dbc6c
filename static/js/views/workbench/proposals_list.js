/** The rows of proposals with their scores, and of those that were rejected. */

import { t, tn } from "../../core/translate.js";
import { h, icon, iconButton, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { GrowingList } from "../../ui/growing_list.js";
import { markRow } from "./object_row.js";

/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */
/** @typedef {import("../../ui/growing_list.js").Row} Row */

export class ProposalList {
  /** @type {GrowingList<SavedObject>} */
  #rows;

  /** @param {Editor} editor */
  constructor(editor) {
    this.element = h("ul", { class: "wb-objects wb-proposals", "aria-label": t("Proposals") });
    this.element.addEventListener("keydown", (event) => walk(event, this.element));
    this.#rows = new GrowingList(this.element, (object) => proposalRow(editor, object));
  }

  /** @param {readonly SavedObject[]} objects in their order */
  show(objects) {
    this.#rows.show(objects);
    this.element.hidden = objects.length === 0;
  }
}

/** @param {Editor} editor @param {SavedObject} object @returns {Row} */
function proposalRow(editor, object) {
  const swatch = h("span", { class: "swatch is-proposal" });
  const name = h("span", { class: "grow truncate" });
  const score = h("span", { class: "badge tabular wb-score" });
  const open = h(
    "button",
    { type: "button", class: "wb-object-open", onclick: (/** @type {MouseEvent} */ event) => choose(event) },
    swatch,
    name,
    score,
  );
  const choose = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) editor.toggleChosen(object.id);
    else editor.choose([object.id]);
  };
  const accept = iconButton("check", "", {
    kind: "small",
    "data-tooltip": null,
    onclick: () => editor.acceptProposals([object.id]),
  });
  const reject = iconButton("x", "", {
    kind: "small",
    "data-tooltip": null,
    onclick: () => editor.reject([object.id]),
  });
  const row = h("li", { class: "wb-object" }, open, accept, reject);

  let shown = "";
  let wasSelected = false;
  const update = () => {
    const { id, body, runs, isMissed } = object;
    const selected = editor.isSelected(id);
    const dimmed = editor.threshold !== null && !editor.isTaken(object);
    const color = `rgb(${editor.objectColor(object).join(" ")})`;
    const label = nameOf(editor, object);
    const looks = [id, selected, dimmed, color, label, isMissed, body.predicted_iou, runs.area].join();
    if (looks === shown) return;
    shown = looks;
    markRow(row, open, { id, selected, dimmed });
    swatch.style.setProperty("--swatch", color);
    replace(name, label);
    name.title = tn(runs.area, "{number} pixel", "{number} pixels");
    replace(score, isMissed ? icon("circle-question-mark", "small") : null, scoreText(body.predicted_iou));
    score.title = t("IoU that the model predicts for its mask");
    accept.setAttribute("aria-label", t("Accept {label}", { label }));
    reject.setAttribute(
      "aria-label",
      isMissed ? t("Dismiss {label}", { label }) : t("Reject {label}", { label }),
    );
    if (selected && !wasSelected) row.scrollIntoView({ block: "nearest" });
    wasSelected = selected;
  };
  return { row, update };
}

/** What a proposal is called: its label, else its size. @param {Editor} editor @param {SavedObject} object */
function nameOf(editor, { body, runs, isMissed }) {
  const category = editor.categories.find(({ id }) => id === body.category_id);
  if (isMissed) return t("Perhaps missed");
  return category?.name ?? t("{width} × {height} px", { width: runs.bbox[2], height: runs.bbox[3] });
}

function scoreText(/** @type {number | null} */ score) {
  return score === null ? "–" : score.toFixed(2);
}

/**
 * A fold with what was rejected, each of which can be brought back.
 * @param {Editor} editor
 */
export function rejectedList(editor) {
  const count = h("span", { class: "count" });
  const list = h("ul", { class: "wb-objects" });
  const element = h(
    "details",
    { class: "wb-steps-fold wb-rejected" },
    h("summary", {}, icon("chevron-right", "small"), t("Rejected"), count),
    list,
  );
  let shown = "";
  const update = () => {
    const objects = editor.rejected();
    element.hidden = !objects.length;
    const looks = objects.map(({ id }) => id).join();
    if (looks === shown) return;
    shown = looks;
    count.textContent = formatNumber(objects.length);
    replace(
      list,
      objects.map((object) => {
        const label = nameOf(editor, object);
        const back = iconButton("undo-2", t("Bring {label} back", { label }), {
          kind: "small",
          "data-tooltip": null,
          onclick: () => editor.reconsider(object.id),
        });
        return h(
          "li",
          { class: "wb-object is-rejected", dataset: { id: object.id } },
          h("span", { class: "wb-object-open grow truncate" }, label, scoreBadge(object)),
          back,
        );
      }),
    );
  };
  return { element, update };
}

function scoreBadge(/** @type {SavedObject} */ { body }) {
  return h("span", { class: "badge tabular wb-score" }, scoreText(body.predicted_iou));
}

/** Arrows go from row to row. @param {KeyboardEvent} event @param {HTMLElement} list */
function walk(event, list) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target instanceof Element ? event.target.closest("li") : null;
  if (!step || !row) return;
  event.preventDefault();
  event.stopPropagation();
  const next = list.children[[...list.children].indexOf(row) + step];
  if (next instanceof HTMLElement) next.querySelector("button")?.focus();
}

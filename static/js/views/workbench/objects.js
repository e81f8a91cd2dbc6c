/**
 * The list of objects on the image, topmost first: select one or several, lock, hide, delete, accept what is pending.
 */

import { language, t, tn } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { GrowingList } from "../../ui/growing_list.js";
import { markRow } from "./object_row.js";

/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */
/** @typedef {import("../../ui/growing_list.js").Row} Row */

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 */
export function mountObjects(host, editor) {
  const count = h("span", { class: "count" });
  const list = h("ul", { class: "wb-objects", "aria-label": t("Objects") });
  const empty = h("p", { class: "hint wb-objects-empty" }, t("Accepted objects are listed here."));
  replace(host, h("h2", { class: "panel-title" }, t("Objects"), " ", count), list, empty);
  list.addEventListener("keydown", (event) => walkRows(event, list, editor));
  const seen = { mixed: false };
  /** @type {GrowingList<SavedObject>} */
  const rows = new GrowingList(list, (object) => objectRow(editor, object, seen));

  const render = () => {
    const objects = decided(editor);
    seen.mixed = [...editor.objects.values()].some(({ body }) => body.source === "proposal");
    rows.show(objects);
    count.textContent = objects.length ? formatNumber(objects.length) : "";
    empty.hidden = objects.length > 0;
    list.hidden = objects.length === 0;
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("image") || kinds.has("objects") || kinds.has("categories") || kinds.has("selection"))
      render();
  });
  render();
}

/** What is listed here; proposals are a group of their own. @param {import("../../editor.js").Editor} editor */
function decided(editor) {
  return editor.listedObjects().filter((object) => !object.isUndecided);
}

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {SavedObject} object
 * @param {{mixed: boolean}} seen mixed: some of the objects were proposed
 * @returns {Row}
 */
function objectRow(editor, object, seen) {
  const swatch = h("span", { class: "swatch" });
  const name = h("span", { class: "grow truncate" });
  const origin = h("span", { class: "badge wb-origin-badge" });
  const detail = h("span", { class: "wb-object-detail tabular" });
  const open = h(
    "button",
    {
      type: "button",
      class: "wb-object-open",
      onclick: (/** @type {MouseEvent} */ event) => choose(event, object.id, editor),
    },
    swatch,
    name,
    origin,
    detail,
  );
  const accept = rowButton("check", "", async () => {
    await editor.choose([object.id], { open: false });
    await editor.acceptPending();
  });
  const lock = rowButton("lock-open", "", () => editor.toggleLocked([object.id]));
  const see = rowButton("eye", "", (event) =>
    event.altKey ? editor.toggleSolo([object.id]) : editor.toggleHidden([object.id]),
  );
  const remove = rowButton("trash-2", "danger", () => editor.deleteObject(object.id));
  const row = h("li", { class: "wb-object" }, open, accept, lock, see, remove);

  let shown = "";
  const update = () => {
    const { id, body, hidden, isPending, runs } = object;
    const selected = editor.isSelected(id);
    const locked = editor.locked.has(id);
    const added = seen.mixed && !isPending && body.source !== "proposal";
    const dimmed = hidden || (editor.soloed.size > 0 && !editor.soloed.has(id));
    const category = editor.categories.find((each) => each.id === body.category_id);
    const label = category?.name ?? t("No label");
    const color = `rgb(${editor.objectColor(object).join(" ")})`;
    // With hundreds of rows, only those that look different are touched.
    const looks = [id, selected, hidden, dimmed, locked, isPending, added, label, color, runs.area].join();
    if (looks === shown) return;
    shown = looks;
    markRow(row, open, { id, selected, dimmed });
    swatch.style.background = color;
    name.textContent = isPending ? t("{label} · pending", { label }) : label;
    origin.hidden = !added;
    origin.textContent = t("added");
    origin.title = t("A person added it; the others were proposed");
    accept.hidden = !isPending;
    lock.hidden = isPending;
    remove.hidden = locked;
    accept.setAttribute("aria-label", t("Accept {label}", { label }));
    lock.setAttribute("aria-label", locked ? t("Unlock {label}", { label }) : t("Lock {label}", { label }));
    lock.setAttribute("aria-pressed", String(locked));
    showIcon(lock, locked ? "lock" : "lock-open");
    detail.textContent = t("{number} px", { number: compact(runs.area) });
    detail.title = tn(runs.area, "{number} pixel", "{number} pixels");
    see.setAttribute("aria-label", hidden ? t("Show {label}", { label }) : t("Hide {label}", { label }));
    see.setAttribute("aria-pressed", String(hidden));
    showIcon(see, hidden ? "eye-off" : "eye");
    remove.setAttribute("aria-label", t("Delete {label}", { label }));
  };
  return { row, update };
}

/**
 * A small button in a row; its label is set with the row's.
 *
 * @param {string} name of the icon
 * @param {string} kind
 * @param {(event: MouseEvent) => void} onclick
 */
function rowButton(name, kind, onclick) {
  const made = h("button", { type: "button", class: `icon-button small ${kind}`.trim(), onclick });
  showIcon(made, name);
  return made;
}

/** @param {HTMLButtonElement} target @param {string} name */
function showIcon(target, name) {
  if (target.dataset.icon === name) return;
  target.dataset.icon = name;
  replace(target, icon(name, "small"));
}

/** @param {MouseEvent} event @param {string} id @param {import("../../editor.js").Editor} editor */
function choose(event, id, editor) {
  if (event.shiftKey) editor.chooseRange(id);
  else if (event.ctrlKey || event.metaKey) editor.toggleChosen(id);
  else editor.choose([id]);
}

/**
 * Arrows go from row to row, with Shift they select the rows on the way.
 *
 * @param {KeyboardEvent} event
 * @param {HTMLElement} list
 * @param {import("../../editor.js").Editor} editor
 */
function walkRows(event, list, editor) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target instanceof Element ? event.target.closest("li") : null;
  if (!step || !row) return;
  event.preventDefault();
  event.stopPropagation();
  const next = list.children[[...list.children].indexOf(row) + step];
  if (!(next instanceof HTMLElement)) return;
  next.querySelector("button")?.focus();
  if (!event.shiftKey) return;
  if (!editor.selection.length) editor.anchor = row.dataset.id ?? null;
  editor.chooseRange(next.dataset.id ?? "");
}

const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

/** 1 234 567 → "1.2M": areas are read at a glance. */
function compact(/** @type {number} */ value) {
  return short.format(value);
}

/** Note and attributes of the selected object: free text, and names with values. Saved when a field is left. */

import { t } from "../../core/translate.js";
import { h, icon, iconButton, replace } from "../../ui/dom.js";

/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 */
export function mountDetails(host, editor) {
  const note = h("textarea", {
    class: "textarea wb-note",
    rows: 1,
    maxlength: 10_000,
    placeholder: t("Note"),
    "aria-label": t("Note on this object"),
    onchange: () => save(),
  });
  const rows = h("div", { class: "wb-attributes" });
  const add = h(
    "button",
    { type: "button", class: "button ghost small wb-attribute-add", onclick: () => addRow("", "", true) },
    icon("plus", "small"),
    t("Attribute"),
  );
  replace(host, note, rows, add);
  /** @type {SavedObject | null} */
  let object = null;
  let shown = "";

  const addRow = (/** @type {string} */ name, /** @type {string} */ value, focus = false) => {
    const props = { class: "input small", type: "text", autocomplete: "off" };
    const key = h("input", {
      ...props,
      value: name,
      placeholder: t("Name"),
      "aria-label": t("Attribute name"),
    });
    const entry = h("input", {
      ...props,
      value,
      placeholder: t("Value"),
      "aria-label": t("Attribute value"),
    });
    const remove = iconButton("x", t("Remove attribute"), {
      kind: "small",
      "data-tooltip": null,
      onclick: () => {
        row.remove();
        save();
      },
    });
    // Name and value are one change.
    const leave = (/** @type {FocusEvent} */ event) => {
      if (!row.contains(/** @type {Node | null} */ (event.relatedTarget))) save();
    };
    const row = h("div", { class: "wb-attribute", onfocusout: leave }, key, entry, remove);
    rows.append(row);
    if (focus) key.focus();
  };

  const save = () => {
    if (!object) return;
    const kept = object.body.attributes;
    /** @type {Record<string, unknown>} */
    const attributes = {};
    for (const row of rows.children) {
      const [name, value] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
      // What another program stored as a number or a list stays so unless its text was changed.
      if (name) attributes[name] = textOf(kept[name]) === value && name in kept ? kept[name] : value;
    }
    shown = lookOf(note.value.trim(), attributes);
    editor.describe(object.id, { note: note.value.trim(), attributes });
  };

  const render = () => {
    const next = editor.draft?.base ?? null;
    const look = next ? `${next.id} ${lookOf(next.body.note, next.body.attributes)}` : "";
    if (next === object && look === `${object?.id ?? ""} ${shown}`) return;
    object = next;
    host.hidden = !next;
    if (!next) return;
    shown = lookOf(next.body.note, next.body.attributes);
    note.value = next.body.note;
    replace(rows);
    for (const [name, value] of Object.entries(next.body.attributes)) addRow(name, textOf(value));
  };
  // Keys that reach a field are text; Esc gives the keyboard back to the image, Enter in a line keeps what was typed.
  host.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLElement) || field.matches("button")) return;
    if (event.key === "Escape" || (event.key === "Enter" && field.matches("input"))) {
      event.preventDefault();
      field.blur();
    }
  });
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("selection") || kinds.has("objects") || kinds.has("image")) render();
  });
  host.hidden = true;
}

function lookOf(/** @type {string} */ note, /** @type {Record<string, unknown>} */ attributes) {
  return JSON.stringify([note, attributes]);
}

function textOf(/** @type {unknown} */ value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

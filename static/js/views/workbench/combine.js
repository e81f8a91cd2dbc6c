/**
 * The card that combines selected objects: merge, subtract, split. What it would give is on the image at once; apply or leave.
 * Whatever else one begins meanwhile takes the trial back first.
 */

import { t } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";

/** @typedef {import("../../editor/arranging.js").Combination} Combination */
/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */

/** @type {{name: Combination, icon: string, label: string, least: number, needs: string}[]} */
const CHOICES = [
  {
    name: "merge",
    icon: "squares-unite",
    label: t("Merge"),
    least: 2,
    needs: t("Select two or more objects."),
  },
  {
    name: "subtract",
    icon: "squares-subtract",
    label: t("Subtract"),
    least: 2,
    needs: t("Select the object to cut, then what to take from it."),
  },
  { name: "split", icon: "ungroup", label: t("Split into parts"), least: 1, needs: t("Select an object.") },
];
/** @type {Record<Combination, string>} */
const NOTHING = {
  merge: t("Nothing to merge"),
  subtract: t("They do not overlap, or nothing would be left"),
  split: t("Each is in one piece already"),
};

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 */
export function mountCombine(host, editor, stage) {
  let chosen = CHOICES[0];
  /** @type {AbortController | null} */
  let listening = null;

  const choices = CHOICES.map((choice) =>
    h(
      "button",
      { type: "button", "data-combination": choice.name, onclick: () => choose(choice) },
      icon(choice.icon, "small"),
      choice.label,
    ),
  );
  const first = h("div", { class: "wb-combine-first" });
  const effect = h("p", { class: "hint tabular", "aria-live": "polite" });
  const apply = button(t("Apply"), { kind: "primary small grow", onclick: () => keep() });
  apply.append(h("kbd", {}, "Enter"));
  const cancel = button(t("Cancel"), { kind: "small", onclick: () => close() });
  cancel.append(h("kbd", {}, "Esc"));
  const leave = iconButton("x", t("Close"), { kind: "small", "data-tooltip": null, onclick: () => close() });
  replace(
    host,
    h("header", {}, h("h2", { class: "panel-title" }, t("Combine")), leave),
    h("div", { class: "wb-combine-choices", role: "group", "aria-label": t("What to do") }, choices),
    first,
    effect,
    h("div", { class: "wb-draft-actions" }, apply, cancel),
  );

  const choose = (/** @type {typeof chosen} */ choice) => {
    chosen = choice;
    attempt();
  };
  const attempt = () => {
    choices.forEach((each) => {
      each.setAttribute("aria-pressed", String(each.dataset.combination === chosen.name));
    });
    const enough = editor.changeable.length >= chosen.least;
    const change = editor.tryCombination(chosen.name, chosen.label);
    apply.disabled = !change;
    effect.textContent = change ? effectOf(change) : enough ? NOTHING[chosen.name] : chosen.needs;
    renderFirst();
  };
  const renderFirst = () => {
    const [one, other] = editor.changeable;
    first.hidden = chosen.name === "split" || !other;
    if (first.hidden) return;
    const text = chosen.name === "merge" ? t("Keep label and notes of") : t("Cut the others out of");
    const swap = button(t("Another"), {
      kind: "ghost small",
      onclick: () => {
        editor.dropCombination();
        editor.chooseFirst(other.id);
        attempt();
      },
    });
    replace(first, h("span", { class: "hint" }, text), nameOf(editor, one), swap);
  };
  const keep = async () => {
    const kept = editor.keepCombination();
    close();
    await kept;
  };
  const close = () => {
    if (!listening) return;
    listening.abort();
    listening = null;
    editor.dropCombination();
    host.hidden = true;
  };
  const open = async (/** @type {Combination} */ name) => {
    const ids = editor.selection.map(({ id }) => id);
    chosen = CHOICES.find((each) => each.name === name) ?? chosen;
    if (listening) return attempt();
    if (ids.length < chosen.least) return editor.tell(chosen.needs);
    await editor.choose(ids, { open: false }); // what is open is accepted first
    listening = new AbortController();
    host.hidden = false;
    listen(listening.signal);
    attempt();
    apply.focus({ preventScroll: true });
  };
  const listen = (/** @type {AbortSignal} */ signal) => {
    const capture = { signal, capture: true };
    stage.host.addEventListener("pointerdown", close, capture);
    window.addEventListener("pagehide", close, capture);
    editor.addEventListener(
      "change",
      (event) => {
        const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
        if (kinds.has("image") || kinds.has("history")) close();
      },
      { signal },
    );
    window.addEventListener("keydown", (event) => onKey(event), capture);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const inside = event.target instanceof Node && host.contains(event.target);
    const onButton = event.target instanceof HTMLButtonElement && event.target !== apply;
    if (event.key === "Enter" && !(inside && onButton) && !event.ctrlKey) {
      if (!apply.disabled) keep();
    } else if (event.key === "Escape") close();
    else {
      const moves = /^(Arrow|Tab|Shift|Control|Alt|Meta)/.test(event.key);
      if (!moves && !(inside && event.key === " ") && !/^[ +=\-fFhHoOjJuU]$/.test(event.key)) close();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  return { open };
}

/** @param {{objects: number, pixels: number}} change */
function effectOf({ objects, pixels }) {
  const signed = (/** @type {number} */ value) => `${value > 0 ? "+" : "−"}${formatNumber(Math.abs(value))}`;
  const parts = [];
  if (objects) {
    const number = signed(objects);
    parts.push(
      Math.abs(objects) === 1 ? t("{number} object", { number }) : t("{number} objects", { number }),
    );
  }
  if (pixels) parts.push(t("{number} pixels", { number: signed(pixels) }));
  return parts.join(" · ") || t("Same pixels");
}

/** @param {import("../../editor.js").Editor} editor @param {SavedObject} object */
function nameOf(editor, object) {
  const category = editor.categories.find(({ id }) => id === object.body.category_id);
  return h(
    "span",
    { class: "wb-combine-name" },
    h("span", { class: "swatch", style: { background: `rgb(${editor.objectColor(object).join(" ")})` } }),
    h("span", { class: "truncate" }, category?.name ?? t("No label")),
    h(
      "span",
      { class: "wb-object-detail tabular" },
      t("{number} px", { number: formatNumber(object.runs.area) }),
    ),
  );
}

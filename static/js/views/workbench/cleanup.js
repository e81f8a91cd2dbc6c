/**
 * The clean-up card over the image: choose what to do and how much, see it at once, apply or leave. Whatever else one begins
 * meanwhile takes the trial back first.
 */

import { area } from "../../core/bitmap.js";
import { CLEANUPS } from "../../core/cleanup.js";
import { t } from "../../core/translate.js";
import { button, h, iconButton, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";

/** @typedef {import("../../core/cleanup.js").CleanupName} CleanupName */

/** @type {[CleanupName, string][]} */
const CHOICES = [
  ["fill_holes", t("Fill holes")],
  ["remove_specks", t("Remove specks")],
  ["smooth", t("Smooth")],
  ["keep_largest", t("Keep largest")],
  ["grow", t("Grow")],
  ["shrink", t("Shrink")],
];
/** Slider positions: areas grow tenfold every ten positions, the last one means all; radii are whole pixels. */
const SCALES = {
  area: { label: t("Up to"), min: 0, max: 60, start: 20 },
  radius: { label: t("Radius"), min: 1, max: 30, start: 1 },
};
const ALL = Number.MAX_SAFE_INTEGER - 1;

/** Slider position → amount. */
function amountAt(/** @type {"area" | "radius" | null} */ kind, /** @type {number} */ position) {
  if (kind !== "area") return position;
  return position >= SCALES.area.max ? ALL : Math.round(10 ** (position / 10));
}

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @param {(open: boolean) => void} onToggle
 */
export function mountCleanup(host, editor, stage, onToggle) {
  /** @type {CleanupName} */
  let chosen = "fill_holes";
  /** @type {Record<"area" | "radius", number>} */
  const positions = { area: SCALES.area.start, radius: SCALES.radius.start };
  let before = 0;
  /** @type {AbortController | null} */
  let listening = null;

  const choices = CHOICES.map(([name, label]) =>
    h("button", { type: "button", "data-cleanup": name, onclick: () => choose(name) }, label),
  );
  const sliderLabel = h("span");
  const slider = h("input", { type: "range", step: 1, oninput: () => slide() });
  const amountText = h("output", { class: "tabular" });
  const row = h("label", { class: "wb-slider" }, sliderLabel, slider, amountText);
  const effect = h("p", { class: "hint tabular", "aria-live": "polite" });
  const apply = button(t("Apply"), { kind: "primary small grow", onclick: () => keep() });
  apply.append(h("kbd", {}, "Enter"));
  const cancel = button(t("Cancel"), { kind: "small", onclick: () => close() });
  cancel.append(h("kbd", {}, "Esc"));
  const leave = iconButton("x", t("Close"), { kind: "small", "data-tooltip": null, onclick: () => close() });
  replace(
    host,
    h("header", {}, h("h2", { class: "panel-title" }, t("Clean up")), leave),
    h("div", { class: "wb-cleanup-choices", role: "group", "aria-label": t("What to do") }, choices),
    row,
    effect,
    h("div", { class: "wb-draft-actions" }, apply, cancel),
  );

  const choose = (/** @type {CleanupName} */ name) => {
    chosen = name;
    render();
    attempt();
  };
  const slide = () => {
    const kind = CLEANUPS[chosen].amount;
    if (kind) positions[kind] = Number(slider.value);
    render();
    attempt();
  };
  const render = () => {
    choices.forEach((each) => {
      each.setAttribute("aria-pressed", String(each.dataset.cleanup === chosen));
    });
    const kind = CLEANUPS[chosen].amount;
    row.classList.toggle("is-idle", !kind);
    slider.disabled = !kind;
    if (!kind) {
      amountText.textContent = "";
      return;
    }
    const { label, min, max } = SCALES[kind];
    sliderLabel.textContent = label;
    Object.assign(slider, { min, max, value: positions[kind] });
    const amount = amountAt(kind, positions[kind]);
    amountText.textContent = amount === ALL ? t("All") : t("{number} px", { number: formatNumber(amount) });
    slider.setAttribute("aria-valuetext", amountText.textContent);
  };
  const attempt = () => {
    const kind = CLEANUPS[chosen].amount;
    const label = CHOICES.find(([name]) => name === chosen)?.[1] ?? chosen;
    if (!editor.tryCleanup(chosen, amountAt(kind, kind ? positions[kind] : 0), label)) return close();
    const { draft } = editor;
    const change = draft ? area(draft.mask, draft.bounds) - before : 0;
    apply.disabled = change === 0;
    const number = `${change > 0 ? "+" : "−"}${formatNumber(Math.abs(change))}`;
    effect.textContent = change ? t("{number} pixels", { number }) : t("Nothing to change");
  };
  const keep = () => {
    editor.keepCleanup();
    close();
  };
  const close = () => {
    if (!listening) return;
    listening.abort();
    listening = null;
    editor.endStroke();
    host.hidden = true;
    onToggle(false);
  };
  const open = async () => {
    await editor.idle();
    const { draft } = editor;
    if (listening) return;
    if (!draft || draft.isBlank)
      return editor.tell(t("There is no mask to clean up: make or select one first."));
    before = area(draft.mask, draft.bounds);
    listening = new AbortController();
    host.hidden = false;
    onToggle(true);
    listen(listening.signal);
    render();
    attempt();
    slider.focus({ preventScroll: true });
  };
  const listen = (/** @type {AbortSignal} */ signal) => {
    const capture = { signal, capture: true };
    // Panning and zooming go on: the view listened before and keeps such a press to itself.
    stage.host.addEventListener("pointerdown", close, capture);
    window.addEventListener("pagehide", close, capture);
    editor.addEventListener(
      "change",
      (event) => {
        const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
        if (kinds.has("image")) close();
      },
      { signal },
    );
    window.addEventListener("keydown", (event) => onKey(event), capture);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const inside = event.target instanceof Node && host.contains(event.target);
    const onButton = event.target instanceof HTMLButtonElement && event.target.matches(":focus-visible");
    if (event.key === "Enter" && !(inside && onButton) && !event.ctrlKey) {
      if (!apply.disabled) keep();
    } else if (event.key === "Escape" || event.key.toLowerCase() === "c") close();
    else {
      // Keys that only look, and those of the card's own controls, leave the trial on.
      const moves = /^(Arrow|Page|Home|End|Tab|Shift|Control|Alt|Meta)/.test(event.key);
      if (!moves && !(inside && event.key === " ") && !/^[ +=\-fFhHoO]$/.test(event.key)) close();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  return { toggle: () => (listening ? close() : open()) };
}

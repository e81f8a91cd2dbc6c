/** The clean-up card: choose what to do with the mask and how much of it. */

import { area } from "../../core/bitmap.js";
import { CLEANUPS } from "../../core/cleanup.js";
import { phrase, say, t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { signed, TrialCard } from "./trial_card.js";

/** @typedef {import("../../core/cleanup.js").CleanupName} CleanupName */

/** @type {{name: CleanupName, label: import("../../core/translate.js").Phrase}[]} */
const CHOICES = [
  { name: "fill_holes", label: phrase("Fill holes") },
  { name: "remove_specks", label: phrase("Remove specks") },
  { name: "smooth", label: phrase("Smooth") },
  { name: "keep_largest", label: phrase("Keep largest") },
  { name: "grow", label: phrase("Grow") },
  { name: "shrink", label: phrase("Shrink") },
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

  const sliderLabel = h("span");
  const slider = h("input", { type: "range", step: 1, oninput: () => slide() });
  const amountText = h("output", { class: "tabular" });
  const row = h("label", { class: "wb-slider" }, sliderLabel, slider, amountText);

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
    card.mark(chosen);
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
    const label = CHOICES.find(({ name }) => name === chosen)?.label ?? chosen;
    if (!editor.tryCleanup(chosen, amountAt(kind, kind ? positions[kind] : 0), label)) return card.close();
    const { draft } = editor;
    const change = draft ? area(draft.mask, draft.bounds) - before : 0;
    card.tell(
      change ? t("{number} pixels", { number: signed(change) }) : t("Nothing to change"),
      change !== 0,
    );
  };
  const open = async () => {
    await editor.idle();
    const { draft } = editor;
    if (card.isOpen) return;
    if (!draft || draft.isBlank)
      return editor.tell(t("There is no mask to clean up: make or select one first."));
    before = area(draft.mask, draft.bounds);
    render();
    card.open();
    onToggle(true);
    attempt();
  };
  /** @type {TrialCard<CleanupName>} */
  const card = new TrialCard(
    host,
    { editor, stage },
    {
      title: t("Clean up"),
      choices: CHOICES.map(({ name, label }) => ({ name, label: say(label) })),
      options: row,
      endedBy: ["image"],
      commands: { cleanup: () => card.close() },
      choose,
      keep: () => editor.keepCleanup(),
      drop: () => {
        editor.endStroke();
        onToggle(false);
      },
    },
  );

  return { toggle: () => (card.isOpen ? card.close() : open()) };
}

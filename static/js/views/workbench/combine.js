/** The card that combines selected objects: merge, subtract, split. */

import { phrase, say, t } from "../../core/translate.js";
import { button, h, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { signed, TrialCard } from "./trial_card.js";

/** @typedef {import("../../editor/arranging.js").Combination} Combination */
/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */

/** @type {{name: Combination, icon: string, label: import("../../core/translate.js").Phrase, least: number, needs: string}[]} */
const CHOICES = [
  {
    name: "merge",
    icon: "squares-unite",
    label: phrase("Merge"),
    least: 2,
    needs: t("Select two or more objects."),
  },
  {
    name: "subtract",
    icon: "squares-subtract",
    label: phrase("Subtract"),
    least: 2,
    needs: t("Select the object to cut, then what to take from it."),
  },
  {
    name: "split",
    icon: "ungroup",
    label: phrase("Split into parts"),
    least: 1,
    needs: t("Select an object."),
  },
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
  const first = h("div", { class: "wb-combine-first" });

  const choose = (/** @type {Combination} */ name) => {
    chosen = CHOICES.find((each) => each.name === name) ?? chosen;
    attempt();
  };
  const attempt = () => {
    const enough = editor.changeable.length >= chosen.least;
    const change = editor.tryCombination(chosen.name, chosen.label);
    card.mark(chosen.name);
    card.tell(change ? effectOf(change) : enough ? NOTHING[chosen.name] : chosen.needs, change !== null);
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
  const open = async (/** @type {Combination} */ name) => {
    const ids = editor.selection.map(({ id }) => id);
    chosen = CHOICES.find((each) => each.name === name) ?? chosen;
    if (ids.length < chosen.least) return editor.tell(chosen.needs);
    await editor.choose(ids, { open: false }); // what is open is accepted first
    card.open();
    attempt();
  };
  /** @type {TrialCard<Combination>} */
  const card = new TrialCard(
    host,
    { editor, stage },
    {
      title: t("Combine"),
      choices: CHOICES.map(({ name, icon, label }) => ({ name, icon, label: say(label) })),
      options: first,
      endedBy: ["image", "history"],
      commands: Object.fromEntries(CHOICES.map(({ name }) => [name, () => choose(name)])),
      choose,
      keep: () => editor.keepCombination(),
      drop: () => editor.dropCombination(),
    },
  );

  return { open };
}

/** @param {{objects: number, pixels: number}} change */
function effectOf({ objects, pixels }) {
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

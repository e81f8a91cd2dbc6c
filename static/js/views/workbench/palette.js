/** The palette (Ctrl+K): type a few letters of a label or a command, Enter runs it. */

import { capsOf } from "../../core/chords.js";
import { search } from "../../core/match.js";
import { t } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { h, replace } from "../../ui/dom.js";
import { keymap } from "../../ui/keymap.js";

/** @typedef {{text: string, kind: string, keys: string[], swatch?: string, run: () => void}} Entry */

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {Record<string, import("./keys.js").Run>} runs
 */
export function openPalette(editor, runs) {
  const entries = [...labels(editor), ...commands(runs)];
  const input = h("input", {
    class: "input",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("Label or command"),
    "aria-label": t("Label or command"),
    "aria-expanded": "true",
    "aria-controls": "palette-list",
  });
  const list = h("ul", {
    class: "wb-palette-list",
    id: "palette-list",
    role: "listbox",
    "aria-label": t("Matches"),
  });
  const dialog = openDialog({ title: t("Go to"), body: [input, list], onsubmit: (event) => submit(event) });
  dialog.element.classList.add("wb-palette");
  /** @type {Entry[]} */
  let found = [];
  let at = 0;

  const render = () => {
    found = search(input.value, entries, ({ text }) => text);
    at = 0;
    replace(
      list,
      ...found.map(option),
      found.length ? null : h("li", { class: "hint" }, t("Nothing matches.")),
    );
    mark();
  };
  const option = (/** @type {Entry} */ entry, /** @type {number} */ index) =>
    h(
      "li",
      { role: "option", id: `palette-${index}`, onclick: () => choose(entry) },
      entry.swatch ? h("span", { class: "swatch", style: { background: entry.swatch } }) : null,
      h("span", { class: "grow truncate" }, entry.text),
      h("span", { class: "faint small-text" }, entry.kind),
      entry.keys.map((key) => h("kbd", {}, key)),
    );
  const mark = () => {
    [...list.children].forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === at));
    });
    const row = list.children[at];
    row?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", found.length ? `palette-${at}` : "");
  };
  const choose = (/** @type {Entry | undefined} */ entry) => {
    if (!entry) return;
    dialog.element.close("");
    entry.run();
  };
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    choose(found[at]);
  };

  input.addEventListener("input", render);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") submit(/** @type {any} */ (event));
    if (!step || !found.length) return;
    event.preventDefault();
    at = (at + step + found.length) % found.length;
    mark();
  });
  render();
  input.focus();
}

/** @param {import("../../editor.js").Editor} editor @returns {Entry[]} */
function labels(editor) {
  return editor.categories.map((category) => ({
    text: category.name,
    kind: t("Label"),
    keys: [],
    swatch: `rgb(${editor.categoryColor(category).join(" ")})`,
    run: () => editor.setCategory(category.id),
  }));
}

/** What the keys do, without the labels' digits: labels are entries of their own.
 * @param {Record<string, import("./keys.js").Run>} runs @returns {Entry[]} */
function commands(runs) {
  return keymap.commands
    .filter(({ id, series }) => !series && runs[id].when?.() !== false)
    .map(({ id, label, group }) => ({
      text: label,
      kind: group,
      keys: keymap.keysOf(id).slice(0, 1).flatMap(capsOf),
      run: runs[id].run,
    }));
}

/** The shortcut sheet (?): every key this person has and every mouse gesture, and the way to other keys. */

import { capsOf } from "../../core/chords.js";
import { t } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";
import { keymap } from "../../ui/keymap.js";
import { openKeymapEditor } from "../../ui/keymap_editor.js";

/** @typedef {import("../../ui/commands.js").Command} Command */

/** @type {[string, string[]][]} */
const MOUSE = [
  [t("Include"), [t("Click")]],
  [t("Exclude"), [t("Right click"), t("Alt click"), t("Shift click")]],
  [t("Box"), [t("Drag")]],
  [t("Move a point or corner"), [t("Drag it")]],
  [t("Remove a point or box"), [t("Click it"), t("Click a corner")]],
  [t("Erase with the brush"), [t("Ctrl drag")]],
  [t("Polygon, lasso"), [t("Clicks"), t("Drag")]],
  [t("Cut with polygon, lasso"), [t("Ctrl"), t("Right button")]],
  [t("Close a polygon"), [t("Double click"), t("First corner")]],
  [t("Select several"), [t("Shift click"), t("Drag")]],
  [t("Zoom"), [t("Wheel"), t("Pinch")]],
  [t("Pan"), [t("Space drag"), t("Middle drag"), t("Two fingers")]],
];

/** @param {import("../../ui/tour.js").Tour} tour */
export function showHelp(tour) {
  const groups = [...new Set(keymap.commands.map(({ group }) => group))].map((group) =>
    section(group, linesOf(keymap.commands.filter((each) => each.group === group))),
  );
  const mouse = section(
    t("Mouse and touch"),
    MOUSE.map(([label, gestures]) => line(label, gestures.map(cap))),
  );
  const change = button(t("Change shortcuts"), {
    icon: "keyboard",
    onclick: () => {
      dialog.element.close("");
      openKeymapEditor();
    },
  });
  const learn = button(t("Take the tour"), {
    icon: "play",
    kind: "ghost",
    onclick: () => {
      dialog.element.close("");
      tour.start();
    },
  });
  const dialog = openDialog({
    title: t("Keyboard and mouse"),
    wide: true,
    body: [h("div", { class: "wb-sheet" }, mouse, ...groups)],
    footer: [learn, change],
  });
  dialog.element.classList.add("wb-help");
}

/** One line a command; a series, such as the labels' digits, is one line from its first to its last. @param {Command[]} commands */
function linesOf(commands) {
  const seen = new Set();
  return commands.flatMap((command) => {
    const { series, label, where } = command;
    const firstKey = (/** @type {Command} */ each) => keymap.keysOf(each.id).slice(0, 1);
    if (!series) return [line(label, firstKey(command).flatMap(chordCaps), where)];
    if (seen.has(series)) return [];
    seen.add(series);
    const chords = commands.filter((each) => each.series === series).flatMap(firstKey);
    const ends = chords.length > 1 ? [chords[0], chords[chords.length - 1]] : chords;
    return [
      line(
        series,
        ends.flatMap((chord, index) => [...(index ? ["…"] : []), ...chordCaps(chord)]),
      ),
    ];
  });
}

/** @param {string} chord */
function chordCaps(chord) {
  return capsOf(chord).map(cap);
}

/** @param {string} text */
function cap(text) {
  return h("kbd", {}, text);
}

function section(/** @type {string} */ title, /** @type {HTMLElement[]} */ rows) {
  return h("section", {}, h("h3", { class: "panel-title" }, title), h("dl", {}, rows));
}

/** @param {string} label @param {(HTMLElement | string)[]} keys @param {string} [where] */
function line(label, keys, where) {
  const note = where ? h("span", { class: "faint small-text" }, ` ${where}`) : null;
  return h("div", {}, h("dt", {}, label, note), h("dd", {}, keys));
}

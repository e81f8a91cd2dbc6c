/** The shortcut sheet (?): every key and every mouse gesture, from the table the keyboard itself uses. */

import { openDialog } from "../../ui/dialog.js";
import { h } from "../../ui/dom.js";

/** @typedef {import("./keys.js").Shortcut} Shortcut */

/** @type {[string, string[]][]} */
const MOUSE = [
  ["Include", ["Click"]],
  ["Exclude", ["Right click", "Alt click", "Shift click"]],
  ["Box", ["Drag"]],
  ["Move a point or corner", ["Drag it"]],
  ["Remove a point or box", ["Click it", "Click a corner"]],
  ["Erase with the brush", ["Ctrl drag"]],
  ["Polygon, lasso", ["Clicks", "Drag"]],
  ["Cut with polygon, lasso", ["Ctrl", "Right button"]],
  ["Close a polygon", ["Double click", "First corner"]],
  ["Zoom", ["Wheel", "Pinch"]],
  ["Pan", ["Space drag", "Middle drag", "Two fingers"]],
];

/** @param {Shortcut[]} table */
export function showHelp(table) {
  const groups = [...new Set(table.map((shortcut) => shortcut.group))].map((group) =>
    section(
      group,
      table
        .filter((shortcut) => shortcut.group === group && shortcut.label)
        .map(({ label, keys, show }) => row(label, show ?? keys)),
    ),
  );
  const mouse = section(
    "Mouse and touch",
    MOUSE.map(([label, gestures]) => row(label, gestures)),
  );
  openDialog({
    title: "Keyboard and mouse",
    wide: true,
    body: [h("div", { class: "wb-sheet" }, mouse, ...groups)],
  });
}

function section(/** @type {string} */ title, /** @type {HTMLElement[]} */ rows) {
  return h("section", {}, h("h3", { class: "panel-title" }, title), h("dl", {}, rows));
}

function row(/** @type {string} */ label, /** @type {string[]} */ keys) {
  const caps = keys.flatMap((key) => key.split(/(?<=.)\+/).map((part) => h("kbd", {}, part)));
  return h("div", {}, h("dt", {}, label), h("dd", {}, caps));
}

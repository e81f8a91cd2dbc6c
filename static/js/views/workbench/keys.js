/**
 * The keyboard: one table of shortcuts, which the handler and the help sheet both read. Keys are the letters on the key caps
 * that people bring from other tools; nothing is taken while one types in a field or a dialog is open.
 */

import { DIGITS } from "./categories.js";

/**
 * @typedef {object} Shortcut
 * @property {string} group
 * @property {string} label
 * @property {string[]} keys   "Ctrl+Shift+Z" form; any of them
 * @property {string[]} [show] how the sheet prints them, when other than `keys`
 * @property {() => void} run
 * @property {boolean} [repeat] also while the key is held down
 * @property {() => boolean} [when] otherwise the key is the browser's
 */

/**
 * @typedef {object} Actions
 * @property {(name: import("./rail.js").ToolName) => void} tool
 * @property {() => void} cleanup                 open or close the clean-ups
 * @property {() => void} preview
 * @property {() => void} snapStrokes             every stroke, or only on demand
 * @property {() => void} flip                    the sign of a point, or of the next clicks
 * @property {() => void} hide
 * @property {() => void} complete
 * @property {() => void} skip
 * @property {() => void} needing                 the next image that needs this person
 * @property {() => void} browse                  choose from all images
 * @property {() => void} palette
 * @property {() => void} help
 * @property {() => void} info                    about the image
 * @property {() => void} outline                 outlines only, or filled
 * @property {() => void} crosshair
 * @property {() => void} minimap
 * @property {(step: 1 | -1) => void} step       next or previous image
 */

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @param {import("../../tools/brush.js").BrushSize} size
 * @param {Actions} actions
 * @returns {Shortcut[]}
 */
export function shortcuts(editor, stage, size, actions) {
  const tool = (/** @type {import("./rail.js").ToolName} */ name) => () => actions.tool(name);
  const digit = (/** @type {number} */ index) => () => {
    const category = editor.categories[index];
    if (category) editor.setCategory(category.id);
  };
  const offered = () => (editor.draft?.decoded?.candidates.length ?? 0) > 1;
  return [
    { group: "Tools", label: "Points and boxes", keys: ["S"], run: tool("point_box") },
    { group: "Tools", label: "Brush", keys: ["B"], run: tool("brush") },
    { group: "Tools", label: "Eraser", keys: ["E"], run: tool("eraser") },
    { group: "Tools", label: "Polygon and lasso", keys: ["P"], run: tool("polygon") },
    { group: "Tools", label: "Select", keys: ["V"], run: tool("select") },
    { group: "Tools", label: "Clean up the mask", keys: ["C"], run: actions.cleanup },
    { group: "Tools", label: "Flip include and exclude", keys: ["T"], run: actions.flip },
    { group: "Tools", label: "Snap the painted mask", keys: ["W"], run: () => editor.snap() },
    { group: "Tools", label: "Snap every stroke", keys: ["Shift+W"], run: actions.snapStrokes },
    { group: "Tools", label: "Smaller brush", keys: ["["], run: () => size.shrink(), repeat: true },
    { group: "Tools", label: "Larger brush", keys: ["]"], run: () => size.grow(), repeat: true },

    { group: "Object", label: "Accept, keep the tool", keys: ["Enter"], run: () => editor.accept() },
    { group: "Object", label: "Cancel", keys: ["Escape"], show: ["Esc"], run: () => editor.cancel() },
    {
      group: "Object",
      label: "Next mask",
      keys: ["Tab"],
      run: () => editor.cycleCandidate(1),
      when: offered,
    },
    {
      group: "Object",
      label: "Previous mask",
      keys: ["Shift+Tab"],
      run: () => editor.cycleCandidate(-1),
      when: offered,
    },
    {
      group: "Object",
      label: "Delete",
      keys: ["Delete", "Backspace"],
      show: ["Delete"],
      run: () => editor.deleteSelected(),
    },
    ...DIGITS.map((key, index) => ({
      group: "Object",
      label: index ? "" : "Label",
      keys: [key],
      show: index ? [] : ["1", "…", "9", "0"],
      run: digit(index),
    })),

    { group: "Edit", label: "Undo", keys: ["Ctrl+Z"], run: () => editor.undo(), repeat: true },
    {
      group: "Edit",
      label: "Redo",
      keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
      show: ["Ctrl+Shift+Z"],
      run: () => editor.redo(),
      repeat: true,
    },

    { group: "View", label: "Fit the image", keys: ["F"], run: () => stage.fit() },
    { group: "View", label: "Hide other objects", keys: ["H"], run: actions.hide },
    { group: "View", label: "Outlines only", keys: ["O"], run: actions.outline },
    { group: "View", label: "Cross-hair", keys: ["R"], run: actions.crosshair },
    { group: "View", label: "Overview", keys: ["M"], run: actions.minimap },
    { group: "View", label: "About this image", keys: ["I"], run: actions.info },
    {
      group: "View",
      label: "Zoom in",
      keys: ["+", "="],
      show: ["+"],
      run: () => stage.zoom(1.25),
      repeat: true,
    },
    { group: "View", label: "Zoom out", keys: ["-"], run: () => stage.zoom(0.8), repeat: true },

    { group: "Images", label: "Previous image", keys: ["A"], run: () => actions.step(-1) },
    { group: "Images", label: "Next image", keys: ["D"], run: () => actions.step(1) },
    { group: "Images", label: "Complete, then next", keys: ["Ctrl+Enter"], run: actions.complete },
    { group: "Images", label: "Skip, with a reason", keys: ["K"], run: actions.skip },
    { group: "Images", label: "Next image that needs me", keys: ["N"], run: actions.needing },
    { group: "Images", label: "Choose from all images", keys: ["G"], run: actions.browse },
    { group: "Images", label: "Labels and commands", keys: ["Ctrl+K"], run: actions.palette },
    { group: "Images", label: "This sheet", keys: ["?"], run: actions.help },
  ];
}

/**
 * The event in the table's form. Shift counts only where it does not make another character.
 *
 * @param {KeyboardEvent} event
 */
export function chordOf(event) {
  const key = event.key.length === 1 ? letterOf(event) : event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const named = event.key.length > 1 || /[A-Z]/.test(key);
  return `${control}${event.shiftKey && named ? "Shift+" : ""}${key}`;
}

/** On keyboards of other scripts the key's place counts, not the letter it writes. */
function letterOf(/** @type {KeyboardEvent} */ event) {
  const foreign = event.key.charCodeAt(0) > 127 && event.code.startsWith("Key");
  return foreign ? event.code.slice(3) : event.key.toUpperCase();
}

/**
 * @param {Shortcut[]} table
 * @param {import("../../tools/pan.js").Pan} pan  gets the space bar
 */
export function listenToKeys(table, pan) {
  const byChord = new Map(table.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])));
  window.addEventListener("keydown", (event) => {
    if (event.altKey || document.querySelector("dialog[open]") || isTyping(event.target)) return;
    if (event.key === " ") {
      if (isControl(event.target)) return; // the space bar presses the focused button
      event.preventDefault();
      pan.spaceHeld = true;
      return;
    }
    // Esc closes an open popover before it cancels anything.
    if (event.key === "Escape" && document.querySelector('[popover="auto"]:popover-open')) return;
    const shortcut = byChord.get(chordOf(event));
    if (!shortcut || leavesToBrowser(event) || shortcut.when?.() === false) return;
    event.preventDefault();
    if (!event.repeat || shortcut.repeat) shortcut.run();
  });
  window.addEventListener("keyup", (event) => {
    if (event.key === " ") pan.spaceHeld = false;
  });
  window.addEventListener("blur", () => {
    pan.spaceHeld = false;
  });
}

/** On a focused control, Enter and Tab keep their meaning for people who work by keyboard alone. */
function leavesToBrowser(/** @type {KeyboardEvent} */ event) {
  return isControl(event.target) && (event.key === "Enter" || event.key === "Tab") && !event.ctrlKey;
}

function isTyping(/** @type {EventTarget | null} */ target) {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

/** A control that was reached by keyboard; one that was clicked gives its focus back to the image. */
function isControl(/** @type {EventTarget | null} */ target) {
  return target instanceof HTMLElement && target.matches(":is(button, a, [role=radio]):focus-visible");
}

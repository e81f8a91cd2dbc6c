/**
 * The keyboard: what each command of ui/commands.js does here, and the one handler. Nothing is taken while one types in a
 * field or a dialog is open.
 */

import { chordsOf } from "../../core/chords.js";
import { DIGITS } from "../../ui/commands.js";
import { keymap } from "../../ui/keymap.js";

/**
 * @typedef {object} Run
 * @property {() => void} run
 * @property {() => boolean} [when] otherwise the key is the browser's
 */

/**
 * @typedef {object} Actions
 * @property {(name: import("./rail.js").ToolName) => void} tool
 * @property {() => void} cleanup                 open or close the clean-ups
 * @property {() => void} preview
 * @property {() => void} snapStrokes             every stroke, or only on demand
 * @property {() => void} pressure                a pen's pressure changes the brush, or not
 * @property {() => void} flip                    the sign of a point, or of the next clicks
 * @property {() => void} hide
 * @property {() => void} complete
 * @property {() => void} skip
 * @property {() => void} needing                 the next image that needs this person
 * @property {() => void} browse                  choose from all images
 * @property {() => void} palette
 * @property {() => void} help
 * @property {() => void} lookCloser              at what is in sight, or back to the whole image
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
 * @param {Record<string, Run>} arranging  by command id
 * @returns {Record<string, Run>} by command id
 */
export function commandRuns(editor, stage, size, actions, arranging) {
  const label = (/** @type {number} */ index) => () => {
    const category = editor.categories[index];
    if (category) editor.setCategory(category.id);
  };
  const when = () => (editor.draft?.decoded?.candidates.length ?? 0) > 1;
  return {
    tool_point_box: { run: () => actions.tool("point_box") },
    tool_brush: { run: () => actions.tool("brush") },
    tool_eraser: { run: () => actions.tool("eraser") },
    tool_polygon: { run: () => actions.tool("polygon") },
    tool_scribble: { run: () => actions.tool("scribble") },
    tool_select: { run: () => actions.tool("select") },
    cleanup: { run: actions.cleanup },
    flip: { run: actions.flip },
    snap: { run: () => editor.snap() },
    snap_strokes: { run: actions.snapStrokes },
    brush_smaller: { run: () => size.shrink() },
    brush_larger: { run: () => size.grow() },
    pen_pressure: { run: actions.pressure },

    accept: { run: () => editor.acceptAndGoOn() },
    cancel: { run: () => editor.cancel() },
    next_mask: { run: () => editor.cycleCandidate(1), when },
    previous_mask: { run: () => editor.cycleCandidate(-1), when },
    delete: { run: () => editor.deleteSelected() },
    ...Object.fromEntries(DIGITS.map((_, index) => [`label_${index + 1}`, { run: label(index) }])),

    ...arranging,

    undo: { run: () => editor.undo() },
    redo: { run: () => editor.redo() },

    fit: { run: () => stage.fit() },
    hide_others: { run: actions.hide },
    outlines: { run: actions.outline },
    crosshair: { run: actions.crosshair },
    overview: { run: actions.minimap },
    image_info: { run: actions.info },
    look_closer: { run: actions.lookCloser },
    zoom_in: { run: () => stage.zoom(1.25) },
    zoom_out: { run: () => stage.zoom(0.8) },

    previous_image: { run: () => actions.step(-1) },
    next_image: { run: () => actions.step(1) },
    complete: { run: actions.complete },
    skip: { run: actions.skip },
    next_needing: { run: actions.needing },
    browse: { run: actions.browse },
    palette: { run: actions.palette },
    help: { run: actions.help },
  };
}

/**
 * @param {Record<string, Run>} runs
 * @param {{down: (event: KeyboardEvent) => void, up: (event: KeyboardEvent) => void, lost: () => void}} space
 */
export function listenToKeys(runs, space) {
  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    if (event.key === " " && !event.altKey) {
      if (isControl(event.target)) return; // the space bar presses the focused button
      event.preventDefault();
      space.down(event);
      return;
    }
    // Esc closes an open popover before it cancels anything.
    if (event.key === "Escape" && document.querySelector('[popover="auto"]:popover-open')) return;
    const command = commandOf(event);
    if (!command || leavesToBrowser(event)) return;
    const { run, when } = runs[command.id];
    if (when?.() === false) return;
    event.preventDefault();
    if (!event.repeat || command.repeat) run();
  });
  window.addEventListener("keyup", (event) => {
    if (event.key === " ") space.up(event);
  });
  window.addEventListener("blur", () => space.lost());
}

/** The command that the pressed keys stand for. @param {KeyboardEvent} event */
export function commandOf(event) {
  for (const chord of chordsOf(event)) {
    const command = keymap.commandAt(chord);
    if (command) return command;
  }
  return undefined;
}

/** On a focused control, Enter, Tab and the arrows keep their meaning for people who work by keyboard alone. */
function leavesToBrowser(/** @type {KeyboardEvent} */ event) {
  return isControl(event.target) && /^(Enter|Tab|Arrow.*)$/.test(event.key) && !event.ctrlKey;
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

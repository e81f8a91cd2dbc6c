// @ts-check
/**
 * Every command that has a key: its id, its group and name for people, and the keys it has until a person chooses others.
 * What a command does is in views/workbench/keys.js; the handler, the shortcut sheet, the palette and tooltips read this table.
 */

import { t } from "../core/translate.js";

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} group
 * @property {string} label
 * @property {readonly string[]} keys   chords (core/chords.js); any of them
 * @property {string} [where]           when it holds, if not always
 * @property {boolean} [repeat]         also while the key is held down
 * @property {boolean} [fixed]          the same for everybody
 * @property {string} [series]          commands that the sheet shows as one line
 */

const TOOLS = t("Tools");
const OBJECT = t("Object");
const PROPOSALS = t("Proposals");
const ARRANGE = t("Arrange");
const EDIT = t("Edit");
const VIEW = t("View");
const IMAGES = t("Images");
const CURSOR = t("Cursor, without a mouse");

const OFFERED = t("while several masks are offered");

/** Categories reachable by a digit: 1 … 9, then 0. */
export const DIGITS = /** @type {const} */ (["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"]);

const ARROWS = /** @type {const} */ (["Left", "Right", "Up", "Down"]);
const DIRECTIONS = { Left: t("left"), Right: t("right"), Up: t("up"), Down: t("down") };

/** The same command in four directions. @param {string} id @param {string} modifier @param {string} series */
function arrows(id, modifier, series) {
  return ARROWS.map((side) => ({
    id: `${id}_${side.toLowerCase()}`,
    group: CURSOR,
    label: t("{command}: {direction}", { command: series, direction: DIRECTIONS[side] }),
    keys: [`${modifier}Arrow${side}`],
    repeat: true,
    series,
  }));
}

/** @type {readonly Readonly<Command>[]} */
export const COMMANDS = [
  { id: "tool_point_box", group: TOOLS, label: t("Points and boxes"), keys: ["S"] },
  { id: "tool_brush", group: TOOLS, label: t("Brush"), keys: ["B"] },
  { id: "tool_eraser", group: TOOLS, label: t("Eraser"), keys: ["E"] },
  { id: "tool_polygon", group: TOOLS, label: t("Polygon and lasso"), keys: ["P"] },
  { id: "tool_scribble", group: TOOLS, label: t("Scribble and lasso prompts"), keys: ["Y"] },
  { id: "tool_select", group: TOOLS, label: t("Select"), keys: ["V"] },
  { id: "cleanup", group: TOOLS, label: t("Clean up the mask"), keys: ["C"] },
  { id: "flip", group: TOOLS, label: t("Flip include and exclude"), keys: ["T"] },
  { id: "snap", group: TOOLS, label: t("Snap the painted mask"), keys: ["W"] },
  { id: "snap_strokes", group: TOOLS, label: t("Snap every stroke"), keys: ["Shift+W"] },
  { id: "brush_smaller", group: TOOLS, label: t("Smaller brush"), keys: ["["], repeat: true },
  { id: "brush_larger", group: TOOLS, label: t("Larger brush"), keys: ["]"], repeat: true },
  { id: "pen_pressure", group: TOOLS, label: t("Pen pressure changes the brush"), keys: ["Shift+B"] },

  { id: "accept", group: OBJECT, label: t("Accept, keep the tool"), keys: ["Enter"] },
  { id: "cancel", group: OBJECT, label: t("Cancel"), keys: ["Escape"], fixed: true },
  { id: "next_mask", group: OBJECT, label: t("Next mask"), keys: ["Tab"], where: OFFERED },
  { id: "previous_mask", group: OBJECT, label: t("Previous mask"), keys: ["Shift+Tab"], where: OFFERED },
  { id: "delete", group: OBJECT, label: t("Delete"), keys: ["Delete", "Backspace"] },
  ...DIGITS.map((key, index) => ({
    id: `label_${index + 1}`,
    group: OBJECT,
    label: t("Label {number}", { number: index + 1 }),
    keys: [key],
    series: t("Label"),
  })),

  { id: "many_objects", group: OBJECT, label: t("One object a click"), keys: ["Q"] },
  { id: "find_similar", group: OBJECT, label: t("Find similar objects"), keys: ["Shift+Q"] },
  { id: "no_overlaps", group: OBJECT, label: t("Without overlaps"), keys: ["X"] },

  { id: "next_proposal", group: PROPOSALS, label: t("Next proposal"), keys: ["."], repeat: true },
  { id: "previous_proposal", group: PROPOSALS, label: t("Previous proposal"), keys: [","], repeat: true },
  { id: "reject_proposal", group: PROPOSALS, label: t("Reject, then next"), keys: ["Shift+X"] },
  { id: "accept_above", group: PROPOSALS, label: t("Accept all above a score"), keys: ["Shift+A"] },
  { id: "show_missed", group: PROPOSALS, label: t("Show what was perhaps missed"), keys: ["Shift+M"] },

  { id: "select_all", group: ARRANGE, label: t("Select all"), keys: ["Ctrl+A"] },
  { id: "merge", group: ARRANGE, label: t("Merge"), keys: ["J"] },
  { id: "subtract", group: ARRANGE, label: t("Subtract"), keys: ["Shift+J"] },
  { id: "split", group: ARRANGE, label: t("Split into parts"), keys: ["U"] },
  { id: "copy", group: ARRANGE, label: t("Copy"), keys: ["Ctrl+C"] },
  { id: "cut", group: ARRANGE, label: t("Cut"), keys: ["Ctrl+X"] },
  { id: "paste", group: ARRANGE, label: t("Paste"), keys: ["Ctrl+V"] },
  { id: "duplicate", group: ARRANGE, label: t("Duplicate"), keys: ["Ctrl+D"] },
  { id: "bring_forward", group: ARRANGE, label: t("Bring forward"), keys: ["PageUp"] },
  { id: "send_backward", group: ARRANGE, label: t("Send backward"), keys: ["PageDown"] },
  { id: "bring_to_front", group: ARRANGE, label: t("Bring to front"), keys: ["Shift+PageUp"] },
  { id: "send_to_back", group: ARRANGE, label: t("Send to back"), keys: ["Shift+PageDown"] },
  { id: "lock", group: ARRANGE, label: t("Lock or unlock"), keys: ["L"] },
  { id: "hide_selected", group: ARRANGE, label: t("Hide or show"), keys: ["Shift+H"] },
  { id: "solo", group: ARRANGE, label: t("Show only these"), keys: ["Shift+S"] },

  { id: "undo", group: EDIT, label: t("Undo"), keys: ["Ctrl+Z"], repeat: true },
  { id: "redo", group: EDIT, label: t("Redo"), keys: ["Ctrl+Shift+Z", "Ctrl+Y"], repeat: true },

  { id: "fit", group: VIEW, label: t("Fit the image"), keys: ["F"] },
  { id: "hide_others", group: VIEW, label: t("Hide other objects"), keys: ["H"] },
  { id: "outlines", group: VIEW, label: t("Outlines only"), keys: ["O"] },
  { id: "crosshair", group: VIEW, label: t("Cross-hair"), keys: ["R"] },
  { id: "overview", group: VIEW, label: t("Overview"), keys: ["M"] },
  { id: "image_info", group: VIEW, label: t("About this image"), keys: ["I"] },
  { id: "look_closer", group: VIEW, label: t("Look closer, for finer masks"), keys: ["Z"] },
  { id: "zoom_in", group: VIEW, label: t("Zoom in"), keys: ["+", "="], repeat: true },
  { id: "zoom_out", group: VIEW, label: t("Zoom out"), keys: ["-"], repeat: true },

  ...arrows("cursor", "", t("Move the cursor")),
  ...arrows("cursor_far", "Shift+", t("Move the cursor far")),
  ...arrows("cursor_pixel", "Ctrl+", t("Move the cursor by a pixel")),
  {
    id: "cursor_press",
    group: CURSOR,
    label: t("Press at the cursor; with Shift, exclude"),
    keys: ["Space"],
    fixed: true,
  },

  { id: "previous_image", group: IMAGES, label: t("Previous image"), keys: ["A"] },
  { id: "next_image", group: IMAGES, label: t("Next image"), keys: ["D"] },
  { id: "complete", group: IMAGES, label: t("Complete, then next"), keys: ["Ctrl+Enter"] },
  { id: "skip", group: IMAGES, label: t("Skip, with a reason"), keys: ["K"] },
  { id: "next_needing", group: IMAGES, label: t("Next image that needs me"), keys: ["N"] },
  { id: "browse", group: IMAGES, label: t("Choose from all images"), keys: ["G"] },
  { id: "palette", group: IMAGES, label: t("Labels and commands"), keys: ["Ctrl+K"] },
  { id: "help", group: IMAGES, label: t("Keyboard shortcuts"), keys: ["?"] },
];

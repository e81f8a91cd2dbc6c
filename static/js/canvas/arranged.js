/**
 * What tells objects apart beyond their masks: frames around those that are selected together, the clicks behind pending
 * ones, question marks on what was perhaps missed, and rings around those too small to be seen.
 */

import { EMPTY_RECT, isEmptyRect } from "../core/bitmap.js";
import { toView } from "./viewport.js";

/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {[number, number, number, number]} Box x, y, width, height in CSS pixels */

/** Room between a mask and its frame, and sizes of the marks, CSS pixels. */
const [ROOM, PIN, RING, SPECK, BADGE] = [3, 3.5, 8, 8, 9];
const HALO = "rgb(255 255 255 / 90%)";
const PREVIEW = "rgb(0 114 189)";

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels, already cleared
 * @param {Viewport} viewport
 * @param {Editor} editor
 */
export function drawArranged(context, viewport, editor) {
  for (const object of editor.visibleObjects()) {
    const [x, y, width, height] = object.runs.bbox;
    const box = boxOf(viewport, x, y, width, height);
    if (isSpeck(box)) drawRing(context, box, colorOf(editor, object));
    if (object.isPending)
      drawPins(context, viewport, object.body.prompts?.points ?? [], colorOf(editor, object));
    if (object.isMissed) drawQuestion(context, box, colorOf(editor, object));
    if (editor.chosen.has(object.id)) drawFrame(context, box);
  }
  const bounds = editor.draft?.bounds ?? EMPTY_RECT;
  if (isEmptyRect(bounds)) return;
  const box = boxOf(viewport, bounds.x0, bounds.y0, bounds.x1 - bounds.x0, bounds.y1 - bounds.y0);
  if (isSpeck(box)) drawRing(context, box, PREVIEW);
}

/** @param {Editor} editor @param {import("../editor/objects.js").SavedObject} object */
function colorOf(editor, object) {
  return `rgb(${editor.objectColor(object).join(" ")})`;
}

/** @param {Viewport} viewport @param {number} x @param {number} y @param {number} width @param {number} height @returns {Box} */
function boxOf(viewport, x, y, width, height) {
  return [...toView(viewport, x, y), width * viewport.scale, height * viewport.scale];
}

function isSpeck(/** @type {Box} */ [, , width, height]) {
  return width > 0 && Math.max(width, height) < SPECK;
}

/** @param {CanvasRenderingContext2D} context @param {Box} box */
function drawFrame(context, [x, y, width, height]) {
  context.lineWidth = 1.5;
  for (const [color, dash] of /** @type {const} */ ([
    [HALO, []],
    [PREVIEW, [5, 4]],
  ])) {
    context.strokeStyle = color;
    context.setLineDash(dash);
    context.strokeRect(x - ROOM, y - ROOM, width + 2 * ROOM, height + 2 * ROOM);
  }
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Box} box @param {string} color */
function drawRing(context, [x, y, width, height], color) {
  for (const [style, line] of /** @type {const} */ ([
    [HALO, 4],
    [color, 2],
  ])) {
    context.beginPath();
    context.arc(x + width / 2, y + height / 2, RING, 0, 2 * Math.PI);
    context.strokeStyle = style;
    context.lineWidth = line;
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {Box} box @param {string} color */
function drawQuestion(context, [x, y, width, height], color) {
  const [left, top] = [x + width / 2, y + height / 2];
  context.beginPath();
  context.arc(left, top, BADGE, 0, 2 * Math.PI);
  context.fillStyle = HALO;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.stroke();
  context.font = `bold ${1.4 * BADGE}px sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = "rgb(23 27 33)";
  context.fillText("?", left, top + 1);
}

/** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {readonly number[][]} points @param {string} color */
function drawPins(context, viewport, points, color) {
  for (const [x, y] of points) {
    const [left, top] = toView(viewport, x + 0.5, y + 0.5);
    context.beginPath();
    context.arc(left, top, PIN, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = HALO;
    context.stroke();
  }
}

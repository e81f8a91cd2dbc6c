/** What lies over photograph and masks: grid, frame, signs of arranged objects, prompts and what the tools add. */

import { drawArranged } from "./arranged.js";
import { drawCropFrame } from "./crop_frame.js";
import { drawMarks } from "./marks.js";
import { drawPixelGrid } from "./pixel_grid.js";

/** @typedef {import("./marks.js").Marks} Marks */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {Pick<Marks, "hovered" | "rubberBand" | "path"> & {dragged: {index: number, at: [number, number]} | null}} ToolMarks */

/** @type {ToolMarks} */
export const NO_MARKS = { hovered: null, rubberBand: null, path: null, dragged: null };

/**
 * The prompts as they are shown: a point that is dragged is where the pointer is.
 *
 * @param {Editor} editor
 * @param {ToolMarks} added
 * @returns {Marks}
 */
export function allMarks({ prompts, given }, added) {
  const { dragged } = added;
  const points = dragged
    ? prompts.points.map((point, index) => (index === dragged.index ? dragged.at : point))
    : prompts.points;
  return { ...prompts, ...added, points, given };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {object} scene
 * @param {import("./viewport.js").Viewport} scene.viewport
 * @param {number} scene.ratio device pixels per CSS pixel
 * @param {import("./viewport.js").Size} scene.size of the image
 * @param {Editor} scene.editor
 * @param {ToolMarks} scene.added
 */
export function paintMarks(context, { viewport, ratio, size, editor, added }) {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawPixelGrid(context, viewport, size);
  drawCropFrame(context, viewport, editor.crop);
  drawArranged(context, viewport, editor);
  drawMarks(context, viewport, allMarks(editor, added));
}

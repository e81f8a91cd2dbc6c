/** The outline of a mask that was drawn by hand and given to the model, in the coarse steps in which the model sees it. */

import { toView } from "./viewport.js";

/** @typedef {import("../editor/snapping.js").Given} Given */

/** Outlines in cells of the mask grid: drawn anew with every view, found once. @type {WeakMap<Float32Array, Path2D>} */
const outlines = new WeakMap();

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {import("./viewport.js").Viewport} viewport
 * @param {Given} given
 */
export function drawGiven(context, viewport, { logits, frame }) {
  const path = outlines.get(logits) ?? outlineOf(logits, frame.maskSize);
  outlines.set(logits, path);
  const [rows, columns] = frame.maskSize;
  const cellX = ((frame.imageSize / columns) * frame.original[1]) / frame.input[1];
  const cellY = ((frame.imageSize / rows) * frame.original[0]) / frame.input[0];
  const [left, top] = toView(viewport, ...(frame.origin ?? /** @type {const} */ ([0, 0])));
  const onScreen = new Path2D();
  onScreen.addPath(path, new DOMMatrix([cellX * viewport.scale, 0, 0, cellY * viewport.scale, left, top]));
  context.save();
  for (const [style, dash] of /** @type {const} */ ([
    ["rgb(0 0 0 / 55%)", []],
    ["#fff", [4, 4]],
  ])) {
    context.strokeStyle = style;
    context.lineWidth = 1.25;
    context.setLineDash(dash);
    context.stroke(onScreen);
  }
  context.restore();
}

/** @param {Float32Array} logits @param {readonly [number, number]} size rows, columns */
function outlineOf(logits, [rows, columns]) {
  const path = new Path2D();
  const inside = (/** @type {number} */ row, /** @type {number} */ column) =>
    row >= 0 && row < rows && column >= 0 && column < columns && logits[row * columns + column] > 0;
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column <= columns; column++) {
      const here = inside(row, column);
      if (here !== inside(row - 1, column)) {
        path.moveTo(column, row);
        path.lineTo(column + 1, row);
      }
      if (here !== inside(row, column - 1)) {
        path.moveTo(column, row);
        path.lineTo(column, row + 1);
      }
    }
  }
  return path;
}

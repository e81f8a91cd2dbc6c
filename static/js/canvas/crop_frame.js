/** The frame around the part of the image that is looked at closely. */

import { toView } from "./viewport.js";

/** Corner brackets, CSS pixels. */
const ARM = 14;

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {import("./viewport.js").Viewport} viewport
 * @param {import("../core/crop.js").Crop | null} crop
 */
export function drawCropFrame(context, viewport, crop) {
  if (!crop) return;
  const [x0, y0] = toView(viewport, crop[0], crop[1]);
  const [x1, y1] = toView(viewport, crop[2], crop[3]);
  const edge = new Path2D();
  edge.rect(x0, y0, x1 - x0, y1 - y0);
  const corners = new Path2D();
  for (const [x, y, dx, dy] of [
    [x0, y0, ARM, ARM],
    [x1, y0, -ARM, ARM],
    [x1, y1, -ARM, -ARM],
    [x0, y1, ARM, -ARM],
  ]) {
    corners.moveTo(x + dx, y);
    corners.lineTo(x, y);
    corners.lineTo(x, y + dy);
  }
  context.save();
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = 3;
  context.stroke(edge);
  context.lineWidth = 5;
  context.stroke(corners);
  context.strokeStyle = "#fff";
  context.lineWidth = 1;
  context.setLineDash([6, 4]);
  context.stroke(edge);
  context.setLineDash([]);
  context.lineWidth = 2.5;
  context.stroke(corners);
  context.restore();
}

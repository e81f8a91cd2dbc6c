/** The outline that a polygon or lasso is drawing. */

import { toView } from "./viewport.js";

/**
 * @typedef {object} PathMark
 * @property {readonly (readonly [number, number])[]} points  image frame, pixel centres at integers
 * @property {readonly [number, number] | null} pointer  where the next corner would be
 * @property {boolean} erase
 * @property {boolean} closes  a click would close the outline
 * @property {boolean} [free]  a line drawn freehand, which goes around something only when it closes
 */

/** Corners are drawn while they can be told apart: a freehand line has hundreds. */
const MOST_CORNERS = 60;

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {import("./viewport.js").Viewport} viewport
 * @param {PathMark} path
 * @param {string} color
 */
export function drawPath(context, viewport, { points, pointer, closes, free = false }, color) {
  const line = points.map(([x, y]) => toView(viewport, x + 0.5, y + 0.5));
  if (!line.length) return;
  const [first] = line;
  const outline = new Path2D();
  for (const [x, y] of line) outline.lineTo(x, y);
  const ahead = new Path2D();
  if (pointer) {
    ahead.moveTo(...line[line.length - 1]);
    ahead.lineTo(...(closes ? first : toView(viewport, pointer[0] + 0.5, pointer[1] + 0.5)));
    if (!closes && line.length > 1) ahead.lineTo(...first);
  }
  context.save();
  context.fillStyle = color;
  context.globalAlpha = 0.14;
  const inside = new Path2D(outline);
  inside.addPath(ahead);
  if (!free || closes) context.fill(inside, "nonzero");
  context.globalAlpha = 1;
  context.lineJoin = "round";
  for (const [style, width] of /** @type {const} */ ([
    ["rgb(255 255 255 / 85%)", 3.5],
    [color, 1.75],
  ])) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.setLineDash([]);
    context.stroke(outline);
    context.setLineDash([5, 4]);
    context.stroke(ahead);
  }
  context.setLineDash([]);
  if (free) return context.restore();
  if (line.length <= MOST_CORNERS) for (const [x, y] of line.slice(1)) drawCorner(context, x, y, 3, color);
  drawCorner(context, first[0], first[1], closes ? 7 : 4.5, color);
  context.restore();
}

function drawCorner(
  /** @type {CanvasRenderingContext2D} */ context,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ radius,
  /** @type {string} */ color,
) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = "#fff";
  context.fill();
  context.lineWidth = 1.75;
  context.strokeStyle = color;
  context.stroke();
}

/**
 * What lies on top of the masks: points, boxes, outlines being drawn. Sizes are in CSS pixels and do not grow with the zoom.
 */

import { drawGiven } from "./given_mark.js";
import { drawPath } from "./path_mark.js";
import { toView } from "./viewport.js";

/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {{kind: "point", index: number} | {kind: "corner", box: number, corner: number}} Handle */

const INCLUDE = "#16a34a";
const EXCLUDE = "#dc2626";
const PREVIEW = "rgb(0 114 189)";
const RADIUS = 6.5;
const REACH = 10;

/**
 * @typedef {object} Marks
 * @property {readonly (readonly [number, number])[]} points  pixel coordinates, the centre of pixel (i, j) is (i, j)
 * @property {readonly number[]} labels                       1 include, 0 exclude
 * @property {readonly (readonly [number, number, number, number])[]} boxes x0, y0, x1, y1
 * @property {Handle | null} hovered
 * @property {[number, number, number, number] | null} rubberBand box being dragged
 * @property {import("./path_mark.js").PathMark | null} path  outline being drawn
 * @property {import("../editor/snapping.js").Given | null} [given]  mask prompt whose answer is shown
 */

/** The four corners of a box in the order that handles use: top-left, top-right, bottom-right, bottom-left. */
export function corners(/** @type {readonly number[]} */ [x0, y0, x1, y1]) {
  return /** @type {[number, number][]} */ ([
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ]);
}

/** View position of a prompt coordinate: prompts count pixel centres, the view counts pixel edges. */
function place(/** @type {Viewport} */ viewport, /** @type {number} */ x, /** @type {number} */ y) {
  return toView(viewport, x + 0.5, y + 0.5);
}

/**
 * The handle under a view position, points before box corners, the nearest one first.
 *
 * @param {Viewport} viewport
 * @param {Marks} marks
 * @param {number} x view
 * @param {number} y view
 * @returns {Handle | null}
 */
export function handleAt(viewport, marks, x, y) {
  /** @type {Handle | null} */
  let found = null;
  let nearest = REACH;
  const consider = (/** @type {Handle} */ handle, /** @type {number} */ px, /** @type {number} */ py) => {
    const [vx, vy] = place(viewport, px, py);
    const distance = Math.hypot(vx - x, vy - y);
    if (distance < nearest) [found, nearest] = [handle, distance];
  };
  marks.points.forEach(([px, py], index) => {
    consider({ kind: "point", index }, px, py);
  });
  if (found) return found;
  marks.boxes.forEach((box, index) => {
    corners(box).forEach(([cx, cy], corner) => {
      consider({ kind: "corner", box: index, corner }, cx, cy);
    });
  });
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels, already cleared
 * @param {Viewport} viewport
 * @param {Marks} marks
 */
export function drawMarks(context, viewport, marks) {
  if (marks.given) drawGiven(context, viewport, marks.given);
  marks.boxes.forEach((box, index) => {
    const hovered =
      marks.hovered?.kind === "corner" && marks.hovered.box === index ? marks.hovered.corner : -1;
    drawBox(context, viewport, box, hovered);
  });
  if (marks.rubberBand) drawBox(context, viewport, marks.rubberBand, -2);
  marks.points.forEach(([x, y], index) => {
    const hovered = marks.hovered?.kind === "point" && marks.hovered.index === index;
    drawPoint(context, place(viewport, x, y), marks.labels[index] === 1, hovered);
  });
  if (marks.path) drawPath(context, viewport, marks.path, marks.path.erase ? EXCLUDE : PREVIEW);
}

/** @param {CanvasRenderingContext2D} context */
function drawPoint(
  context,
  /** @type {[number, number]} */ [x, y],
  /** @type {boolean} */ include,
  /** @type {boolean} */ hovered,
) {
  const radius = hovered ? RADIUS * 1.4 : RADIUS;
  const arm = radius * 0.5;
  context.beginPath();
  context.arc(x, y, radius + 1.5, 0, 2 * Math.PI);
  context.fillStyle = "#fff";
  context.shadowColor = "rgb(0 0 0 / 45%)";
  context.shadowBlur = 4;
  context.fill();
  context.shadowBlur = 0;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = include ? INCLUDE : EXCLUDE;
  context.fill();
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (include) {
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
  }
  context.strokeStyle = "#fff";
  context.lineWidth = 1.75;
  context.lineCap = "round";
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context */
function drawBox(
  context,
  /** @type {Viewport} */ viewport,
  /** @type {readonly number[]} */ box,
  /** @type {number} */ hoveredCorner,
) {
  const [x0, y0] = place(viewport, box[0], box[1]);
  const [x1, y1] = place(viewport, box[2], box[3]);
  context.lineWidth = 3.5;
  context.strokeStyle = "rgb(255 255 255 / 85%)";
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.lineWidth = 1.5;
  context.strokeStyle = PREVIEW;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  if (hoveredCorner < -1) return;
  corners(box).forEach(([x, y], corner) => {
    const [cx, cy] = place(viewport, x, y);
    const half = corner === hoveredCorner ? 6 : 4;
    context.fillStyle = "#fff";
    context.fillRect(cx - half, cy - half, 2 * half, 2 * half);
    context.strokeRect(cx - half, cy - half, 2 * half, 2 * half);
  });
}

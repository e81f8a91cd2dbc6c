/** Polygons drawn by hand, to pixels: what lasso and polygon tools add to a mask or take from it. */

import { clipRect, EMPTY_RECT } from "./bitmap.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Rect} Rect */

/**
 * Set every pixel whose centre lies in the closed polygon, by the non-zero winding rule, so that a lasso that
 * crosses itself leaves no hole. A centre on a left or upper edge is inside, on a right or lower edge outside:
 * polygons that share an edge share no pixel.
 *
 * @param {Bitmap} bitmap edited in place
 * @param {ReadonlyArray<readonly [number, number]>} points x, y in the image frame, pixel centres at integers;
 *   the last one is joined to the first
 * @param {0 | 1} value
 * @returns {Rect} what may have changed
 */
export function fillPolygon(bitmap, points, value) {
  if (points.length < 3) return EMPTY_RECT;
  const rect = clipRect(polygonRect(points), bitmap);
  const edges = activeEdges(points);
  /** @type {{x: number, turn: number}[]} */
  let crossings = [];
  for (let y = rect.y0; y < rect.y1; y++) {
    crossings = [];
    for (const edge of edges) {
      if (y < edge.top || y >= edge.bottom) continue;
      crossings.push({ x: edge.x + (y - edge.y) * edge.slope, turn: edge.turn });
    }
    crossings.sort((a, b) => a.x - b.x);
    fillRow(bitmap, y, crossings, value);
  }
  return rect;
}

/** @param {ReadonlyArray<readonly [number, number]>} points @returns {Rect} pixels it may hold, not clipped */
export function polygonRect(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return {
    x0: Math.ceil(Math.min(...xs)),
    y0: Math.ceil(Math.min(...ys)),
    x1: Math.floor(Math.max(...xs)) + 1,
    y1: Math.floor(Math.max(...ys)) + 1,
  };
}

/** Edges that are not horizontal, each valid for rows top ≤ y < bottom.
 * @param {ReadonlyArray<readonly [number, number]>} points */
function activeEdges(points) {
  const edges = [];
  for (let i = 0; i < points.length; i++) {
    const [ax, ay] = points[i];
    const [bx, by] = points[(i + 1) % points.length];
    if (ay === by) continue;
    edges.push({
      x: ax,
      y: ay,
      slope: (bx - ax) / (by - ay),
      top: Math.min(ay, by),
      bottom: Math.max(ay, by),
      turn: by > ay ? 1 : -1,
    });
  }
  return edges;
}

/** @param {Bitmap} bitmap @param {number} y @param {{x: number, turn: number}[]} crossings sorted by x
 * @param {0 | 1} value */
function fillRow({ width, data }, y, crossings, value) {
  let winding = 0;
  let start = 0;
  for (const { x, turn } of crossings) {
    if (winding === 0) start = x;
    winding += turn;
    if (winding !== 0) continue;
    const from = Math.max(0, Math.ceil(start));
    const to = Math.min(width, Math.ceil(x));
    if (to > from) data.fill(value, y * width + from, y * width + to);
  }
}

/**
 * Fewer points that stay within `tolerance` of the drawn line (Douglas–Peucker), for a lasso's hundreds of samples.
 *
 * @param {ReadonlyArray<readonly [number, number]>} points an open line
 * @param {number} tolerance same unit as the points
 * @returns {(readonly [number, number])[]} first and last point are kept
 */
export function simplifyLine(points, tolerance) {
  if (points.length < 3) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = 1;
  keep[points.length - 1] = 1;
  const spans = [[0, points.length - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [first, last] = span;
    let farthest = 0;
    let index = -1;
    for (let i = first + 1; i < last; i++) {
      const distance = distanceToSegment(points[i], points[first], points[last]);
      if (distance > farthest) {
        farthest = distance;
        index = i;
      }
    }
    if (index < 0 || farthest <= tolerance) continue;
    keep[index] = 1;
    spans.push([first, index], [index, last]);
  }
  return points.filter((_, i) => keep[i]);
}

/** @param {readonly [number, number]} p @param {readonly [number, number]} a @param {readonly [number, number]} b */
function distanceToSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length ? Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / length)) : 0;
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

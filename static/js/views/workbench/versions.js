/** Two versions of one mask beside each other, and what differs: drawn over the same part of the photograph. */

import { colourLabels, labelRuns } from "../../canvas/overlay.js";
import { combineCounts, countsArea } from "../../core/mask_sets.js";
import { stringToLengths } from "../../core/rle.js";
import { runsFromLengths } from "../../core/runs.js";

/** @typedef {import("../../canvas.js").Stage} Stage */
/** @typedef {import("../../core/runs.js").RunMask} RunMask */
/** @typedef {import("../../types.js").Segmentation} Segmentation */

/** Size of each picture, pixels. */
export const [WIDTH, HEIGHT] = [320, 240];
/** Room around the masks, share of their size; and the least part of the photograph to be seen, pixels. */
const [MARGIN, LEAST] = [0.3, 48];
/** Mine, theirs, both: told apart by people who see no red or no green, too. */
const COLOURS = /** @type {[number, number, number][]} */ ([
  [0, 114, 189],
  [230, 120, 0],
  [235, 235, 235],
]);
const [FILL, BOTH_FILL] = [0.5, 0.25];

/** @param {Segmentation} segmentation @returns {RunMask} */
function runsOf({ size: [height, width], counts }) {
  return runsFromLengths(stringToLengths(counts), width, height);
}

/**
 * Pixels that only one of the masks has.
 *
 * @param {Segmentation} mine
 * @param {Segmentation} theirs
 */
export function countDifference(mine, theirs) {
  return {
    onlyMine: countsArea(combineCounts(mine.counts, theirs.counts, "subtract")),
    onlyTheirs: countsArea(combineCounts(theirs.counts, mine.counts, "subtract")),
  };
}

/**
 * @param {(Segmentation | null)[]} versions
 * @returns {{x: number, y: number, scale: number}} left and top in image pixels, picture pixels per image pixel
 */
export function cropAround(versions) {
  const masks = versions.flatMap((version) => (version ? [runsOf(version)] : []));
  const boxes = masks.filter(({ area }) => area).map(({ bbox }) => bbox);
  const left = Math.min(...boxes.map(([x]) => x));
  const top = Math.min(...boxes.map(([, y]) => y));
  const right = Math.max(...boxes.map(([x, , width]) => x + width));
  const bottom = Math.max(...boxes.map(([, y, , height]) => y + height));
  if (!boxes.length) return { x: 0, y: 0, scale: WIDTH / (masks[0]?.width ?? WIDTH) };
  const room = (/** @type {number} */ size) => Math.max(size * (1 + MARGIN), LEAST);
  const scale = Math.min(WIDTH / room(right - left), HEIGHT / room(bottom - top));
  const [image] = masks;
  return {
    scale,
    x: within((left + right) / 2, WIDTH / scale, image.width),
    y: within((top + bottom) / 2, HEIGHT / scale, image.height),
  };
}

/** Where a stretch begins that has this middle, moved into the image where it fits there.
 * @param {number} middle @param {number} length @param {number} size of the image */
function within(middle, length, size) {
  const start = middle - length / 2;
  return length > size ? (size - length) / 2 : Math.min(Math.max(start, 0), size - length);
}

/**
 * The photograph with one mask, or with two and their difference.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Stage | null} stage  null: another photograph is open
 * @param {{x: number, y: number, scale: number}} crop
 * @param {Segmentation | null} mine
 * @param {Segmentation | null} theirs
 */
export function drawVersions(canvas, stage, crop, mine, theirs) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { x, y, scale } = crop;
  stage?.drawCrop(context, { x, y, scale, width: WIDTH, height: HEIGHT });
  const view = { scale, x: -x * scale, y: -y * scale, width: WIDTH, height: HEIGHT };
  const labels = new Uint16Array(WIDTH * HEIGHT);
  [mine, theirs].forEach((version, index) => {
    if (!version) return;
    const own = new Uint16Array(labels.length);
    labelRuns(own, view, runsOf(version), 1 << index);
    own.forEach((bit, at) => {
      labels[at] |= bit;
    });
  });
  const styles = new Map(
    COLOURS.map((color, index) => [index + 1, { color, fill: index === 2 ? BOTH_FILL : FILL, outline: 1 }]),
  );
  const picture = new ImageData(WIDTH, HEIGHT);
  colourLabels(labels, WIDTH, HEIGHT, styles, new Uint32Array(picture.data.buffer), 1);
  const overlay = new OffscreenCanvas(WIDTH, HEIGHT);
  overlay.getContext("2d")?.putImageData(picture, 0, 0);
  context.drawImage(overlay, 0, 0);
}

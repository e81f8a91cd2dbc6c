/**
 * Saved objects on screen. Where nothing is different from the last time nothing is coloured again: taking one object of
 * five hundred back costs what that object covers.
 */

import { clipRect, EMPTY_RECT, isEmptyRect, unionRect } from "../core/bitmap.js";
import { colourLabels, deviceRect, labelRuns } from "./overlay.js";

/** @typedef {import("../core/bitmap.js").Rect} Rect */
/** @typedef {import("../core/runs.js").RunMask} RunMask */
/** @typedef {import("./overlay.js").DeviceView} DeviceView */
/** @typedef {import("./overlay.js").Style} Style */
/** @typedef {{id: string, runs: RunMask, style: Style}} Painted */
/** @typedef {{view: DeviceView, thickness: number, objects: readonly Painted[]}} Scene objects: bottom first */

export class ObjectsLayer {
  #context;
  #labels = new Uint16Array(0);
  /** @type {ImageData | null} what the canvas holds */
  #picture = null;
  /** @type {Scene | null} */
  #last = null;

  /** @param {CanvasRenderingContext2D} context of a canvas that nobody else draws on */
  constructor(context) {
    this.#context = context;
  }

  /** The canvas was cleared. */
  forget() {
    this.#last = null;
  }

  /**
   * @param {Scene} scene
   * @param {((labels: Uint16Array) => void) | null} cut takes away from the labels what is not to be seen
   */
  paint(scene, cut) {
    const { view, objects, thickness } = scene;
    const { width, height } = view;
    const rect = cut ? everywhere(view) : changed(this.#last, scene);
    this.#last = cut ? null : scene;
    if (isEmptyRect(rect)) return;
    const picture = this.#sized(width, height);
    // A pixel's colour depends on its neighbours as far as the outline reaches.
    const around = clipRect(grown(rect, thickness), view);
    for (let y = around.y0; y < around.y1; y++)
      this.#labels.fill(0, y * width + around.x0, y * width + around.x1);
    objects.forEach((object, index) => {
      if (touch(deviceRect(view, boxOf(object), thickness), around))
        labelRuns(this.#labels, view, object.runs, index + 1);
    });
    cut?.(this.#labels);
    const styles = new Map(objects.map(({ style }, index) => [index + 1, style]));
    const pixels = new Uint32Array(picture.data.buffer);
    colourLabels(this.#labels, width, height, styles, pixels, thickness, rect);
    this.#context.putImageData(picture, 0, 0, rect.x0, rect.y0, rect.x1 - rect.x0, rect.y1 - rect.y0);
  }

  #sized(/** @type {number} */ width, /** @type {number} */ height) {
    if (this.#picture?.width !== width || this.#picture.height !== height) {
      this.#picture = new ImageData(width, height);
      this.#labels = new Uint16Array(width * height);
    }
    return this.#picture;
  }
}

/** @returns {Rect} */
function everywhere(/** @type {DeviceView} */ { width, height }) {
  return { x0: 0, y0: 0, x1: width, y1: height };
}

/**
 * Where two scenes look different.
 *
 * @param {Scene | null} last null: nothing is known
 * @param {Scene} now
 * @returns {Rect} device pixels
 */
export function changed(last, now) {
  const { view, thickness } = now;
  if (!last || last.thickness !== thickness || !sameView(last.view, view)) return everywhere(view);
  const before = new Map(last.objects.map((object, index) => [object.id, { object, index }]));
  let rect = EMPTY_RECT;
  let highest = -1;
  for (const object of now.objects) {
    const was = before.get(object.id);
    before.delete(object.id);
    if (was && was.index < highest) return everywhere(view); // another order
    if (was) highest = was.index;
    if (was && was.object.runs === object.runs && sameStyle(was.object.style, object.style)) continue;
    rect = unionRect(rect, boxOf(object));
    if (was) rect = unionRect(rect, boxOf(was.object));
  }
  for (const { object } of before.values()) rect = unionRect(rect, boxOf(object));
  return isEmptyRect(rect) ? rect : clipRect(deviceRect(view, rect, thickness), view);
}

/** @returns {Rect} */
function grown(/** @type {Rect} */ { x0, y0, x1, y1 }, /** @type {number} */ by) {
  return { x0: x0 - by, y0: y0 - by, x1: x1 + by, y1: y1 + by };
}

/** @param {Rect} a @param {Rect} b */
function touch(a, b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

/** Image pixels. @returns {Rect} */
function boxOf(/** @type {Painted} */ { runs }) {
  const [x, y, width, height] = runs.bbox;
  return { x0: x, y0: y, x1: x + width, y1: y + height };
}

/** @param {DeviceView} a @param {DeviceView} b */
function sameView(a, b) {
  return a.scale === b.scale && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** @param {Style} a @param {Style} b */
function sameStyle(a, b) {
  return (
    a.fill === b.fill &&
    a.outline === b.outline &&
    a.dashed === b.dashed &&
    a.color.every((channel, index) => channel === b.color[index])
  );
}

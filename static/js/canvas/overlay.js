/**
 * Masks at screen resolution: first every mask writes its number into a label buffer (later ones on top), then one pass
 * turns the labels into a 40 % fill and a crisp outline. The cost depends on the screen, not on the photograph.
 */

/** @typedef {import("../core/runs.js").RunMask} RunMask */
/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */

/**
 * @typedef {object} DeviceView the viewport in device pixels
 * @property {number} scale   device pixels per image pixel
 * @property {number} x       device position of the image's left edge
 * @property {number} y
 * @property {number} width   buffer size, device pixels
 * @property {number} height
 */

export const FILL_OPACITY = 0.4;

/** @param {DeviceView} view */
export function createLabels(view) {
  return new Uint16Array(view.width * view.height);
}

/**
 * Range of device pixels whose centre lies in image pixels [from, to).
 *
 * @param {number} from
 * @param {number} to
 * @param {number} scale
 * @param {number} offset
 * @param {number} limit
 * @returns {[number, number]} first included, end excluded
 */
export function deviceRange(from, to, scale, offset, limit) {
  const first = Math.max(Math.ceil(from * scale + offset - 0.5), 0);
  const end = Math.min(Math.ceil(to * scale + offset - 0.5), limit);
  return [first, Math.max(first, end)];
}

/**
 * Device pixels that a part of the image and the outline around it may touch, not clipped.
 *
 * @param {DeviceView} view
 * @param {Rect} rect image pixels
 * @param {number} thickness of the outline, device pixels
 * @returns {Rect}
 */
export function deviceRect({ scale, x, y }, rect, thickness) {
  const grow = thickness + 1;
  return {
    x0: Math.floor(rect.x0 * scale + x) - grow,
    y0: Math.floor(rect.y0 * scale + y) - grow,
    x1: Math.ceil(rect.x1 * scale + x) + grow,
    y1: Math.ceil(rect.y1 * scale + y) + grow,
  };
}

/**
 * Paint the runs of one saved object into the label buffer. An object that falls between two screen pixels still gets
 * one, so that objects of one pixel are never invisible.
 *
 * @param {Uint16Array} labels (height × width) row-major
 * @param {DeviceView} view
 * @param {RunMask} mask
 * @param {number} label 1 … 65535
 */
export function labelRuns(labels, view, mask, label) {
  const [left, , boxWidth] = mask.bbox;
  const [first, end] = deviceRange(left, left + boxWidth, view.scale, view.x, view.width);
  let painted = 0;
  for (let column = first; column < end; column++) {
    const x = Math.floor((column + 0.5 - view.x) / view.scale);
    if (x < 0 || x >= mask.width) continue;
    for (let run = mask.offsets[x]; run < mask.offsets[x + 1]; run++) {
      const [top, bottom] = deviceRange(
        mask.runs[2 * run],
        mask.runs[2 * run + 1],
        view.scale,
        view.y,
        view.height,
      );
      for (let at = top * view.width + column, row = top; row < bottom; row++, at += view.width)
        labels[at] = label;
      painted += bottom - top;
    }
  }
  if (!painted && mask.area) labelDot(labels, view, mask, label);
}

function labelDot(
  /** @type {Uint16Array} */ labels,
  /** @type {DeviceView} */ view,
  /** @type {RunMask} */ mask,
  /** @type {number} */ label,
) {
  const x = Math.floor((mask.bbox[0] + mask.bbox[2] / 2) * view.scale + view.x);
  const y = Math.floor((mask.bbox[1] + mask.bbox[3] / 2) * view.scale + view.y);
  if (x >= 0 && y >= 0 && x < view.width && y < view.height) labels[y * view.width + x] = label;
}

/**
 * Paint a bitmap into the label buffer, nearest pixel.
 *
 * @param {Uint16Array} labels (height × width)
 * @param {DeviceView} view
 * @param {Bitmap} bitmap row-major 0/1 at the original size
 * @param {number} label
 * @param {Rect} bounds image pixels that hold all foreground
 */
export function labelBitmap(labels, view, bitmap, label, bounds) {
  const [first, end] = deviceRange(bounds.x0, bounds.x1, view.scale, view.x, view.width);
  const [top, bottom] = deviceRange(bounds.y0, bounds.y1, view.scale, view.y, view.height);
  const columns = new Int32Array(Math.max(end - first, 0));
  for (let i = 0; i < columns.length; i++) {
    columns[i] = Math.min(Math.max(Math.floor((first + i + 0.5 - view.x) / view.scale), 0), bitmap.width - 1);
  }
  for (let row = top; row < bottom; row++) {
    const y = Math.min(Math.max(Math.floor((row + 0.5 - view.y) / view.scale), 0), bitmap.height - 1);
    const source = y * bitmap.width;
    const target = row * view.width + first;
    for (let i = 0; i < columns.length; i++) {
      if (bitmap.data[source + columns[i]]) labels[target + i] = label;
    }
  }
}

/**
 * Where a mask covers the others, only what is kept from it stays.
 *
 * @param {Uint16Array} labels (height × width), changed
 * @param {Uint16Array} cover  non-zero where the mask lies
 * @param {Uint16Array} kept   the labels of what it takes nothing from
 */
export function cutLabels(labels, cover, kept) {
  for (let i = 0; i < labels.length; i++) if (cover[i]) labels[i] = kept[i];
}

/**
 * @typedef {object} Style
 * @property {[number, number, number]} color 0 … 255
 * @property {number} fill     opacity of the inside, 0 … 1
 * @property {number} outline  opacity of the border
 * @property {boolean} [dashed]  the border has gaps
 */

/** Length of a dash with its gap, and of the gap, in outlines' widths. */
const [DASH, GAP] = [6, 2];

/** One RGBA pixel as the little-endian number that a Uint32Array over ImageData holds. */
function pack(/** @type {[number, number, number]} */ [r, g, b], /** @type {number} */ opacity) {
  return ((Math.round(opacity * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * Colour the labels: a pixel with a neighbour of another label is outline, the others fill.
 *
 * @param {Uint16Array} labels (height × width)
 * @param {number} width
 * @param {number} height
 * @param {Map<number, Style>} styles by label; labels without one stay clear
 * @param {Uint32Array} pixels (height × width) RGBA, written
 * @param {number} thickness outline in device pixels, 1 … 3
 * @param {Rect} [rect] device pixels to colour; all by default
 */
export function colourLabels(labels, width, height, styles, pixels, thickness, rect) {
  const size = Math.max(0, ...styles.keys()) + 1;
  const fills = new Uint32Array(size);
  const outlines = new Uint32Array(size);
  const gaps = new Uint32Array(size);
  for (const [label, style] of styles) {
    fills[label] = pack(style.color, style.fill);
    outlines[label] = pack(style.color, style.outline);
    gaps[label] = style.dashed ? fills[label] : outlines[label];
  }
  const t = Math.max(1, Math.round(thickness));
  const down = t * width;
  const [dash, gap] = [DASH * t, GAP * t];
  const { x0, y0, x1, y1 } = rect ?? { x0: 0, y0: 0, x1: width, y1: height };
  for (let y = y0; y < y1; y++) {
    const row = y * width;
    const inner = y >= t && y < height - t;
    for (let x = x0; x < x1; x++) {
      const at = row + x;
      const label = labels[at];
      if (!label) {
        pixels[at] = 0;
        continue;
      }
      const edge =
        inner &&
        x >= t &&
        x < width - t &&
        (labels[at - t] !== label ||
          labels[at + t] !== label ||
          labels[at - down] !== label ||
          labels[at + down] !== label);
      if (!edge) pixels[at] = fills[label];
      // Diagonal stripes cut the border into dashes whichever way it runs.
      else pixels[at] = (x + y) % dash < gap ? gaps[label] : outlines[label];
    }
  }
}

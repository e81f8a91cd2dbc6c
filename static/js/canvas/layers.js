/** The stacked canvases of the stage, bottom first. */

/** @typedef {"image" | "objects" | "draft" | "marks"} LayerName */
/** @typedef {Record<LayerName, CanvasRenderingContext2D>} Layers */

export const LAYERS = /** @type {const} */ (["image", "objects", "draft", "marks"]);

/**
 * @param {HTMLElement} host
 * @returns {Layers}
 */
export function createLayers(host) {
  const made = LAYERS.map((name) => {
    const canvas = document.createElement("canvas");
    canvas.className = `layer layer-${name}`;
    canvas.setAttribute("aria-hidden", "true");
    host.append(canvas);
    const context = canvas.getContext("2d", { alpha: true, desynchronized: false });
    if (!context) throw new Error("this browser gave no 2D canvas");
    return /** @type {const} */ ([name, context]);
  });
  return /** @type {Layers} */ (Object.fromEntries(made));
}

/**
 * The photograph, or nothing.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./overlay.js").DeviceView} view
 * @param {object} shown
 * @param {import("./adjuster.js").Picture | null} shown.picture
 * @param {import("./adjuster.js").Adjuster | null} shown.adjuster display adjustments, if any
 * @param {boolean} shown.smooth
 */
export function paintPhotograph(context, view, { picture, adjuster, smooth }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "medium";
  if (!picture) return;
  picture.prepare(view);
  if (adjuster) adjuster.draw(context, view, picture);
  else picture.draw(context, view);
}

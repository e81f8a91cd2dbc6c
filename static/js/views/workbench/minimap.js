/** The whole image in a corner while only a part of it fills the view: shows which part, and moves there. */

import { h } from "../../ui/dom.js";

const SIDE = 168;

/**
 * @param {HTMLElement} host element over the image
 * @param {import("../../canvas.js").Stage} stage
 * @param {import("../../editor.js").Editor} editor
 * @returns {{show: (on: boolean) => void}}
 */
export function mountMinimap(host, stage, editor) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const frame = h("div", { class: "wb-minimap-frame" });
  const element = h("div", { class: "wb-minimap", "aria-hidden": "true", hidden: true }, canvas, frame);
  host.append(element);
  let on = false;
  let scale = 1;
  let drawn = -1;

  const draw = () => {
    const { width, height } = stage.imageSize;
    scale = SIDE / Math.max(width, height);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * scale * ratio));
    canvas.height = Math.max(1, Math.round(height * scale * ratio));
    canvas.style.width = `${width * scale}px`;
    canvas.style.height = `${height * scale}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.imageSmoothingQuality = "high";
    const crop = { x: 0, y: 0, scale: scale * ratio, width: canvas.width, height: canvas.height };
    stage.drawCrop(context, crop);
    drawn = editor.image?.id ?? -1;
  };

  const follow = () => {
    const { width, height } = stage.imageSize;
    const view = stage.viewport;
    const part = (/** @type {number} */ offset, /** @type {number} */ room, /** @type {number} */ size) => {
      const from = Math.min(Math.max(-offset / view.scale, 0), size);
      const to = Math.min(Math.max((room - offset) / view.scale, from), size);
      return [from * scale, (to - from) * scale];
    };
    const whole = view.width >= width * view.scale - 1 && view.height >= height * view.scale - 1;
    element.hidden = !on || whole || !stage.hasImage;
    if (element.hidden) return;
    if (drawn !== editor.image?.id) draw();
    const [left, columns] = part(view.x, view.width, width);
    const [top, rows] = part(view.y, view.height, height);
    frame.style.transform = `translate(${left}px, ${top}px)`;
    frame.style.width = `${columns}px`;
    frame.style.height = `${rows}px`;
  };

  const go = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    stage.centerOn((event.clientX - box.left) / scale, (event.clientY - box.top) / scale);
  };
  element.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    go(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) go(event);
  });
  stage.addEventListener("view", follow);
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("image")) follow();
  });

  return {
    show(value) {
      on = value;
      follow();
    },
  };
}

/** The line at the bottom: model, where and how fast it answers, the pointer's position, zoom, what is not saved yet. */

import { h, replace } from "../../ui/dom.js";

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @param {import("./opening.js").Opening} opening
 * @param {{info: () => void}} run
 */
export function mountStatusbar(host, editor, stage, opening, run) {
  const model = h("span", { class: "wb-status-model" });
  const ready = h("span", { class: "wb-status-ready" });
  const timing = h("span", {
    class: "wb-status-timing tabular",
    title: "Last click, until its mask was on screen",
  });
  const queue = h("span", { class: "wb-status-queue", "aria-live": "polite" });
  const size = h("button", {
    type: "button",
    class: "wb-status-button tabular",
    title: "About this image (I)",
    onclick: run.info,
  });
  const pointer = h("span", { class: "wb-status-pointer tabular", title: "Pixel under the pointer" });
  const zoom = h("button", {
    type: "button",
    class: "wb-zoom wb-status-button tabular",
    title: "Fit the image (F)",
    onclick: () => stage.fit(),
  });
  replace(host, ready, model, timing, h("span", { class: "grow" }), queue, pointer, size, zoom);

  const showModel = () => {
    const threads = opening.decoders.model?.threads ?? 0;
    const backend = threads ? ` · WASM × ${threads} ${threads === 1 ? "thread" : "threads"}` : "";
    model.textContent = opening.decoders.model ? `${opening.decoders.model.name}${backend}` : "";
  };
  const LABELS = {
    loading: "Loading",
    queued: "Waiting",
    running: "Preparing",
    failed: "Not ready",
    ready: "Ready",
  };
  const TONES = {
    loading: "accent",
    queued: "warning",
    running: "accent",
    failed: "danger",
    ready: "success",
  };
  const showReady = () => {
    const { state } = opening.preparation;
    replace(ready, h("span", { class: `dot ${TONES[state]}` }), LABELS[state]);
  };
  const showTiming = () => {
    const last = editor.lastTimings;
    const ms = (/** @type {number} */ value) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
    timing.textContent = last
      ? `${ms(last.total)} ms = decode ${ms(last.decode)} + upsample ${ms(last.upsample)} + paint ${ms(last.paint)}`
      : "";
  };
  const showView = () => {
    zoom.textContent = `${Math.round(stage.viewport.scale * 100)} %`;
  };
  opening.decoders.addEventListener("model", showModel);
  opening.addEventListener("preparation", showReady);
  stage.addEventListener("view", showView);
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("decoder")) showTiming();
    if (kinds.has("image") && editor.image)
      size.textContent = `${editor.image.width} × ${editor.image.height}`;
  });
  stage.host.addEventListener("pointermove", (event) => {
    const [x, y] = stage.imagePoint(event).map(Math.round);
    const { image } = editor;
    const inside = image && x >= 0 && y >= 0 && x < image.width && y < image.height;
    pointer.textContent = inside ? `${x}, ${y}` : "";
  });
  stage.host.addEventListener("pointerleave", () => replace(pointer));
  showModel();
  showReady();
  showView();

  return {
    setPending(/** @type {number} */ pending) {
      queue.textContent = pending ? `${pending} ${pending === 1 ? "change" : "changes"} to save` : "";
    },
  };
}

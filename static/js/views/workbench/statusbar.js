/**
 * The line at the bottom: whether clicks work, model and backend, how fast the last click was answered, the connection, what is
 * not saved yet, the pointer's pixel, size and zoom. Everything in full is in a popover.
 */

import { t, tn } from "../../core/translate.js";
import { h, replace } from "../../ui/dom.js";
import { keyed } from "../../ui/keymap.js";
import { backendText, milliseconds, mountStatusDetails } from "./status_details.js";

/** @typedef {import("../../outbox.js").Status} SaveStatus */

const READY = {
  loading: { label: t("Loading"), tone: "accent" },
  queued: { label: t("Waiting"), tone: "warning" },
  running: { label: t("Preparing"), tone: "accent" },
  failed: { label: t("Not ready"), tone: "danger" },
  ready: { label: t("Ready"), tone: "success" },
};

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @param {import("./opening.js").Opening} opening
 * @param {import("./connection.js").Connection} connection
 * @param {{info: () => void}} run
 */
export function mountStatusbar(host, editor, stage, opening, connection, run) {
  const model = h("span", { class: "wb-status-model truncate" });
  const ready = h("span", { class: "wb-status-ready", role: "status" });
  const timing = h("span", { class: "wb-status-timing tabular" });
  const trigger = h(
    "button",
    { type: "button", class: "wb-status-button wb-status-open", "aria-haspopup": "dialog" },
    model,
    timing,
  );
  const link = h("button", {
    type: "button",
    class: "wb-status-button wb-status-link tabular",
    title: t("Try again now"),
    hidden: true,
    onclick: () => connection.retry(),
  });
  const spoken = h("span", { class: "visually-hidden", role: "status" });
  const queue = h("span", { class: "wb-status-queue" });
  const size = statusButton("image_info", run.info);
  const pointer = h("span", { class: "wb-status-pointer tabular", title: t("Pixel under the pointer") });
  const zoom = statusButton("fit", () => stage.fit());
  zoom.classList.add("wb-zoom");
  const details = mountStatusDetails(trigger, editor, opening, connection);
  replace(
    host,
    ready,
    trigger,
    details.element,
    h("span", { class: "grow" }),
    link,
    spoken,
    queue,
    pointer,
    size,
    zoom,
  );

  const showModel = () => {
    const found = opening.decoders.model;
    model.textContent = found ? `${found.name} · ${backendText(found.backend)}` : "";
    trigger.hidden = !found;
  };
  const showReady = () => {
    const { label, tone } = READY[opening.preparation.state];
    replace(ready, h("span", { class: `dot ${tone}` }), label);
  };
  const showTiming = () => {
    const last = editor.lastTimings;
    if (!last) return;
    const [total, decode, upsample, paint] = [last.total, last.decode, last.upsample, last.paint].map(
      milliseconds,
    );
    timing.textContent = t("{total} ms: decode {decode}, upsample {upsample}, paint {paint}", {
      total,
      decode,
      upsample,
      paint,
    });
  };
  const showLink = () => {
    const { state, retryIn } = connection;
    const words = state === "offline" ? t("No network") : t("Server unreachable");
    link.hidden = state === "online";
    replace(
      link,
      h("span", { class: "dot danger" }),
      words,
      retryIn ? t(" · again in {seconds} s", { seconds: retryIn }) : t(" · trying again …"),
    );
    const said = state === "online" ? (spoken.textContent ? t("The server answers again.") : "") : words;
    if (spoken.textContent !== said) spoken.textContent = said;
  };
  const showView = () => {
    zoom.textContent = `${Math.round(stage.viewport.scale * 100)} %`;
  };
  opening.decoders.addEventListener("model", showModel);
  opening.addEventListener("preparation", showReady);
  connection.addEventListener("change", showLink);
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
  showLink();
  showView();

  return {
    setSaving(/** @type {SaveStatus} */ status) {
      const { pending } = status;
      queue.textContent = pending ? tn(pending, "{number} change to save", "{number} changes to save") : "";
      details.setSaving(status);
    },
  };
}

/** @param {string} command @param {() => void} onclick */
function statusButton(command, onclick) {
  const element = h("button", {
    type: "button",
    class: "wb-status-button tabular",
    "data-tooltip-side": "top",
    onclick,
  });
  return keyed(element, command);
}

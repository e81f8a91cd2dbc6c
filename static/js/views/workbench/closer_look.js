/**
 * The closer look on screen: a quiet offer while only a small part of the image is in sight, how far it is, and a word in the
 * line at the bottom while it is there.
 */

import { cropAround, deservesLook } from "../../core/crop.js";
import { t } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { keyCap } from "../../ui/keymap.js";

/** @typedef {import("../../core/bitmap.js").Rect} Rect */
/** @typedef {import("../../editor/closer_look.js").LookState} LookState */

const WAITING = {
  waiting: t("Closer look: waiting for the server"),
  encoding: t("Closer look: encoding this part"),
  loading: t("Closer look: loading"),
};

/**
 * @param {{stage: HTMLElement, status: HTMLElement}} slots
 * @param {import("../../editor/closer_look.js").CloserLook} look
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @returns {() => void} looks closely at what is in sight, or leaves the closer look
 */
export function mountCloserLook(slots, look, editor, stage) {
  const over = /** @type {HTMLElement} */ (slots.stage.parentElement);
  const chip = h("div", { class: "wb-look", hidden: true });
  const spoken = h("span", { class: "visually-hidden", role: "status" });
  const word = h("span", { class: "wb-status-look", hidden: true }, t("Closer look"));
  over.append(chip, spoken);
  slots.status.querySelector(".wb-status-ready")?.after(word);

  const aim = () => (editor.canPrompt ? cropAround(visibleRect(stage), stage.imageSize) : null);
  const isOffered = () => {
    const settled = look.state === "off" || look.state === "ready";
    return settled && aim() !== null && deservesLook(visibleRect(stage), stage.imageSize, editor.crop);
  };
  const toggle = () => {
    if (look.state !== "off" && !isOffered()) return look.close();
    const crop = aim();
    if (crop) look.open(crop);
    else if (editor.canPrompt) editor.tell(t("Zoom in first: nearly all of the image is in sight."));
    else editor.refusePrompt();
  };

  const offer = h(
    "button",
    { type: "button", class: "wb-look-offer", onclick: toggle },
    icon("zoom-in", "small"),
    t("Look closer"),
    keyCap("look_closer"),
  );
  const leave = () => look.close();
  const again = button(t("Try again"), { kind: "small", onclick: () => look.retry() });

  let shown = "";
  const render = () => {
    const { state } = look;
    const next = isOffered() ? "offer" : state;
    if (next === shown) return;
    shown = next;
    chip.hidden = next === "off";
    chip.dataset.look = next;
    replace(chip, ...content(next));
    word.hidden = state !== "ready";
    document.body.dataset.look = state;
    spoken.textContent = spokenOf(state);
  };
  const content = (/** @type {LookState | "offer"} */ next) => {
    if (next === "offer") return [offer];
    if (next === "ready") {
      const text = h("span", {}, t("Closer look"));
      return [
        icon("zoom-in", "small"),
        text,
        iconButton("x", t("Leave the closer look"), { kind: "small", onclick: leave }),
      ];
    }
    if (next === "failed")
      return [
        icon("circle-alert", "small"),
        h("span", { class: "wb-look-reason" }, look.message),
        again,
        iconButton("x", t("Close"), { kind: "small", onclick: leave }),
      ];
    if (next === "off") return [];
    return [
      h("span", { class: "spinner", "aria-hidden": "true" }),
      h("span", {}, WAITING[next]),
      iconButton("x", t("Cancel"), { kind: "small", onclick: leave }),
    ];
  };
  const spokenOf = (/** @type {LookState} */ state) => {
    if (state === "ready") return t("The closer look is ready.");
    if (state === "failed") return t("The closer look failed: {reason}", { reason: look.message });
    return state === "off" ? "" : WAITING[state];
  };
  look.addEventListener("change", render);
  stage.addEventListener("view", render);
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("decoder") || kinds.has("image") || kinds.has("look")) render();
  });
  render();
  return toggle;
}

/** What is in sight, image pixels. @returns {Rect} */
function visibleRect(/** @type {import("../../canvas.js").Stage} */ { viewport, imageSize }) {
  const { scale, x, y, width, height } = viewport;
  return {
    x0: Math.max(-x / scale, 0),
    y0: Math.max(-y / scale, 0),
    x1: Math.min((width - x) / scale, imageSize.width),
    y1: Math.min((height - y) / scale, imageSize.height),
  };
}

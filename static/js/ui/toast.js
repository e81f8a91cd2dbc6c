/** Short messages at the bottom of the window, announced politely. They stay while hovered or focused. */
import { t } from "../core/translate.js";
import { button, h, icon, iconButton } from "./dom.js";

/** @typedef {"info" | "success" | "danger"} ToastKind */

const ICONS = { info: "info", success: "circle-check", danger: "circle-alert" };
const VISIBLE_MS = { info: 5000, success: 4000, danger: 10000 };
const MAX_VISIBLE = 3;

/** @type {HTMLElement | null} */
let region = null;

function getRegion() {
  if (!region) {
    region = h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" });
    document.body.appendChild(region);
  }
  // Re-entering the top layer puts the messages above a dialog that was opened later.
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
  return region;
}

/**
 * Show a message.
 * @param {string} message
 * @param {{kind?: ToastKind, action?: {label: string, run: () => void}, sticky?: boolean}} [options]
 * @returns {() => void} closes it
 */
export function toast(message, { kind = "info", action, sticky = false } = {}) {
  const parent = getRegion();
  const element = h(
    "div",
    { class: `toast ${kind}` },
    icon(ICONS[kind]),
    h("span", { class: "grow" }, message),
  );
  let timer = 0;
  const close = () => {
    window.clearTimeout(timer);
    element.remove();
    if (!parent.childElementCount && parent.matches(":popover-open")) parent.hidePopover();
  };
  const wait = () => {
    window.clearTimeout(timer);
    if (!sticky) timer = window.setTimeout(close, VISIBLE_MS[kind]);
  };
  if (action) {
    const { label, run } = action;
    element.append(
      button(label, {
        kind: "ghost small",
        onclick: () => {
          close();
          run();
        },
      }),
    );
  }
  element.append(iconButton("x", t("Dismiss"), { kind: "small", "data-tooltip": null, onclick: close }));
  element.addEventListener("mouseenter", () => window.clearTimeout(timer));
  element.addEventListener("focusin", () => window.clearTimeout(timer));
  element.addEventListener("mouseleave", wait);
  element.addEventListener("focusout", wait);
  parent.appendChild(element);
  while (parent.childElementCount > MAX_VISIBLE) parent.firstElementChild?.remove();
  wait();
  return close;
}

/**
 * Tell a failure in a sentence a person can act on.
 * @param {unknown} error
 * @param {string} [what] what was being done, translated, for example "Could not rename the category"
 */
export function toastError(error, what = "") {
  const reason = error instanceof Error ? error.message : String(error);
  toast(what ? t("{what}: {reason}", { what, reason }) : reason, { kind: "danger" });
}

/** The "View" popover: how masks and the photograph are shown. Everything acts at once; nothing touches data. */

import { NEUTRAL } from "../../core/adjust.js";
import { t } from "../../core/translate.js";
import { button, h, replace } from "../../ui/dom.js";
import { keyCap } from "../../ui/keymap.js";
import { thisBrowser } from "./this_browser.js";
import { DEFAULTS } from "./view_settings.js";

/** @typedef {import("./view_settings.js").ViewValues} ViewValues */
/** @typedef {import("./view_settings.js").ViewSettings} ViewSettings */

const percent = (/** @type {number} */ value) => `${Math.round(100 * value)} %`;
const signed = (/** @type {number} */ value) => `${value > 0 ? "+" : ""}${Math.round(100 * value)}`;

/** @typedef {{name: "opacity" | "brightness" | "contrast" | "gamma" | "local", label: string, min: number, max: number,
 *   step: number, show: (value: number) => string}} SliderSpec */

/** @type {SliderSpec} */
const OPACITY = { name: "opacity", label: t("Mask opacity"), min: 0, max: 1, step: 0.05, show: percent };
/** @type {SliderSpec[]} */
const TONES = [
  { name: "brightness", label: t("Brightness"), min: -1, max: 1, step: 0.02, show: signed },
  { name: "contrast", label: t("Contrast"), min: -1, max: 1, step: 0.02, show: signed },
  { name: "gamma", label: t("Gamma"), min: 0.25, max: 4, step: 0.05, show: (value) => value.toFixed(2) },
  { name: "local", label: t("Local contrast"), min: 0, max: 1, step: 0.05, show: percent },
];

/**
 * @param {HTMLElement} host gets the trigger
 * @param {ViewSettings} settings
 * @param {{editor: import("../../editor.js").Editor, decoders: import("./decoders.js").Decoders, hide: () => void}} context
 */
export function mountViewMenu(host, settings, { editor, decoders, hide }) {
  const trigger = button(t("View"), { icon: "sliders-horizontal", kind: "small wb-view-trigger" });
  trigger.setAttribute("popovertarget", "view-menu");
  trigger.setAttribute("aria-haspopup", "dialog");
  /** Each brings its control to the values. @type {((values: ViewValues) => void)[]} */
  const updates = [];
  const reset = button(t("Reset"), {
    kind: "ghost small",
    "aria-label": t("Reset the photograph's tones"),
    onclick: () => settings.set(NEUTRAL),
  });
  const browser = thisBrowser(decoders);
  const hidden = h("input", { type: "checkbox", onchange: hide });
  const popover = h(
    "div",
    { class: "wb-popover", id: "view-menu", popover: "auto", role: "dialog", "aria-label": t("View") },
    section(
      t("Masks"),
      slider(OPACITY, settings, updates),
      h(
        "div",
        { class: "wb-choice" },
        h("span", { id: "view-colors" }, t("Colours")),
        colors(settings, updates),
      ),
      check(t("Outlines only"), "outlineOnly", settings, updates),
      check(t("Colours safe for colour blindness"), "safeColors", settings, updates),
      h("label", { class: "check" }, hidden, t("Hide other objects"), keyCap("hide_others")),
    ),
    section(
      t("Photograph, on screen only"),
      ...TONES.map((tone) => slider(tone, settings, updates)),
      h("div", { class: "wb-popover-end" }, reset),
    ),
    section(
      t("Aids"),
      check(t("Cross-hair"), "crosshair", settings, updates),
      check(t("Overview while zoomed in"), "minimap", settings, updates),
      check(t("Hint after 30 seconds on one object"), "timeHint", settings, updates),
    ),
    browser.element,
  );
  replace(host, trigger, popover);

  const render = () => {
    const { value } = settings;
    for (const update of updates) update(value);
    const toned = TONES.some(({ name }) => value[name] !== DEFAULTS[name]);
    reset.disabled = !toned;
    // Toned photographs look like other photographs: the button says so.
    trigger.classList.toggle("is-toned", toned);
    trigger.title = toned ? t("View: the photograph's tones are changed on screen") : t("View");
  };
  settings.addEventListener("change", render);
  popover.addEventListener("beforetoggle", () => {
    hidden.checked = editor.hideOthers;
    browser.show();
    const box = trigger.getBoundingClientRect();
    popover.style.top = `${box.bottom + 6}px`;
    popover.style.right = `${Math.max(window.innerWidth - box.right, 8)}px`;
  });
  render();
}

function section(/** @type {string} */ title, /** @type {HTMLElement[]} */ ...rows) {
  return h("section", {}, h("h3", { class: "panel-title" }, title), ...rows);
}

/**
 * @param {SliderSpec} spec
 * @param {ViewSettings} settings
 * @param {((values: ViewValues) => void)[]} updates
 */
function slider({ name, label, min, max, step, show }, settings, updates) {
  const input = h("input", {
    type: "range",
    min,
    max,
    step,
    oninput: () => settings.set({ [name]: Number(input.value) }),
    ondblclick: () => settings.set({ [name]: DEFAULTS[name] }),
  });
  const output = h("output", { class: "tabular" });
  updates.push((values) => {
    input.value = String(values[name]);
    output.textContent = show(values[name]);
    input.setAttribute("aria-valuetext", output.textContent);
  });
  return h("label", { class: "wb-slider" }, h("span", {}, label), input, output);
}

/**
 * @param {string} label
 * @param {"outlineOnly" | "safeColors" | "crosshair" | "minimap" | "timeHint"} name
 * @param {ViewSettings} settings
 * @param {((values: ViewValues) => void)[]} updates
 */
function check(label, name, settings, updates) {
  const input = h("input", { type: "checkbox", onchange: () => settings.set({ [name]: input.checked }) });
  updates.push((values) => {
    input.checked = values[name];
  });
  return h("label", { class: "check" }, input, label);
}

/** @param {ViewSettings} settings @param {((values: ViewValues) => void)[]} updates */
function colors(settings, updates) {
  const choices = /** @type {const} */ ([
    ["category", t("By label")],
    ["object", t("By object")],
  ]);
  const buttons = choices.map(([value, label]) =>
    h("button", { type: "button", onclick: () => settings.set({ colors: value }) }, label),
  );
  updates.push((values) => {
    buttons.forEach((each, index) => {
      each.setAttribute("aria-pressed", String(values.colors === choices[index][0]));
    });
  });
  return h("div", { class: "segmented", role: "group", "aria-labelledby": "view-colors" }, buttons);
}

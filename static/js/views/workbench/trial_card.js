/**
 * A card over the image that tries something out: what it would give is on the image at once; apply it or leave. Whatever else
 * one begins meanwhile takes the trial back first.
 */

import { t } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { commandOf } from "./keys.js";

/** @typedef {import("../../editor/changes.js").ChangeKind} ChangeKind */

/** @template {string} Name @typedef {{name: Name, label: string, icon?: string}} Choice */

/**
 * What a card tries and how.
 * @template {string} Name
 * @typedef {object} Trial
 * @property {string} title
 * @property {readonly Choice<Name>[]} choices
 * @property {HTMLElement} options   what there is to set about the chosen one
 * @property {readonly ChangeKind[]} endedBy  changes of the editor after which the trial speaks of something that is gone
 * @property {Record<string, () => void>} commands  by id: what commands do that are the card's own
 * @property {(name: Name) => void} choose
 * @property {() => void} keep       Apply
 * @property {() => void} drop       the card closes; what was kept before stays
 */

/** Commands that only look leave a trial on, as panning and zooming with the mouse do. */
const LOOKING = ["fit", "zoom_in", "zoom_out", "hide_others", "outlines", "crosshair", "overview"];
/** So do keys that move the keyboard's cross or the focus, and within the card those that move a slider. */
const MOVING = /^(Arrow.*|Tab| |Shift|Control|Alt|AltGraph|Meta)$/;
const SLIDING = /^(Page.*|Home|End)$/;

/** @template {string} Name */
export class TrialCard {
  #host;
  #where;
  #trial;
  #choices;
  #effect = h("p", { class: "hint tabular", "aria-live": "polite" });
  #apply = button(t("Apply"), { kind: "primary small grow", onclick: () => this.#keep() });
  /** @type {AbortController | null} */
  #listening = null;

  /**
   * @param {HTMLElement} host
   * @param {{editor: import("../../editor.js").Editor, stage: import("../../canvas.js").Stage}} where
   * @param {Trial<Name>} trial
   */
  constructor(host, where, trial) {
    this.#host = host;
    this.#where = where;
    this.#trial = trial;
    this.#choices = trial.choices.map(({ name, label, icon: picture }) =>
      h(
        "button",
        { type: "button", "data-choice": name, onclick: () => trial.choose(name) },
        picture ? icon(picture, "small") : null,
        label,
      ),
    );
    this.#build();
  }

  get isOpen() {
    return this.#listening !== null;
  }

  /** @param {Name} name */
  mark(name) {
    this.#choices.forEach((each) => {
      each.setAttribute("aria-pressed", String(each.dataset.choice === name));
    });
  }

  /** Say what it would give. @param {string} effect @param {boolean} applies whether there is anything to apply */
  tell(effect, applies) {
    this.#effect.textContent = effect;
    this.#apply.disabled = !applies;
  }

  open() {
    this.#listening = new AbortController();
    this.#host.hidden = false;
    this.#listen(this.#listening.signal);
    /** @type {HTMLElement} */ (this.#trial.options.querySelector("input:enabled") ?? this.#apply).focus({
      preventScroll: true,
    });
  }

  close() {
    if (!this.#listening) return;
    this.#listening.abort();
    this.#listening = null;
    this.#host.hidden = true;
    this.#trial.drop();
  }

  #keep() {
    this.#trial.keep();
    this.close();
  }

  #build() {
    const close = () => this.close();
    const cancel = button(t("Cancel"), { kind: "small", onclick: close });
    const leave = iconButton("x", t("Close"), { kind: "small", "data-tooltip": null, onclick: close });
    this.#apply.append(h("kbd", {}, "Enter"));
    cancel.append(h("kbd", {}, "Esc"));
    this.#host.classList.add("wb-trial");
    replace(
      this.#host,
      h("header", {}, h("h2", { class: "panel-title" }, this.#trial.title), leave),
      h("div", { class: "wb-trial-choices", role: "group", "aria-label": t("What to do") }, this.#choices),
      this.#trial.options,
      this.#effect,
      h("div", { class: "wb-draft-actions" }, this.#apply, cancel),
    );
  }

  #listen(/** @type {AbortSignal} */ signal) {
    const { editor, stage } = this.#where;
    const capture = { signal, capture: true };
    const close = () => this.close();
    // Panning and zooming go on: the view listened before and keeps such a press to itself.
    stage.host.addEventListener("pointerdown", close, capture);
    window.addEventListener("pagehide", close, capture);
    window.addEventListener("keydown", (event) => this.#onKey(event), capture);
    editor.addEventListener(
      "change",
      (event) => {
        const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
        if (this.#trial.endedBy.some((kind) => kinds.has(kind))) close();
      },
      { signal },
    );
  }

  #onKey(/** @type {KeyboardEvent} */ event) {
    const { target, key } = event;
    const inside = target instanceof Node && this.#host.contains(target);
    const onButton = inside && target instanceof HTMLButtonElement && target.matches(":focus-visible");
    const command = commandOf(event)?.id ?? "";
    if (key === "Enter" && !event.ctrlKey && !(onButton && target !== this.#apply)) {
      if (!this.#apply.disabled) this.#keep();
    } else if (key === "Escape") this.close();
    else if (command in this.#trial.commands) this.#trial.commands[command]();
    else {
      const moves = MOVING.test(key) || (inside && SLIDING.test(key));
      if (!moves && !LOOKING.includes(command)) this.close();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

/** "+1,204" or "−1,204". @param {number} value */
export function signed(value) {
  return `${value > 0 ? "+" : "−"}${formatNumber(Math.abs(value))}`;
}

// @ts-check
/**
 * A tour by doing: each step says one thing to do and goes on when it is done. It sits in the page like any other section,
 * takes no focus and blocks nothing; it can be left at any step and taken up there again.
 */

import { updatePreferences } from "../api.js";
import { t } from "../core/translate.js";
import { button, h, iconButton, replace } from "./dom.js";

/**
 * @typedef {object} TourStep
 * @property {string} title
 * @property {() => string} text        asked when shown: keys may have changed
 * @property {string} [target]          selector of what it is about
 * @property {() => () => boolean} begin  notes how things are; the answer tells whether the step is done
 */

/** Where a person is: offered to those without; `step` is where to go on. @typedef {{left: boolean, step: number}} Progress */

export class Tour {
  #host;
  #steps;
  #key;
  /** @type {Progress | null} */
  #progress;
  /** The step on screen; null while the tour is not running. @type {number | null} */
  #at = null;
  #done = () => false;
  #offered = false;
  /** @type {Element | null} */
  #target = null;

  /**
   * @param {HTMLElement} host
   * @param {TourStep[]} steps
   * @param {import("../types.js").User} user
   */
  constructor(host, steps, user) {
    this.#host = host;
    this.#steps = steps;
    this.#key = `tour:${user.id}`;
    this.#progress = readProgress(user.preferences.tour) ?? readProgress(recall(this.#key));
    host.hidden = true;
  }

  get running() {
    return this.#at !== null;
  }

  /** Ask once whether the person wants it. */
  offer() {
    if (this.#progress || this.#offered || this.running) return;
    this.#offered = true;
    const start = button(t("Show me"), { kind: "primary small", onclick: () => this.start() });
    const leave = button(t("Not now"), { kind: "ghost small", onclick: () => this.leave() });
    const text = t("Make your first mask in 30 seconds: click, correct, accept.");
    this.#show(t("New here?"), text, [start, leave]);
  }

  /** From the beginning, or from the step where it was left. */
  start() {
    const step = this.#progress?.step ?? 0;
    this.#go(step < this.#steps.length ? step : 0);
  }

  leave() {
    this.#end({ left: true, step: this.#at ?? 0 });
  }

  /** Something has changed: perhaps the step is done. */
  check() {
    if (this.#at !== null && this.#done()) this.#go(this.#at + 1);
  }

  #go(/** @type {number} */ at) {
    if (at === this.#steps.length) return this.#finish();
    this.#at = at;
    const { title, text, target, begin } = this.#steps[at];
    this.#done = begin();
    this.#mark(target ? document.querySelector(target) : null);
    const skip = button(t("Skip this step"), { kind: "ghost small", onclick: () => this.#go(at + 1) });
    const leave = iconButton("x", t("Leave the tour"), {
      kind: "small",
      "data-tooltip": null,
      onclick: () => this.leave(),
    });
    const where = t("Tour: step {number} of {count}", { number: at + 1, count: this.#steps.length });
    this.#show(title, text(), [skip], where, leave);
    document.body.dataset.tour = String(at + 1);
  }

  #finish() {
    this.#at = null;
    this.#mark(null);
    this.#remember({ left: false, step: 0 });
    document.body.dataset.tour = "done";
    const close = button(t("Close"), {
      kind: "primary small",
      onclick: () => this.#end({ left: false, step: 0 }),
    });
    this.#show(t("That is all it takes"), t("Press ? for every key and gesture, and to see this again."), [
      close,
    ]);
  }

  #end(/** @type {Progress} */ progress) {
    this.#at = null;
    this.#mark(null);
    this.#host.hidden = true;
    replace(this.#host);
    delete document.body.dataset.tour;
    this.#remember(progress);
  }

  #mark(/** @type {Element | null} */ target) {
    this.#target?.classList.remove("tour-target");
    this.#target = target;
    target?.classList.add("tour-target");
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {HTMLElement[]} buttons
   * @param {string} [where]
   * @param {HTMLElement} [corner]
   */
  #show(title, text, buttons, where = "", corner) {
    this.#host.hidden = false;
    replace(
      this.#host,
      where
        ? h("div", { class: "tour-head" }, h("p", { class: "faint small-text grow" }, where), corner)
        : null,
      h(
        "div",
        { role: "status" },
        h("h2", { class: "tour-title" }, title),
        h("p", { class: "tour-text" }, text),
      ),
      h("div", { class: "row tight" }, buttons),
    );
  }

  async #remember(/** @type {Progress} */ progress) {
    this.#progress = progress;
    try {
      localStorage.setItem(this.#key, JSON.stringify(progress));
    } catch {
      // Private windows may have no storage: then the account alone knows.
    }
    await updatePreferences({ tour: progress }).catch(() => {}); // this browser knows
  }
}

/** @param {unknown} stored @returns {Progress | null} */
function readProgress(stored) {
  if (typeof stored !== "object" || stored === null) return null;
  const { left, step } = /** @type {Record<string, unknown>} */ (stored);
  return { left: left === true, step: Number.isInteger(step) ? Math.max(0, Number(step)) : 0 };
}

/** @param {string} key @returns {unknown} */
function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

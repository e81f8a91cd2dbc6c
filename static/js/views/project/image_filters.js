/** The bar above the image grid: status filter with counts, and search by name. */
import { t } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";

/** @typedef {import("../../types.js").Project} Project */

const SEARCH_DELAY_MS = 250;

/** What is asked for; fires "change" when a person asks for something else. */
export class ImageFilters extends EventTarget {
  status = "";
  query = "";

  constructor() {
    super();
    this.segments = h("div", { class: "segmented", role: "group", "aria-label": t("Show images by status") });
    this.search = h("input", {
      class: "input",
      type: "search",
      placeholder: t("Search by name"),
      "aria-label": t("Search images by name"),
      oninput: () => this.#typed(),
    });
    this.found = h("p", { class: "muted small-text", "aria-live": "polite" });
    const search = h("div", { class: "search" }, icon("search"), this.search);
    this.element = h("div", { class: "toolbar" }, this.segments, search, this.found);
  }

  /** Whether only a part of the images is asked for. */
  get active() {
    return Boolean(this.status || this.query);
  }

  /**
   * Draw the counts again, unless they are on screen already.
   * @param {Project["counts"]} counts
   */
  show(counts) {
    const look = JSON.stringify([counts, this.status]);
    if (look === this.#look) return;
    this.#look = look;
    this.#counts = counts;
    const focused = this.segments.contains(document.activeElement);
    /** @type {[string, string, number][]} */
    const entries = [
      ["", t("All"), counts.images],
      ["new", t("New"), counts.new],
      ["in_progress", t("In progress"), counts.in_progress],
      ["done", t("Done"), counts.done],
      ["skipped", t("Skipped"), counts.skipped],
    ];
    replace(
      this.segments,
      entries.map((entry) => this.#segment(...entry)),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (this.segments.querySelector("[aria-pressed=true]"))?.focus();
  }

  clear() {
    this.search.value = "";
    this.query = "";
    this.#choose("");
  }

  #look = "";
  /** @type {Project["counts"] | null} */
  #counts = null;
  #timer = 0;

  /** @param {string} status @param {string} label @param {number} count */
  #segment(status, label, count) {
    const pressed = String(status === this.status);
    return h(
      "button",
      { type: "button", "aria-pressed": pressed, onclick: () => this.#choose(status) },
      label,
      h("span", { class: "count" }, formatNumber(count)),
    );
  }

  /** @param {string} status */
  #choose(status) {
    this.status = status;
    if (this.#counts) this.show(this.#counts);
    this.dispatchEvent(new Event("change"));
  }

  #typed() {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.query = this.search.value.trim();
      this.dispatchEvent(new Event("change"));
    }, SEARCH_DELAY_MS);
  }
}

/** Which image to try automatic masks on: the first ones of the project, or those whose name holds what was typed. */

import { listImages } from "../../api.js";
import { t } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";

/** @typedef {import("../../types.js").Image} Image */

const LISTED = 50;
const SEARCH_DELAY_MS = 250;

/** Fires "change" when another image is chosen. */
export class ImageChoice extends EventTarget {
  /** @param {number} projectId @param {(error: unknown) => void} refused */
  constructor(projectId, refused) {
    super();
    this.#projectId = projectId;
    this.#refused = refused;
    this.#search = h("input", {
      class: "input",
      type: "search",
      placeholder: t("Search by name"),
      "aria-label": t("Search images by name"),
      oninput: () => this.#typed(),
    });
    this.#select = h("select", {
      class: "select",
      "aria-label": t("Image to try it on"),
      onchange: () => this.dispatchEvent(new Event("change")),
    });
    this.#found = h("p", { class: "muted small-text", "aria-live": "polite" });
    const search = h("div", { class: "search" }, icon("search"), this.#search);
    this.element = h(
      "div",
      { class: "automask-image" },
      h("div", { class: "row" }, search, this.#select),
      this.#found,
    );
    this.#load();
  }

  /** @returns {Image | undefined} */
  get image() {
    return this.#images.find(({ id }) => id === Number(this.#select.value));
  }

  #projectId;
  #refused;
  #search;
  #select;
  #found;
  #timer = 0;
  /** @type {Image[]} */
  #images = [];
  /** @type {AbortController | null} the latest question; earlier ones are called off */
  #asking = null;

  #typed() {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#load(), SEARCH_DELAY_MS);
  }

  async #load() {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const q = this.#search.value.trim();
    try {
      const { images, total } = await listImages(this.#projectId, {
        limit: LISTED,
        signal: asking.signal,
        ...(q && { q }),
      });
      this.#show(images, total);
    } catch (error) {
      if (!asking.signal.aborted) this.#refused(error);
    }
  }

  /** @param {Image[]} images @param {number} total */
  #show(images, total) {
    const before = this.image;
    const kept = images.some(({ id }) => id === before?.id);
    this.#images = images;
    replace(
      this.#select,
      images.map(({ id, name }) => h("option", { value: id, selected: kept && id === before?.id }, name)),
    );
    this.#select.disabled = !images.length;
    replace(this.#found, sentence(images.length, total));
    if (!kept) this.dispatchEvent(new Event("change"));
  }
}

/** @param {number} listed @param {number} total */
function sentence(listed, total) {
  if (!total) return t("No image has this in its name.");
  if (listed === total) return "";
  return t("The first {listed} of {total} images; type a part of a name to find others.", {
    listed: formatNumber(listed),
    total: formatNumber(total),
  });
}

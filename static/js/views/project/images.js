/** The image grid: page through, and see each image's state change while one looks. */

import { listImages } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { emptyState } from "../../ui/empty_state.js";
import { toastError } from "../../ui/toast.js";
import { imageCard } from "./image_card.js";
import { ImageFilters } from "./image_filters.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").ImagePage} ImagePage */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

const PAGE_SIZE = 60;
/** The server's limit for one answer. */
const LARGEST_PAGE = 500;
/** How far below the window the next images are fetched. */
const AHEAD = "600px";

/** The section of the Images tab. */
export class ImagesSection {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.filters = new ImageFilters();
    this.filters.addEventListener("change", () => this.load());
    this.grid = h("ul", { class: "image-grid" });
    this.message = h("div", {});
    this.more = button(t("Load more"), { hidden: true, onclick: () => this.loadMore() });
    const foot = h("div", { class: "more" }, this.more);
    const parts = [this.filters.element, this.grid, this.message, foot];
    this.element = h("section", { "aria-label": t("Images") }, parts);
    const seen = (/** @type {IntersectionObserverEntry[]} */ entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !this.more.hidden) this.loadMore();
    };
    new IntersectionObserver(seen, { rootMargin: AHEAD }).observe(this.more);
  }

  /** @type {Map<number, {image: Image, element: HTMLElement}>} loaded images in the order shown */
  #cards = new Map();
  /** @type {string | null} */
  #cursor = null;
  /** How often further images were added to the grid. */
  #pagesAdded = 0;
  /** Grows with every new filter: answers to earlier questions are dropped. */
  #generation = 0;
  #loadingMore = false;
  #look = "";

  /** Read the first page for the present filters. */
  async load() {
    this.#generation += 1;
    const generation = this.#generation;
    this.grid.setAttribute("aria-busy", "true");
    try {
      const answer = await this.#fetch(null);
      if (generation !== this.#generation) return;
      this.#cards.clear();
      replace(this.grid);
      this.#show(answer, null);
      this.#settle(answer);
    } catch (error) {
      if (generation === this.#generation)
        replace(
          this.message,
          failed(error, () => this.load()),
        );
    } finally {
      if (generation === this.#generation) this.grid.removeAttribute("aria-busy");
    }
  }

  async loadMore() {
    if (this.#loadingMore || !this.#cursor) return;
    this.#loadingMore = true;
    const generation = this.#generation;
    try {
      const answer = await this.#fetch(this.#cursor);
      if (generation !== this.#generation) return;
      this.#show(answer, this.grid.lastElementChild);
      this.#settle(answer);
      this.#pagesAdded++;
    } catch (error) {
      toastError(error, t("Could not load more images"));
    } finally {
      this.#loadingMore = false;
    }
  }

  /** Read the loaded images again in place: the page neither jumps nor flickers; what no longer belongs goes.
   * @returns {Promise<void>} */
  async refresh() {
    const [generation, pagesAdded] = [this.#generation, this.#pagesAdded];
    const wanted = this.#cards.size;
    const limit = Math.min(LARGEST_PAGE, Math.max(PAGE_SIZE, wanted));
    /** @type {Set<number>} */
    const seen = new Set();
    /** @type {ImagePage | null} */
    let answer = null;
    /** @type {Element | null} */
    let last = null;
    try {
      do {
        answer = await this.#fetch(/** @type {ImagePage | null} */ (answer)?.next_cursor ?? null, limit);
        if (generation !== this.#generation) return;
        last = this.#show(answer, last);
        for (const { id } of answer.images) seen.add(id);
      } while (answer.next_cursor && seen.size < wanted);
    } catch {
      return; // the project's own polling tells when the server is away, and asks here again
    }
    // What was added meanwhile is not known to be gone.
    if (pagesAdded !== this.#pagesAdded) return this.refresh();
    for (const id of this.#cards.keys()) if (!seen.has(id)) this.#drop(id);
    this.#settle(answer);
  }

  /** @param {Project} project */
  update({ counts, embeddings }) {
    this.filters.show(counts);
    const look = JSON.stringify([counts, embeddings.ready, embeddings.failed, embeddings.pending > 0]);
    if (this.#look && look !== this.#look) this.refresh();
    this.#look = look;
  }

  /** @param {string | null} cursor @param {number} [limit] @returns {Promise<ImagePage>} */
  #fetch(cursor, limit = PAGE_SIZE) {
    const { status, query } = this.filters;
    return listImages(this.page.project().id, { status, q: query, cursor, limit });
  }

  /**
   * Draw what is new or different.
   * @param {ImagePage} answer
   * @param {Element | null} previous the card before the first of these
   * @returns {Element | null} the last card
   */
  #show({ images }, previous) {
    let last = previous;
    for (const image of images) {
      const known = this.#cards.get(image.id);
      // A menu that is open on the card stays; the next reading draws what has changed.
      const menu = known?.element.querySelector("[aria-expanded=true]");
      if (known && (menu || cardLook(known.image) === cardLook(image))) {
        last = known.element;
        continue;
      }
      const element = this.#card(image);
      if (known) known.element.replaceWith(element);
      else if (last) last.after(element);
      else this.grid.prepend(element);
      this.#cards.set(image.id, { image, element });
      last = element;
    }
    return last;
  }

  /** @param {Image} image */
  #card(image) {
    const changed = () => this.#changed();
    const removed = () => {
      this.#drop(image.id);
      this.#changed();
    };
    return imageCard(image, this.page, { changed, removed });
  }

  /** Below the grid: more, nothing, or what to do. @param {ImagePage} answer */
  #settle({ next_cursor, total }) {
    this.#cursor = next_cursor;
    this.more.hidden = !next_cursor;
    const { active } = this.filters;
    this.filters.found.textContent = active ? tn(total, "{number} image found", "{number} images found") : "";
    this.filters.element.hidden = total === 0 && !active;
    if (this.#cards.size) replace(this.message);
    else replace(this.message, active ? nothingFound(() => this.filters.clear()) : noImages(this.page));
  }

  async #changed() {
    await Promise.allSettled([this.page.refresh(), this.refresh()]);
  }

  /** @param {number} id */
  #drop(id) {
    this.#cards.get(id)?.element.remove();
    this.#cards.delete(id);
  }
}

/**
 * What a card shows of its image: places in the queue change all the time without showing.
 * @param {Image} image
 */
function cardLook({ name, status, annotation_count, urls, embedding }) {
  const { state, message } = embedding;
  return JSON.stringify([name, status, annotation_count, urls, state, state === "failed" && message]);
}

/** @param {unknown} error @param {() => void} retry */
function failed(error, retry) {
  const reason = error instanceof Error ? error.message : String(error);
  return h(
    "div",
    { class: "notice danger", role: "alert" },
    icon("circle-alert"),
    h("p", { class: "grow" }, t("The images could not be loaded: {reason}", { reason })),
    button(t("Try again"), { onclick: retry }),
  );
}

/** @param {Page} page */
function noImages(page) {
  return emptyState({
    icon: "images",
    kind: "drop-hint",
    title: t("No images yet"),
    text: t(
      "Drop photographs or whole folders anywhere on this page. JPEG, PNG, WebP, TIFF and BMP are understood.",
    ),
    action: button(t("Choose images"), { icon: "upload", kind: "primary", onclick: () => page.pickFiles() }),
  });
}

/** @param {() => void} clear */
function nothingFound(clear) {
  return emptyState({
    icon: "search",
    title: t("No image matches"),
    text: t("Try another name or status."),
    action: button(t("Show all images"), { onclick: clear }),
  });
}

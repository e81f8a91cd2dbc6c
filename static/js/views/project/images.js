/** The image grid: page through, and see each image's state change while one looks. */
import { listImages } from "../../api.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { plural } from "../../ui/format.js";
import { toastError } from "../../ui/toast.js";
import { imageCard } from "./image_card.js";
import { ImageFilters } from "./image_filters.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").ImagePage} ImagePage */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

const PAGE_SIZE = 60;
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
    this.more = button("Load more", { hidden: true, onclick: () => this.loadMore() });
    const foot = h("div", { class: "more" }, this.more);
    const parts = [this.filters.element, this.grid, this.message, foot];
    this.element = h("section", { "aria-label": "Images" }, parts);
    const seen = (/** @type {IntersectionObserverEntry[]} */ entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !this.more.hidden) this.loadMore();
    };
    new IntersectionObserver(seen, { rootMargin: AHEAD }).observe(this.more);
  }

  /** @type {Map<number, {image: Image, element: HTMLElement}>} loaded images in the order shown */
  #cards = new Map();
  /** @type {string | null} */
  #cursor = null;
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
      this.#show(answer);
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
      this.#show(answer);
      this.#settle(answer);
    } catch (error) {
      toastError(error, "Could not load more images");
    } finally {
      this.#loadingMore = false;
    }
  }

  /** Read the loaded images again in place: the page neither jumps nor flickers. */
  async refresh() {
    const generation = this.#generation;
    const wanted = this.#cards.size;
    /** @type {string | null} */
    let cursor = null;
    let seen = 0;
    try {
      do {
        const answer = await this.#fetch(cursor);
        if (generation !== this.#generation) return;
        this.#show(answer);
        seen += answer.images.length;
        cursor = answer.next_cursor;
        if (cursor === null || seen >= wanted) this.#settle(answer);
      } while (cursor && seen < wanted);
    } catch {
      // The project's own polling tells when the server is away, and asks here again.
    }
  }

  /** @param {Project} project */
  update({ counts, embeddings }) {
    this.filters.show(counts);
    const look = JSON.stringify([counts, embeddings.ready, embeddings.failed, embeddings.pending > 0]);
    if (this.#look && look !== this.#look) this.refresh();
    this.#look = look;
  }

  /** @param {string | null} cursor @returns {Promise<ImagePage>} */
  #fetch(cursor) {
    const { status, query } = this.filters;
    return listImages(this.page.project().id, { status, q: query, cursor, limit: PAGE_SIZE });
  }

  /** @param {ImagePage} answer */
  #show({ images }) {
    for (const image of images) {
      const known = this.#cards.get(image.id);
      if (known && cardLook(known.image) === cardLook(image)) continue;
      // A menu that is open on the card stays; the next reading draws what has changed.
      if (known?.element.querySelector("[aria-expanded=true]")) continue;
      const element = imageCard(image, this.page, {
        changed: () => this.#changed(),
        removed: () => this.#removed(image.id),
      });
      if (known) known.element.replaceWith(element);
      else this.grid.append(element);
      this.#cards.set(image.id, { image, element });
    }
  }

  /** Below the grid: more, nothing, or what to do. @param {ImagePage} answer */
  #settle({ next_cursor, total }) {
    this.#cursor = next_cursor;
    this.more.hidden = !next_cursor;
    const { active } = this.filters;
    this.filters.found.textContent = active ? `${plural(total, "image")} found` : "";
    this.filters.element.hidden = total === 0 && !active;
    if (this.#cards.size) replace(this.message);
    else replace(this.message, active ? nothingFound(() => this.filters.clear()) : noImages(this.page));
  }

  async #changed() {
    await Promise.allSettled([this.page.refresh(), this.refresh()]);
  }

  /** @param {number} id */
  #removed(id) {
    this.#cards.get(id)?.element.remove();
    this.#cards.delete(id);
    this.#changed();
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
    h("p", { class: "grow" }, `The images could not be loaded: ${reason}`),
    button("Try again", { onclick: retry }),
  );
}

/** @param {Page} page */
function noImages(page) {
  return h(
    "div",
    { class: "empty drop-hint" },
    icon("images"),
    h("h2", {}, "No images yet"),
    h(
      "p",
      {},
      "Drop photographs or whole folders anywhere on this page. JPEG, PNG, WebP, TIFF and BMP are understood.",
    ),
    button("Choose images", { icon: "upload", kind: "primary", onclick: () => page.pickFiles() }),
  );
}

/** @param {() => void} clear */
function nothingFound(clear) {
  return h(
    "div",
    { class: "empty" },
    icon("search"),
    h("h2", {}, "No image matches"),
    h("p", {}, "Try another name or status."),
    button("Show all images", { onclick: clear }),
  );
}

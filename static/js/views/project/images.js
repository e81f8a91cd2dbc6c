/** The image grid: filter, search, page through, and see each image's state change while one looks. */
import { listImages } from "../../api.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { formatNumber, plural } from "../../ui/format.js";
import { toastError } from "../../ui/toast.js";
import { imageCard } from "./image_card.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

const PAGE_SIZE = 60;
const SEARCH_DELAY_MS = 250;

/**
 * @param {Page} page
 */
export function createImagesSection(page) {
  const state = { status: "", query: "", cursor: /** @type {string | null} */ (null), generation: 0 };
  /** @type {Map<number, {image: Image, element: HTMLElement}>} loaded images in the order shown */
  const cards = new Map();
  const grid = h("ul", { class: "image-grid" });
  const message = h("div", {});
  const more = button("Load more", { kind: "", hidden: true, onclick: () => loadMore() });
  const found = h("p", { class: "muted small-text", "aria-live": "polite" });
  const filters = h("div", { class: "segmented", role: "group", "aria-label": "Show images by status" });
  const search = h("input", {
    class: "input",
    type: "search",
    placeholder: "Search by name",
    "aria-label": "Search images by name",
  });
  let typing = 0;
  search.addEventListener("input", () => {
    window.clearTimeout(typing);
    typing = window.setTimeout(() => {
      state.query = search.value.trim();
      load();
    }, SEARCH_DELAY_MS);
  });
  const toolbar = h(
    "div",
    { class: "toolbar" },
    filters,
    h("div", { class: "search" }, icon("search"), search),
    found,
  );
  const element = h(
    "section",
    { "aria-label": "Images" },
    toolbar,
    grid,
    message,
    h("div", { class: "more" }, more),
  );
  new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !more.hidden) loadMore();
    },
    { rootMargin: "600px" },
  ).observe(more);

  let shownFilters = "";
  const drawFilters = () => {
    const { counts } = page.project();
    const look = JSON.stringify([counts, state.status]);
    if (look === shownFilters) return;
    shownFilters = look;
    const focused = filters.contains(document.activeElement);
    /** @type {[string, string, number][]} */
    const entries = [
      ["", "All", counts.images],
      ["new", "New", counts.new],
      ["in_progress", "In progress", counts.in_progress],
      ["done", "Done", counts.done],
      ["skipped", "Skipped", counts.skipped],
    ];
    replace(
      filters,
      entries.map(([status, label, count]) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(status === state.status),
            dataset: { status: status || "all" },
            onclick: () => {
              state.status = status;
              drawFilters();
              load();
            },
          },
          label,
          h("span", { class: "count" }, formatNumber(count)),
        ),
      ),
    );
    if (focused) /** @type {HTMLElement | null} */ (filters.querySelector("[aria-pressed=true]"))?.focus();
  };

  const fetchPage = (/** @type {string | null} */ cursor, limit = PAGE_SIZE) =>
    listImages(page.project().id, {
      status: state.status || undefined,
      q: state.query || undefined,
      cursor: cursor ?? undefined,
      limit,
    });

  const show = (/** @type {Image} */ image) => {
    const known = cards.get(image.id);
    if (known && look(known.image) === look(image)) return;
    // A menu that is open on the card stays; the next reading draws what has changed.
    if (known?.element.querySelector("[aria-expanded=true]")) return;
    const fresh = imageCard(image, page, { changed: refreshAll, removed: () => remove(image.id) });
    if (known) known.element.replaceWith(fresh);
    else grid.append(fresh);
    cards.set(image.id, { image, element: fresh });
  };
  const remove = (/** @type {number} */ id) => {
    cards.get(id)?.element.remove();
    cards.delete(id);
    refreshAll();
  };

  /** @param {{next_cursor: string | null, total: number}} answer */
  const settle = ({ next_cursor, total }) => {
    state.cursor = next_cursor;
    more.hidden = !next_cursor;
    const filtered = Boolean(state.status || state.query);
    found.textContent = filtered ? `${plural(total, "image")} found` : "";
    toolbar.hidden = page.project().counts.images === 0 && !filtered;
    if (cards.size) replace(message);
    else replace(message, filtered ? nothingFound(clearFilters) : noImages(page));
  };

  const load = async () => {
    state.generation += 1;
    const { generation } = state;
    grid.setAttribute("aria-busy", "true");
    try {
      const answer = await fetchPage(null);
      if (generation !== state.generation) return; // a later filter already asked again
      cards.clear();
      replace(grid);
      answer.images.forEach(show);
      settle(answer);
    } catch (error) {
      if (generation !== state.generation) return;
      const retry = button("Try again", { onclick: load });
      replace(
        message,
        h(
          "div",
          { class: "notice danger" },
          icon("circle-alert"),
          h("p", { class: "grow" }, reason(error)),
          retry,
        ),
      );
    } finally {
      if (generation === state.generation) grid.removeAttribute("aria-busy");
    }
  };

  let loadingMore = false;
  const loadMore = async () => {
    if (loadingMore || !state.cursor) return;
    loadingMore = true;
    const { generation } = state;
    try {
      const answer = await fetchPage(state.cursor);
      if (generation !== state.generation) return;
      answer.images.forEach(show);
      settle(answer);
    } catch (error) {
      toastError(error, "Could not load more images");
    } finally {
      loadingMore = false;
    }
  };

  /** Read the loaded images again in place: the page neither jumps nor flickers. */
  const refreshLoaded = async () => {
    const { generation } = state;
    const wanted = cards.size;
    let cursor = /** @type {string | null} */ (null);
    let seen = 0;
    do {
      const answer = await fetchPage(cursor);
      if (generation !== state.generation) return;
      answer.images.forEach(show);
      seen += answer.images.length;
      cursor = answer.next_cursor;
      if (cursor === null || seen >= wanted) settle(answer);
    } while (cursor && seen < wanted);
  };
  const refreshAll = () => {
    refreshLoaded().catch(() => {});
    page.refresh().catch(() => {});
  };
  const clearFilters = () => {
    state.status = "";
    state.query = "";
    search.value = "";
    drawFilters();
    load();
  };

  let lastLook = "";
  return {
    element,
    load,
    /** Newly stored images: show them once the page has settled. */
    added: () => refreshLoaded().catch(() => {}),
    /** @param {Project} project */
    update: (project) => {
      drawFilters();
      const look = JSON.stringify([project.embeddings.ready, project.embeddings.failed, project.counts]);
      if (lastLook && look !== lastLook) refreshLoaded().catch(() => {});
      lastLook = look;
    },
  };
}

/**
 * What a card shows of its image: places in the queue change all the time without showing.
 * @param {Image} image
 */
function look({ name, status, annotation_count, urls, embedding }) {
  const { state, message } = embedding;
  return JSON.stringify([name, status, annotation_count, urls, state, state === "failed" && message]);
}

/** @param {unknown} error */
function reason(error) {
  return `The images could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
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

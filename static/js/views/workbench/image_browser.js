/** The images of the project to choose from: filter, part of the name, thumbnails. The chosen filter also guides A and D. */

import { listImages } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { countImages } from "../../ui/format.js";
import { toastError } from "../../ui/toast.js";
import { FILTERS } from "./queue.js";
import { skipReasonText } from "./skip.js";

/** @typedef {import("../../types.js").Image} Image */

const PAGE = 60;
const TYPING_MS = 200;
/** @type {Record<Image["status"], {label: string, tone: string}>} */
const STATUS = {
  new: { label: t("New"), tone: "" },
  in_progress: { label: t("In progress"), tone: "accent" },
  done: { label: t("Complete"), tone: "success" },
  skipped: { label: t("Skipped"), tone: "warning" },
};

/**
 * @param {number} projectId
 * @param {import("./queue.js").Queue} queue
 * @param {{current: number | null, open: (id: number) => void}} run
 */
export function openImageBrowser(projectId, queue, { current, open }) {
  const search = h("input", {
    class: "input",
    type: "search",
    placeholder: t("Part of the name"),
    "aria-label": t("Part of the name"),
    autocomplete: "off",
  });
  const filters = FILTERS.map(({ value, label, hint }) =>
    h("button", { type: "button", title: hint, "data-filter": value, onclick: () => choose(value) }, label),
  );
  const found = h("p", { class: "hint", role: "status" });
  const grid = h("div", { class: "wb-images" });
  const more = button(t("Show more"), { kind: "small", onclick: () => load() });
  const dialog = openDialog({
    title: t("Images"),
    wide: true,
    body: [
      h("div", { class: "segmented wb-filters", role: "group", "aria-label": t("Which images") }, filters),
      h("div", { class: "search" }, icon("search"), search),
      found,
      grid,
      more,
    ],
    onsubmit: (event) => {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (grid.querySelector("button"))?.click();
    },
  });
  dialog.element.classList.add("wb-browser");
  /** @type {string | null} */
  let cursor = null;
  let asking = new AbortController();
  let timer = 0;

  const choose = (/** @type {typeof queue.filter} */ value) => {
    queue.setFilter(value);
    restart();
  };
  const restart = () => {
    for (const each of filters)
      each.setAttribute("aria-pressed", String(each.dataset.filter === queue.filter));
    asking.abort();
    asking = new AbortController();
    cursor = null;
    load();
  };
  const load = async () => {
    const { signal } = asking;
    const first = cursor === null;
    try {
      const query = { q: search.value.trim(), filter: queue.asked, cursor, limit: PAGE };
      const page = await listImages(projectId, { ...query, signal });
      if (signal.aborted) return;
      if (first) replace(grid);
      grid.append(...page.images.map(card));
      cursor = page.next_cursor;
      more.hidden = !cursor;
      found.textContent = page.total ? countImages(page.total) : t("No image passes. Try another filter.");
    } catch (error) {
      if (!signal.aborted) toastError(error, t("Could not list the images"));
    }
  };
  const card = (/** @type {Image} */ image) => {
    const status = STATUS[image.status];
    const masks = image.annotation_count
      ? tn(image.annotation_count, "{number} object", "{number} objects")
      : "";
    const proposals = image.proposal_count
      ? tn(image.proposal_count, "{number} proposal", "{number} proposals")
      : "";
    const reason = image.skip_reason && skipReasonText(image.skip_reason);
    const state = reason ? t("{status}: {reason}", { status: status.label, reason }) : status.label;
    return h(
      "button",
      {
        type: "button",
        class: "wb-image-card",
        "aria-current": image.id === current ? "true" : null,
        onclick: () => {
          dialog.element.close("");
          open(image.id);
        },
      },
      h("img", { src: image.urls.thumbnail, alt: "", loading: "lazy" }),
      h("strong", { class: "truncate" }, image.name),
      h(
        "span",
        { class: "wb-image-state truncate" },
        h("span", { class: `dot ${status.tone}` }),
        [state, masks, proposals].filter(Boolean).join(" · "),
      ),
    );
  };

  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(restart, TYPING_MS);
  });
  restart();
  search.focus();
}

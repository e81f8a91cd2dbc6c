/** The top of the project page: name, progress, state of preparation, and the way into the work. */

import { embedImage, listImages } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { formatNumber, percent } from "../../ui/format.js";
import { toast, toastError } from "../../ui/toast.js";
import { doneText, embeddingText, progressBar, unprepared } from "./summary.js";

/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

/** @param {Project} project */
function stats({ counts }) {
  /** @type {[string, number][]} */
  const entries = [
    [t("Images"), counts.images],
    [t("Done"), counts.done],
    [t("In progress"), counts.in_progress],
    [t("New"), counts.new],
    [t("Skipped"), counts.skipped],
    [t("Annotations"), counts.annotations],
  ];
  if (counts.proposals) entries.push([t("Proposals"), counts.proposals]);
  return h(
    "dl",
    { class: "stats" },
    entries.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, formatNumber(value)))),
  );
}

/**
 * What still has to be prepared, and what to do when nothing is under way.
 * @param {Project} project
 * @param {Page} page
 */
function preparation(project, page) {
  const { pending, failed, ready } = project.embeddings;
  const waiting = unprepared(project);
  if (!pending && !failed && !waiting) return null;
  const values = { progress: embeddingText(project) };
  const [title, text] = pending
    ? [t("Preparing images."), t("{progress}. You can start now: the image you open goes first.", values)]
    : failed
      ? [t("Some images could not be prepared."), t("{progress}. Open one to see why.", values)]
      : [t("Not prepared for this model yet."), t("{progress}. Opening an image prepares it.", values)];
  const label = failed ? t("Try again") : t("Prepare all");
  const go = button(label, { kind: "small", onclick: () => busy(go, () => prepareAll(project.id, page)) });
  const bar = {
    class: "progress",
    max: project.counts.images,
    value: ready,
    "aria-label": t("Images ready"),
  };
  return h(
    "div",
    { class: `notice ${pending ? "accent" : "warning"} preparation`, dataset: { ready: String(ready) } },
    pending ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon("triangle-alert"),
    h(
      "div",
      { class: "grow" },
      h("p", {}, h("strong", {}, title), " ", text),
      pending ? h("progress", bar) : null,
    ),
    pending ? null : go,
  );
}

/**
 * Queue what is neither ready nor on its way.
 * @param {number} id
 * @param {Page} page
 */
async function prepareAll(id, page) {
  try {
    let cursor = /** @type {string | null} */ (null);
    do {
      const answer = await listImages(id, { cursor, limit: 200 });
      const missing = answer.images.filter(({ embedding }) => ["none", "failed"].includes(embedding.state));
      for (const image of missing) await embedImage(image.id);
      cursor = answer.next_cursor;
    } while (cursor);
  } catch (error) {
    toastError(error, t("Could not queue every image"));
  }
  await page.refresh().catch(() => {});
}

/**
 * Open the next image that needs work: started ones before new ones.
 * @param {number} id
 */
async function startAnnotating(id) {
  for (const status of ["in_progress", "new"]) {
    const { images } = await listImages(id, { status, limit: 20 });
    const next = images.find((image) => image.embedding.state === "ready") ?? images[0];
    if (next) {
      location.assign(`/projects/${id}/images/${next.id}`);
      return;
    }
  }
  toast(t("Every image is done or skipped. Add more images to go on."), { kind: "success" });
}

/**
 * The top of the page. Its parts are drawn again one by one and only when they would look different, so that a
 * focused button stays focused while numbers move.
 */
export class Overview {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.element = h("div", { class: "project-head stack" }, this.#header, this.#progress, this.#preparation);
  }

  #header = h("div", { class: "page-header" });
  #progress = h("section", { class: "card padded overview", "aria-label": t("Progress") });
  #preparation = h("div", {});
  /** @type {Map<HTMLElement, string>} */
  #drawn = new Map();

  /** @param {Project} project */
  update(project) {
    const { name, description, counts, embeddings } = project;
    this.#draw(this.#header, [name, description, counts.images > 0], () => header(project, this.page));
    this.#progress.hidden = counts.images === 0;
    this.#draw(this.#progress, counts, () => [progress(counts), stats(project)]);
    this.#draw(this.#preparation, [embeddings, counts.images], () => [preparation(project, this.page)]);
    this.#preparation.hidden = !this.#preparation.hasChildNodes();
  }

  /**
   * @param {HTMLElement} slot
   * @param {unknown} look
   * @param {() => (Node | null)[]} content
   */
  #draw(slot, look, content) {
    const text = JSON.stringify(look);
    if (this.#drawn.get(slot) === text) return;
    this.#drawn.set(slot, text);
    replace(slot, content());
  }
}

/**
 * @param {Project} project
 * @param {Page} page
 */
function header({ id, name, description, counts }, page) {
  const start = button(t("Start annotating"), {
    icon: "play",
    kind: "primary",
    disabled: counts.images === 0,
    onclick: () =>
      busy(start, () => startAnnotating(id)).catch((error) =>
        toastError(error, t("Could not open an image")),
      ),
  });
  return [
    h(
      "div",
      { class: "grow" },
      h("h1", { class: "truncate", title: name }, name),
      description ? h("p", { class: "muted description" }, description) : null,
    ),
    h("a", { class: "button", href: `/projects/${id}/training` }, icon("sparkles"), t("Training")),
    button(t("Add images"), { icon: "upload", onclick: () => page.pickFiles() }),
    start,
  ];
}

/** @param {Project["counts"]} counts */
function progress(counts) {
  return h(
    "div",
    { class: "overview-progress" },
    h("p", { class: "overview-percent" }, percent(counts.done, counts.images)),
    h("p", { class: "muted small-text" }, doneText(counts)),
    progressBar(counts),
  );
}

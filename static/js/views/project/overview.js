/** The top of the project page: name, progress, state of preparation, and the way into the work. */
import { listImages } from "../../api.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon } from "../../ui/dom.js";
import { formatNumber, percent, plural } from "../../ui/format.js";
import { toast, toastError } from "../../ui/toast.js";
import { embeddingText, progressBar } from "./summary.js";

/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../project.js").Page} Page */

/** @param {Project} project */
function stats({ counts }) {
  /** @type {[string, number][]} */
  const entries = [
    ["Images", counts.images],
    ["Done", counts.done],
    ["In progress", counts.in_progress],
    ["New", counts.new],
    ["Skipped", counts.skipped],
    ["Annotations", counts.annotations],
  ];
  if (counts.proposals) entries.push(["Proposals", counts.proposals]);
  return h(
    "dl",
    { class: "stats" },
    entries.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, formatNumber(value)))),
  );
}

/** @param {Project["embeddings"]} embeddings */
function preparation(embeddings) {
  if (!embeddings.pending && !embeddings.failed) return null;
  const total = embeddings.ready + embeddings.pending + embeddings.failed;
  const working = embeddings.pending > 0;
  return h(
    "div",
    {
      class: `notice ${working ? "accent" : "warning"} preparation`,
      dataset: { ready: String(embeddings.ready) },
    },
    working ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon("triangle-alert"),
    h(
      "div",
      { class: "grow" },
      h(
        "p",
        {},
        h("strong", {}, working ? "Preparing images. " : "Some images could not be prepared. "),
        embeddingText(embeddings),
        working ? ". You can start now: ready images come first." : ". Open one to see why and to retry.",
      ),
      working
        ? h("progress", {
            class: "progress",
            max: total,
            value: embeddings.ready,
            "aria-label": "Images ready",
          })
        : null,
    ),
  );
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
  toast("Every image is done or skipped. Add more images to go on.", { kind: "success" });
}

/**
 * @param {Project} project
 * @param {Page} page
 */
export function overview(project, page) {
  const start = button("Start annotating", {
    icon: "play",
    kind: "primary",
    disabled: project.counts.images === 0,
    onclick: () =>
      busy(start, () => startAnnotating(project.id)).catch((error) =>
        toastError(error, "Could not open an image"),
      ),
  });
  const { counts } = project;
  return [
    h(
      "div",
      { class: "page-header" },
      h(
        "div",
        { class: "grow" },
        h("h1", { class: "truncate", title: project.name }, project.name),
        project.description ? h("p", { class: "muted description" }, project.description) : null,
      ),
      page.manages() ? button("Add images", { icon: "upload", onclick: () => page.pickFiles() }) : null,
      start,
    ),
    counts.images
      ? h(
          "section",
          { class: "card padded overview", "aria-label": "Progress" },
          h(
            "div",
            { class: "overview-progress" },
            h("p", { class: "overview-percent" }, percent(counts.done, counts.images)),
            h(
              "p",
              { class: "muted small-text" },
              `${formatNumber(counts.done)} of ${plural(counts.images, "image")} done`,
            ),
            progressBar(counts),
          ),
          stats(project),
        )
      : null,
    preparation(project.embeddings),
  ];
}

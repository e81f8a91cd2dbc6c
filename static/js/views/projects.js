/** All projects one takes part in: what they look like, how far they are, whether they are ready to annotate. */

import { createProject, listImages, listProjects } from "../api.js";
import { t } from "../core/translate.js";
import { formDialog } from "../ui/dialog.js";
import { button, byId, h, icon, replace } from "../ui/dom.js";
import { emptyState } from "../ui/empty_state.js";
import { countAnnotations, percent } from "../ui/format.js";
import { poll } from "../ui/poll.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { doneText, embeddingText, progressBar, STAGES } from "./project/summary.js";

/** @typedef {import("../types.js").Project} Project */

const MOSAIC = 4;
/** @type {Map<number, {images: number, element: HTMLElement}>} thumbnails by project, refetched when images come */
const mosaics = new Map();

/** @param {Project} project */
function mosaic(project) {
  const known = mosaics.get(project.id);
  if (known && (known.images === project.counts.images || known.images >= MOSAIC)) return known.element;
  const element = h("div", { class: "mosaic", "aria-hidden": "true" });
  mosaics.set(project.id, { images: project.counts.images, element });
  if (!project.counts.images) {
    element.append(h("div", { class: "mosaic-empty" }, icon("images", "large")));
    return element;
  }
  listImages(project.id, { limit: MOSAIC }).then(
    ({ images }) => {
      element.dataset.count = String(images.length);
      replace(
        element,
        images.map((image) => h("img", { src: image.urls.thumbnail, alt: "", decoding: "async" })),
      );
    },
    () => mosaics.delete(project.id), // the next look at the projects tries again
  );
  return element;
}

/** @param {Project} project */
function card(project) {
  const { counts } = project;
  return h(
    "li",
    {},
    h(
      "a",
      {
        class: "card project-card",
        href: `/projects/${project.id}`,
        dataset: { project: String(project.id) },
      },
      mosaic(project),
      h(
        "div",
        { class: "project-card-body" },
        h(
          "div",
          { class: "row" },
          h("h2", { class: "grow truncate", title: project.name }, project.name),
          h("span", { class: "muted tabular" }, counts.images ? percent(counts.done, counts.images) : ""),
        ),
        progressBar(counts),
        h(
          "p",
          { class: "muted small-text tabular" },
          counts.images
            ? `${doneText(counts)} · ${countAnnotations(counts.annotations)}`
            : t("No images yet"),
        ),
        h("p", { class: "project-card-foot small-text" }, readiness(project), stage(project)),
      ),
    ),
  );
}

/** @param {Project} project */
function readiness(project) {
  const { counts, embeddings } = project;
  if (!counts.images) return h("span", { class: "row tight faint" }, t("Open it to add some"));
  const complete = embeddings.ready >= counts.images;
  const kind = complete ? "success" : embeddings.pending ? "accent" : "warning";
  const text = complete ? t("Ready") : embeddingText(project);
  return h("span", { class: "row tight" }, h("span", { class: `dot ${kind}` }), text);
}

/** @param {Project} project */
function stage(project) {
  return h("span", { class: "faint" }, STAGES[project.stage].label);
}

async function newProject() {
  const project = await formDialog({
    title: t("New project"),
    confirm: t("Create project"),
    fields: [
      { name: "name", label: t("Name"), required: true, placeholder: t("Street furniture, spring survey") },
      {
        name: "description",
        label: t("Description"),
        type: "textarea",
        hint: t("What to annotate and how: annotators see it on the project page."),
      },
    ],
    submit: ({ name = "", description = "" }) =>
      createProject({ name: name.trim(), description: description.trim() }),
  });
  if (project) location.assign(`/projects/${project.id}`);
}

function noProjects() {
  return emptyState({
    icon: "folder-plus",
    title: t("No projects yet"),
    text: t(
      "A project holds the images of one task, its labels and its people. Create one and drop images on it, or ask a manager to add you to theirs.",
    ),
    action: button(t("New project"), { icon: "plus", kind: "primary", onclick: newProject }),
  });
}

/**
 * @param {HTMLElement} list
 */
async function refresh(list) {
  const projects = await listProjects();
  // A card that has the keyboard's focus keeps it.
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.project;
  const cards = projects.map(card);
  replace(list, projects.length ? h("ul", { class: "project-grid" }, cards) : noProjects());
  if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-project="${focused}"]`))?.focus();
  return projects.some((project) => project.embeddings.pending > 0) ? 2000 : 20000;
}

startPage(async (user) => {
  mountTopbar(user, { section: "projects" });
  const list = h("div", {});
  replace(
    byId("main", HTMLElement),
    h(
      "header",
      { class: "page-header" },
      h("h1", { class: "grow" }, t("Projects")),
      button(t("New project"), { icon: "plus", kind: "primary", onclick: newProject }),
    ),
    list,
  );
  const delay = await refresh(list);
  poll(() => refresh(list), delay);
});

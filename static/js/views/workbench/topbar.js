/** The bar above the image: where one is, the way to the neighbours, undo, what is saved, and the image's status. */

import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { breadcrumbs } from "../../ui/shell.js";
import { themeButton } from "../../ui/theme.js";

/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../../outbox.js").Status} SaveState */

/**
 * @typedef {object} TopbarActions
 * @property {(direction: 1 | -1) => void} step  to a neighbour
 * @property {() => void} needing             the next image that needs this person
 * @property {() => void} browse              choose from all images
 * @property {() => void} complete            mark complete (or reopen)
 * @property {() => void} skip
 * @property {() => void} help
 * @property {() => void} saveState           the person pressed the save state
 */

/** @type {Record<SaveState["state"], {icon: string, text: (pending: number) => string, tone: string}>} */
const SAVE = {
  saved: { icon: "cloud-check", text: () => "Saved", tone: "" },
  saving: { icon: "cloud", text: (n) => (n > 1 ? `Saving ${n}` : "Saving"), tone: "" },
  offline: { icon: "cloud-off", text: (n) => `Offline · ${n} kept here`, tone: "warning" },
  signed_out: { icon: "key", text: () => "Sign in to save", tone: "warning" },
  conflict: { icon: "git-compare", text: () => "Conflict", tone: "danger" },
  refused: { icon: "triangle-alert", text: () => "Not saved", tone: "danger" },
};

const STATUS = {
  new: { label: "New", tone: "" },
  in_progress: { label: "In progress", tone: "accent" },
  done: { label: "Complete", tone: "success" },
  skipped: { label: "Skipped", tone: "warning" },
};

/**
 * @param {{crumbs: HTMLElement, pager: HTMLElement, actions: HTMLElement}} slots
 * @param {Editor} editor
 * @param {import("./queue.js").Queue} queue
 * @param {TopbarActions} run
 */
export function mountTopbar({ crumbs, pager, actions }, editor, queue, run) {
  const previous = iconButton("chevron-left", "Previous image", {
    kind: "small",
    "data-tooltip": "Previous image  A",
  });
  const next = iconButton("chevron-right", "Next image", { kind: "small", "data-tooltip": "Next image  D" });
  const position = h("span", { class: "wb-position tabular" });
  const filter = h("span", { class: "badge accent" });
  const browse = h(
    "button",
    {
      type: "button",
      class: "wb-browse",
      "aria-label": "Choose from all images",
      "data-tooltip": "All images  G",
      onclick: run.browse,
    },
    position,
    filter,
    icon("chevron-down", "small"),
  );
  const needing = iconButton("list-checks", "Next image that needs me", {
    kind: "small",
    "data-tooltip": "Next image that needs me  N",
    onclick: run.needing,
  });
  replace(pager, previous, browse, next, needing);
  previous.addEventListener("click", () => run.step(-1));
  next.addEventListener("click", () => run.step(1));

  const undo = iconButton("undo-2", "Undo", { kind: "small", onclick: () => editor.undo() });
  const redo = iconButton("redo-2", "Redo", { kind: "small", onclick: () => editor.redo() });
  const save = h("button", {
    type: "button",
    class: "wb-save",
    "aria-live": "polite",
    onclick: run.saveState,
  });
  const badge = h("span", { class: "badge" });
  const complete = button("Complete", { kind: "primary small", onclick: run.complete });
  const skip = iconButton("skip-forward", "Skip image", {
    kind: "small",
    "data-tooltip": "Skip image  K",
    onclick: run.skip,
  });
  const help = iconButton("keyboard", "Keyboard shortcuts", {
    kind: "small",
    "data-tooltip": "Shortcuts  ?",
    onclick: run.help,
  });
  const theme = themeButton();
  theme.classList.add("small");
  const history = h("div", { class: "wb-group" }, undo, redo);
  const view = h("div", { class: "wb-group" });
  replace(
    actions,
    history,
    save,
    badge,
    h("div", { class: "wb-group" }, skip, complete),
    view,
    h("div", { class: "wb-group" }, help, theme),
  );

  /** @type {Project | null} */
  let project = null;
  const render = () => {
    const { image } = editor;
    undo.disabled = !editor.canUndo;
    redo.disabled = !editor.canRedo;
    undo.dataset.tooltip = editor.undoLabel
      ? `Undo ${editor.undoLabel.toLowerCase()}  Ctrl Z`
      : "Undo  Ctrl Z";
    redo.dataset.tooltip = editor.redoLabel ? `Redo ${editor.redoLabel.toLowerCase()}  Ctrl Shift Z` : "Redo";
    previous.disabled = !image?.previous_id;
    next.disabled = !image?.next_id;
    if (!image) return;
    replace(
      crumbs,
      breadcrumbs([
        { label: project?.name ?? "Project", href: `/projects/${image.project_id}` },
        { label: image.name },
      ]),
    );
    filter.textContent = queue.filter ? queue.label : "";
    filter.hidden = !queue.filter;
    position.textContent = project ? `${image.position + 1} of ${project.counts.images}` : "";
    const status = STATUS[image.status];
    badge.textContent = status.label;
    badge.className = `badge ${status.tone}`;
    badge.hidden = image.status === "new";
    badge.title = image.skip_reason ?? "";
    const done = image.status === "done" || image.status === "skipped";
    replace(complete, done ? "Reopen" : "Complete");
    complete.className = `button small ${done ? "" : "primary"}`;
    complete.title = done
      ? "Mark as in progress again"
      : "Mark complete and go to the next image (Ctrl Enter)";
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("image") || kinds.has("history")) render();
  });

  queue.addEventListener("change", render);

  return {
    /** Where the View button belongs. */
    view,
    setProject(/** @type {Project} */ value) {
      project = value;
      render();
    },
    setSaveState(/** @type {SaveState} */ { state, pending }) {
      const { icon: name, text, tone } = SAVE[state];
      replace(save, icon(name, "small"), text(pending));
      save.className = `wb-save ${tone}`;
    },
  };
}

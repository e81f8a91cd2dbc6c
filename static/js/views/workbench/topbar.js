/** The bar above the image: where one is, the way to the neighbours, undo, what is saved, and the image's status. */

import { t } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { keyed, keymap } from "../../ui/keymap.js";
import { breadcrumbs } from "../../ui/shell.js";
import { themeButton } from "../../ui/theme.js";
import { skipReasonText } from "./skip.js";

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
  saved: { icon: "cloud-check", text: () => t("Saved"), tone: "" },
  saving: {
    icon: "cloud",
    text: (n) => (n > 1 ? t("Saving {number}", { number: n }) : t("Saving")),
    tone: "",
  },
  offline: {
    icon: "cloud-off",
    text: (n) => t("Offline · {number} kept here", { number: n }),
    tone: "warning",
  },
  signed_out: { icon: "key", text: () => t("Sign in to save"), tone: "warning" },
  conflict: { icon: "git-compare", text: () => t("Conflict"), tone: "danger" },
  refused: { icon: "triangle-alert", text: () => t("Not saved"), tone: "danger" },
};

const STATUS = {
  new: { label: t("New"), tone: "" },
  in_progress: { label: t("In progress"), tone: "accent" },
  done: { label: t("Complete"), tone: "success" },
  skipped: { label: t("Skipped"), tone: "warning" },
};

/**
 * @param {{crumbs: HTMLElement, pager: HTMLElement, actions: HTMLElement}} slots
 * @param {Editor} editor
 * @param {import("./queue.js").Queue} queue
 * @param {TopbarActions} run
 */
export function mountTopbar({ crumbs, pager, actions }, editor, queue, run) {
  const command = (
    /** @type {string} */ iconName,
    /** @type {string} */ id,
    /** @type {() => void} */ onclick,
  ) => keyed(iconButton(iconName, keymap.labelOf(id), { kind: "small", onclick }), id);
  const previous = command("chevron-left", "previous_image", () => run.step(-1));
  const next = command("chevron-right", "next_image", () => run.step(1));
  const position = h("span", { class: "wb-position tabular" });
  const filter = h("span", { class: "badge accent" });
  const browse = h(
    "button",
    { type: "button", class: "wb-browse", onclick: run.browse },
    h("span", { class: "visually-hidden" }, `${keymap.labelOf("browse")}: `),
    position,
    filter,
    icon("chevron-down", "small"),
  );
  keyed(browse, "browse");
  const needing = command("list-checks", "next_needing", run.needing);
  replace(pager, previous, browse, next, needing);

  const undo = command("undo-2", "undo", () => editor.undo());
  const redo = command("redo-2", "redo", () => editor.redo());
  const save = h("button", {
    type: "button",
    class: "wb-save",
    "aria-live": "polite",
    onclick: run.saveState,
  });
  const badge = h("span", { class: "badge" });
  const complete = button(t("Complete"), { kind: "primary small", onclick: run.complete });
  const skip = command("skip-forward", "skip", run.skip);
  const help = command("keyboard", "help", run.help);
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
  const renderHistory = () => {
    undo.disabled = !editor.canUndo;
    redo.disabled = !editor.canRedo;
    const { undoLabel, redoLabel } = editor;
    keyed(undo, "undo", undoLabel ? t("Undo: {step}", { step: undoLabel }) : t("Undo"));
    keyed(redo, "redo", redoLabel ? t("Redo: {step}", { step: redoLabel }) : t("Redo"));
  };
  const render = () => {
    const { image } = editor;
    previous.disabled = !image?.previous_id;
    next.disabled = !image?.next_id;
    if (!image) return;
    replace(
      crumbs,
      breadcrumbs([
        { label: project?.name ?? t("Project"), href: `/projects/${image.project_id}` },
        { label: image.name },
      ]),
    );
    filter.textContent = queue.filter ? queue.label : "";
    filter.hidden = !queue.filter;
    position.textContent = project
      ? t("{number} of {count}", { number: image.position + 1, count: project.counts.images })
      : "";
    const status = STATUS[image.status];
    badge.textContent = status.label;
    badge.className = `badge ${status.tone}`;
    badge.hidden = image.status === "new";
    badge.title = image.skip_reason ? skipReasonText(image.skip_reason) : "";
    const done = image.status === "done" || image.status === "skipped";
    replace(complete, done ? t("Reopen") : t("Complete"));
    complete.className = `button small ${done ? "" : "primary"}`;
    keyed(
      complete,
      "complete",
      done ? t("Mark as in progress again") : t("Mark complete and go to the next image"),
    );
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("history")) renderHistory();
    if (kinds.has("image")) render();
  });
  renderHistory();

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

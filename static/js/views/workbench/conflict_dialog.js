/** The question which of two versions of an object shall count: both masks and their difference, who changed it and when. */

import { t } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";
import { formatNumber, formatWhen } from "../../ui/format.js";
import { countDifference, cropAround, drawVersions, HEIGHT, WIDTH } from "./versions.js";

/** @typedef {import("../../outbox.js").Entry} Entry */
/** @typedef {import("../../types.js").AnnotationBody} AnnotationBody */
/** @typedef {import("../../types.js").Category} Category */
/** @typedef {"mine" | "theirs" | "both" | ""} Answer "": not now */

/**
 * @param {Entry} entry
 * @param {object} context
 * @param {import("../../canvas.js").Stage | null} context.stage  where the photograph is; null: another one is open
 * @param {readonly Category[]} context.categories
 * @param {Promise<string>} context.colleague  who has changed it
 * @param {number} context.waiting  conflicts after this one
 * @returns {Promise<Answer>}
 */
export async function askConflict(entry, { stage, categories, colleague, waiting }) {
  const deleted = entry.error?.code === "deleted";
  const mine = entry.kind === "delete" ? null : entry.body;
  const theirs = deleted ? null : entry.current;
  const crop = cropAround([mine?.segmentation ?? null, theirs?.segmentation ?? null]);
  const picture = (/** @type {AnnotationBody | null} */ own, /** @type {AnnotationBody | null} */ other) => {
    const canvas = h("canvas", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
    drawVersions(canvas, stage, crop, own?.segmentation ?? null, other?.segmentation ?? null);
    return canvas;
  };
  const label = (/** @type {AnnotationBody | null} */ body) =>
    body ? (categories.find(({ id }) => id === body.category_id)?.name ?? t("No label")) : t("Deleted");
  const when = entry.current ? formatWhen(entry.current.updated_at) : "";
  const who = h("p", { class: "muted small-text" }, when);
  colleague.then((name) => {
    who.textContent = [name, when].filter(Boolean).join(" · ");
  });
  const answer = (/** @type {Answer} */ value) => () => dialog.element.close(value);
  const dialog = openDialog({
    title: deleted ? t("Someone else deleted this object") : t("Someone else changed this object"),
    wide: true,
    body: [
      h(
        "p",
        { class: "muted" },
        t("Nothing has been overwritten. Which one shall count? Undo brings the other one back."),
      ),
      h(
        "div",
        { class: "wb-versions" },
        version(t("Yours"), "mine", picture(mine, null), [
          h("p", {}, label(mine)),
          h("p", { class: "muted small-text" }, t("You, not saved yet")),
        ]),
        version(t("Theirs"), "theirs", picture(null, theirs), [h("p", {}, label(theirs)), who]),
        version(t("Difference"), "", picture(mine, theirs), difference(mine, theirs)),
      ),
      waiting ? h("p", { class: "hint" }, t("{number} more after this one.", { number: waiting })) : "",
    ],
    footer: [
      button(t("Decide later"), { autofocus: true, onclick: answer("") }),
      h("span", { class: "grow" }),
      mine && theirs ? button(t("Keep both"), { onclick: answer("both") }) : h("span"),
      button(t("Use theirs"), { onclick: answer("theirs") }),
      button(t("Keep mine"), { kind: "primary", onclick: answer("mine") }),
    ],
  });
  dialog.element.classList.add("wb-conflict");
  return /** @type {Promise<Answer>} */ (dialog.closed);
}

function version(
  /** @type {string} */ title,
  /** @type {"mine" | "theirs" | ""} */ whose,
  /** @type {HTMLCanvasElement} */ canvas,
  /** @type {HTMLElement[]} */ notes,
) {
  const mark = whose ? h("span", { class: `wb-version-mark ${whose}`, "aria-hidden": "true" }) : null;
  return h("section", { class: "wb-version" }, h("h3", {}, mark, title), canvas, notes);
}

function difference(/** @type {AnnotationBody | null} */ mine, /** @type {AnnotationBody | null} */ theirs) {
  const line = (/** @type {string} */ text) => h("p", { class: "small-text tabular" }, text);
  if (!mine || !theirs) return [line(t("One of you deleted it."))];
  const { onlyMine, onlyTheirs } = countDifference(mine.segmentation, theirs.segmentation);
  if (!onlyMine && !onlyTheirs) return [line(t("The masks are the same."))];
  return [
    line(t("{number} px only in yours", { number: formatNumber(onlyMine) })),
    line(t("{number} px only in theirs", { number: formatNumber(onlyTheirs) })),
  ];
}

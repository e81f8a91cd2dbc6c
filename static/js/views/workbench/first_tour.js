/** The first-use tour of the workbench: an object clicked, corrected, painted, labelled and accepted by the person's own hands. */

import { t } from "../../core/translate.js";
import { keyName } from "../../ui/keymap.js";
import { Tour } from "../../ui/tour.js";

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../types.js").User} user
 */
export function mountTour(host, editor, user) {
  host.setAttribute("aria-label", t("Tour"));
  const tour = new Tour(host, steps(editor), user);
  editor.addEventListener("change", () => {
    if (editor.canPrompt) tour.offer();
    tour.check();
  });
  return tour;
}

/** @param {import("../../editor.js").Editor} editor @returns {import("../../ui/tour.js").TourStep[]} */
function steps(editor) {
  return [
    {
      title: t("Click an object"),
      text: () => t("The model draws its mask at once. A box works too: drag it around the object."),
      target: "[data-tool=point_box]",
      begin: () => () => Boolean(editor.draft?.decoded),
    },
    {
      title: t("Correct the mask"),
      text: () =>
        t("Right-click what does not belong to it, or press {key} for another of the offered masks.", {
          key: keyName("next_mask"),
        }),
      target: ".wb-section-draft",
      begin: () => {
        const before = editor.draft?.chosen ?? 0;
        const points = editor.prompts.points.length;
        return () => {
          const { draft } = editor;
          return draft !== null && (draft.chosen !== before || editor.prompts.points.length > points);
        };
      },
    },
    {
      title: t("Touch it up"),
      text: () =>
        t(
          "Press {key} and paint over the mask; hold Ctrl to erase. {smaller} and {larger} change the brush.",
          {
            key: keyName("tool_brush"),
            smaller: keyName("brush_smaller"),
            larger: keyName("brush_larger"),
          },
        ),
      target: "[data-tool=brush]",
      begin: () => () => Boolean(editor.draft?.edited),
    },
    {
      title: t("Choose its label"),
      text: () => t("Click a label in the list, or press its digit."),
      target: ".wb-section-labels",
      begin: () => {
        const before = editor.draft?.categoryId ?? editor.categoryId;
        return () => (editor.draft?.categoryId ?? editor.categoryId) !== before;
      },
    },
    {
      title: t("Accept it"),
      text: () =>
        t("Press {key}: the object is saved, and the tool is ready for the next one.", {
          key: keyName("accept"),
        }),
      target: ".wb-section-draft",
      begin: () => {
        const before = editor.objects.size;
        return () => editor.objects.size > before;
      },
    },
  ];
}

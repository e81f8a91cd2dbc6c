/** Without overlaps: what the draft will take from other objects is not drawn any more. */

import { cutLabels, labelBitmap, labelRuns } from "./overlay.js";

/** @typedef {import("../editor.js").Editor} Editor */

/**
 * @param {Editor} editor
 * @param {import("./overlay.js").DeviceView} view
 * @param {readonly import("../editor/objects.js").SavedObject[]} shown bottom first, labelled from 1
 * @returns {((labels: Uint16Array) => void) | null} takes it away from the labels; null: the draft takes nothing
 */
export function cutByDraft(editor, view, shown) {
  const { draft, noOverlaps } = editor;
  if (!noOverlaps || !draft || draft.isBlank) return null;
  return (labels) => {
    const [cover, kept] = [new Uint16Array(labels.length), new Uint16Array(labels.length)];
    labelBitmap(cover, view, draft.mask, 1, draft.bounds);
    shown.forEach((object, index) => {
      if (!editor.isCut(object)) labelRuns(kept, view, object.runs, index + 1);
    });
    cutLabels(labels, cover, kept);
  };
}

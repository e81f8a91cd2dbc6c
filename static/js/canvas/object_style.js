/**
 * How an object is painted, by what it is: accepted ones filled, proposals light with a dashed outline, regions that were
 * perhaps missed fainter still. While a score is tried out, what would be accepted looks accepted and the rest steps back.
 */

/** @typedef {import("./overlay.js").Style} Style */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../editor/objects.js").SavedObject} SavedObject */

/** Strength of the fill against the others, and opacity of the outline. */
const LOOKS = Object.freeze({
  accepted: { fill: 1, outline: 1, dashed: false },
  selected: { fill: 1.375, outline: 1, dashed: false },
  proposal: { fill: 0.45, outline: 1, dashed: true },
  missed: { fill: 0.25, outline: 1, dashed: true },
  taken: { fill: 1.25, outline: 1, dashed: false },
  left: { fill: 0, outline: 0.3, dashed: true },
});

/**
 * @param {Editor} editor
 * @param {SavedObject} object
 * @param {number} fill  opacity inside masks, 0 … 1
 * @returns {Style}
 */
export function styleOf(editor, object, fill) {
  const look = LOOKS[lookOf(editor, object)];
  return { ...look, color: editor.objectColor(object), fill: Math.min(fill * look.fill, 1) };
}

/** @param {Editor} editor @param {SavedObject} object @returns {keyof typeof LOOKS} */
function lookOf(editor, object) {
  if (object.isMissed) return "missed";
  if (object.isProposal && editor.threshold !== null) return editor.isTaken(object) ? "taken" : "left";
  if (editor.chosen.has(object.id)) return "selected";
  return object.isProposal ? "proposal" : "accepted";
}

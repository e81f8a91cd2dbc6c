/** Where the open object comes from: who proposed it, how sure that was, and how much of it was kept. */

import { t } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";

/** @typedef {import("../../types.js").Proposer} Proposer */
/** @typedef {import("../../editor/objects.js").SavedObject} SavedObject */

/** @type {Record<Proposer, string>} */
const PROPOSERS = {
  automask: t("Automatic masks"),
  detector: t("Detector"),
  missed: t("Search for missed objects"),
};

/**
 * @param {HTMLElement} host the details of the open object
 * @param {import("../../editor.js").Editor} editor
 */
export function mountOrigin(host, editor) {
  const list = h("dl", {});
  const line = h("div", { class: "wb-origin" }, icon("sparkles", "small"), list);
  host.prepend(line);
  let shown = "";
  const render = () => {
    const object = editor.draft?.base ?? null;
    const facts = object && object.body.source === "proposal" ? factsOf(object) : [];
    host.classList.toggle("is-undecided", object?.isUndecided ?? false);
    const looks = facts.join("|");
    if (looks === shown) return;
    shown = looks;
    line.hidden = !facts.length;
    replace(
      list,
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "tabular" }, value))),
    );
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("selection") || kinds.has("objects")) render();
  });
  line.hidden = true;
}

/** @param {SavedObject} object @returns {[string, string][]} */
function factsOf({ body, proposedBy, proposalIou, isUndecided }) {
  /** @type {[string, string][]} */
  const facts = [[t("Proposed by"), proposedBy ? PROPOSERS[proposedBy] : t("A model")]];
  if (body.predicted_iou !== null) facts.push([t("Predicted IoU"), body.predicted_iou.toFixed(2)]);
  if (body.stability_score !== null) facts.push([t("Stability"), body.stability_score.toFixed(2)]);
  if (!isUndecided)
    facts.push([t("IoU with the proposal"), proposalIou?.toFixed(3) ?? (proposedBy ? "…" : "–")]);
  return facts;
}

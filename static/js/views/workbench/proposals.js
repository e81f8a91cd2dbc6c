/**
 * The group of what a model proposed: go through it in one's own order, accept or reject each, or accept all above a score
 * that shows on the image what it would take.
 */

import { t, tn } from "../../core/translate.js";
import { button, h, iconButton, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { keyed, keymap } from "../../ui/keymap.js";
import { ProposalList, rejectedList } from "./proposals_list.js";
import { recall, remember } from "./view_settings.js";

/** @typedef {import("../../editor/proposals.js").ProposalOrder} ProposalOrder */

const ORDER_KEY = "proposals:order";
/** Where the slider stands at first, if proposals reach it. */
const SURE = 0.9;
const STEP = 0.01;

/** @type {[ProposalOrder, string, string][]} */
const ORDERS = [
  ["confident", t("Surest"), t("The most confident first")],
  ["largest", t("Largest"), t("The largest first")],
];

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @returns {{above: () => void}} what its commands need: go to the slider
 */
export function mountProposals(host, editor, stage) {
  const count = h("span", { class: "count" });
  const orders = orderChoice(editor);
  const rejected = rejectedList(editor);
  const list = new ProposalList(editor);
  const above = mountAbove(editor);
  const header = h(
    "div",
    { class: "wb-proposals-head" },
    h("h2", { class: "panel-title" }, t("Proposals"), " ", count),
    orders,
  );
  replace(host, header, list.element, above.element, rejected.element);

  const render = () => {
    const objects = editor.undecided();
    host.hidden = !objects.length && !editor.rejected().length;
    if (host.hidden) return;
    count.textContent = objects.length ? formatNumber(objects.length) : "";
    orders.hidden = objects.length < 2;
    list.show(objects);
    above.update();
    rejected.update();
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (["objects", "categories", "selection"].some((kind) => kinds.has(/** @type {any} */ (kind)))) render();
    if (kinds.has("selection")) reveal(editor, stage);
  });
  render();
  return { above: above.focus };
}

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {{above: () => void, missed: () => void}} page  above: to the slider; missed: show or hide what was missed
 * @returns {Record<string, import("./keys.js").Run>} by command id
 */
export function proposalRuns(editor, { above, missed }) {
  return {
    next_proposal: { run: () => editor.stepProposal(1) },
    previous_proposal: { run: () => editor.stepProposal(-1) },
    reject_proposal: { run: () => editor.rejectAndGoOn() },
    accept_above: { run: above },
    show_missed: { run: missed },
  };
}

/** @param {import("../../editor.js").Editor} editor */
function orderChoice(editor) {
  const kept = recall(ORDER_KEY);
  if (kept === "largest") editor.setProposalOrder(kept);
  const buttons = ORDERS.map(([value, label, title]) =>
    h("button", { type: "button", title, onclick: () => choose(value) }, label),
  );
  const mark = () =>
    ORDERS.forEach(([value], index) => {
      buttons[index].setAttribute("aria-pressed", String(editor.proposalOrder === value));
    });
  const choose = (/** @type {ProposalOrder} */ order) => {
    editor.setProposalOrder(order);
    remember(ORDER_KEY, order);
    mark();
  };
  mark();
  return h("div", { class: "segmented small", role: "group", "aria-label": t("Order") }, buttons);
}

/**
 * The slider that accepts all above a score.
 * @param {import("../../editor.js").Editor} editor
 */
function mountAbove(editor) {
  const slider = h("input", {
    type: "range",
    step: STEP,
    "aria-label": t("Lowest score to accept"),
    oninput: () => editor.setThreshold(Number(slider.value)),
  });
  const score = h("output", { class: "tabular" });
  const text = h("p", { class: "hint tabular", "aria-live": "polite" });
  const accept = button("", { kind: "primary small grow", onclick: () => editor.acceptAbove() });
  const leave = iconButton("x", t("Do not accept them"), {
    kind: "small",
    onclick: () => editor.setThreshold(null),
  });
  const actions = h("div", { class: "wb-draft-actions" }, accept, leave);
  const row = h("label", { class: "wb-slider" }, h("span", {}, t("Accept from")), slider, score);
  keyed(row, "accept_above", keymap.labelOf("accept_above"));
  const element = h("div", { class: "wb-above" }, row, text, actions);
  slider.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && editor.threshold !== null) editor.acceptAbove();
    else if (event.key === "Escape") editor.setThreshold(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
    slider.blur();
  });

  const update = () => {
    const scores = editor.proposals().map(({ body }) => body.predicted_iou ?? 0);
    element.hidden = scores.length < 2;
    if (element.hidden) return;
    setRange(slider, scores, editor.threshold);
    score.textContent = Number(slider.value).toFixed(2);
    slider.setAttribute("aria-valuetext", score.textContent);
    const tried = editor.threshold !== null;
    const taken = editor.proposals().filter((object) => editor.isTaken(object)).length;
    const values = { taken: formatNumber(taken), all: formatNumber(scores.length) };
    text.textContent = tried
      ? t("{taken} of {all} would be accepted. The others are dimmed.", values)
      : t("Move the slider: the image shows what it would take.");
    if (tried && actions.hidden) requestAnimationFrame(() => actions.scrollIntoView({ block: "nearest" }));
    actions.hidden = !tried;
    accept.disabled = taken === 0;
    replace(accept, tn(taken, "Accept {number}", "Accept {number}"));
  };
  const focus = () => {
    if (element.hidden) return editor.tell(t("There are not enough proposals on this image."));
    slider.focus();
    editor.setThreshold(Number(slider.value));
  };
  return { element, update, focus };
}

/** The slider spans the scores that there are. @param {HTMLInputElement} slider @param {number[]} scores
 * @param {number | null} tried */
function setRange(slider, scores, tried) {
  const [least, most] = [Math.min(...scores), Math.max(...scores)].map(
    (score) => Math.round(score / STEP) * STEP,
  );
  slider.min = least.toFixed(2);
  slider.max = most.toFixed(2);
  const wanted = tried ?? Math.min(SURE, most);
  if (Number(slider.value) !== wanted) slider.value = String(wanted);
}

/** Bring a proposal that is opened into view. @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage */
function reveal(editor, stage) {
  const object = editor.draft?.base;
  if (!object?.isUndecided) return;
  const [x, y, width, height] = object.runs.bbox;
  const { scale, x: left, y: top, width: across, height: down } = stage.viewport;
  const ends = [x * scale + left, y * scale + top, (x + width) * scale + left, (y + height) * scale + top];
  const seen = ends[0] < across && ends[1] < down && ends[2] > 0 && ends[3] > 0;
  if (!seen) stage.centerOn(x + width / 2, y + height / 2);
}

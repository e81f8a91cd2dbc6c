/** The tab where a manager leads a project through the data engine: its stage, and masks that the model proposes. */

import { updateProject } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy, confirmDialog } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { toast, toastError } from "../../ui/toast.js";
import { createAutomask } from "./automask.js";
import { STAGES } from "./summary.js";

/** @typedef {import("../../types.js").Project} Project */
/** @typedef {import("../../types.js").Stage} Stage */
/** @typedef {import("../project.js").Page} Page */

/** What a stage changes, and when it is time for it. @type {Record<Stage, {icon: string, queue: string, when: string}>} */
const CHANGES = {
  assisted_manual: {
    icon: "mouse-pointer-2",
    queue: t("People are led through all open images, in their order."),
    when: t(
      "At the beginning: the model does not know your images yet. Take the most prominent objects first.",
    ),
  },
  semi_automatic: {
    icon: "sparkles",
    queue: t(
      "People are led to images with proposals first. They accept, fix or reject them and add the rest.",
    ),
    when: t("Once the model finds the clear objects by itself. Let it propose masks below."),
  },
  fully_automatic: {
    icon: "list-checks",
    queue: t("People check a sample of the images; the same images for everybody."),
    when: t("Once nearly all proposals are accepted as they are."),
  },
};

/** Shares of the images that people may check. */
const SAMPLES = [0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** @param {Page} page */
export function createStageSection(page) {
  const cards = h("div", { class: "stages", role: "list" });
  const automask = createAutomask(page);
  const element = h(
    "section",
    { class: "stack", "aria-label": t("Automation") },
    h(
      "div",
      {},
      h("h2", {}, t("Stage")),
      h("p", { class: "muted" }, t("It decides what people are led to. Nothing is deleted, ever.")),
    ),
    cards,
    automask.element,
  );
  let shown = "";
  const update = (/** @type {Project} */ project) => {
    automask.update(project);
    const looks = JSON.stringify([project.stage, project.sample_share, page.manages()]);
    if (looks === shown) return;
    shown = looks;
    const stages = /** @type {Stage[]} */ (Object.keys(STAGES));
    replace(
      cards,
      stages.map((stage, index) => stageCard(page, stage, index + 1)),
    );
  };
  return { element, update, show: automask.show };
}

/** @param {Page} page @param {Stage} stage @param {number} number */
function stageCard(page, stage, number) {
  const current = page.project().stage === stage;
  const { label, hint } = STAGES[stage];
  const { icon: picture, queue, when } = CHANGES[stage];
  const choose = button(t("Switch to this stage"), { onclick: () => switchTo(page, stage, choose) });
  return h(
    "div",
    {
      class: current ? "card padded stage is-current" : "card padded stage",
      role: "listitem",
      "data-stage": stage,
    },
    h(
      "div",
      { class: "stage-head" },
      h("span", { class: "stage-icon" }, icon(picture)),
      h("h3", {}, `${number}. ${label}`),
      current ? h("span", { class: "badge accent" }, t("Now")) : null,
    ),
    h("p", {}, hint),
    h("p", { class: "hint" }, queue),
    h("p", { class: "hint" }, when),
    current && stage === "fully_automatic" ? sampleChoice(page) : null,
    current ? null : choose,
  );
}

/** @param {Page} page @param {Stage} stage @param {HTMLButtonElement} go */
async function switchTo(page, stage, go) {
  const { label } = STAGES[stage];
  const message = h(
    "div",
    { class: "stack" },
    h("p", {}, CHANGES[stage].queue),
    h(
      "p",
      { class: "muted" },
      t("Masks, proposals and images stay as they are. You can switch back at any time."),
    ),
  );
  const title = t("Switch to “{stage}”?", { stage: label });
  if (!(await confirmDialog({ title, message, confirm: t("Switch"), danger: false }))) return;
  await busy(go, () => save(page, { stage }, t("The project is in stage “{stage}” now.", { stage: label })));
}

/** How much of the project people check. @param {Page} page */
function sampleChoice(page) {
  const share = page.project().sample_share;
  const shares = [...new Set([...SAMPLES, share])].sort((a, b) => a - b);
  const select = h(
    "select",
    {
      class: "select",
      id: "sample-share",
      onchange: () => save(page, { sample_share: Number(select.value) }, t("The sample has changed.")),
    },
    shares.map((value) =>
      h(
        "option",
        { value, selected: value === share },
        t("{percent} % of the images", { percent: formatNumber(Math.round(value * 1000) / 10) }),
      ),
    ),
  );
  return h("div", { class: "field" }, h("label", { for: "sample-share" }, t("People check")), select);
}

/** @param {Page} page @param {Partial<Pick<Project, "stage" | "sample_share">>} values @param {string} said */
async function save(page, values, said) {
  try {
    await updateProject(page.project().id, values);
    await page.refresh();
    toast(said, { kind: "success" });
  } catch (error) {
    toastError(error, t("Could not change the stage"));
  }
}

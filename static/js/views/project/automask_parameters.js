/** The parameters of automatic masks: their released names, what they mean, and what may be entered. */

import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";

/** @typedef {import("../../api/proposals.js").AutomaskParameters} AutomaskParameters */
/** @typedef {keyof AutomaskParameters} ParameterName */
/** @typedef {{name: ParameterName, help: string, min: number, max: number, step: number}} Parameter */

/** @type {{title: string, parameters: Parameter[]}[]} */
const GROUPS = [
  {
    title: t("Where to look"),
    parameters: [
      {
        name: "points_per_side",
        help: t("Points on each side of the grid; more find smaller objects and take longer."),
        ...{ min: 1, max: 128, step: 1 },
      },
      {
        name: "points_per_batch",
        help: t("Points that are decoded at once; more need more memory."),
        ...{ min: 1, max: 1024, step: 1 },
      },
      {
        name: "crop_n_layers",
        help: t("How often the image is looked at again in smaller parts, each in more detail."),
        ...{ min: 0, max: 3, step: 1 },
      },
      {
        name: "crop_n_points_downscale_factor",
        help: t("By how much the grid is thinned in each smaller part."),
        ...{ min: 1, max: 16, step: 1 },
      },
      {
        name: "crop_overlap_ratio",
        help: t("By what share of the image's shorter side the parts overlap."),
        ...{ min: 0, max: 0.99, step: 0.01 },
      },
    ],
  },
  {
    title: t("What to keep"),
    parameters: [
      {
        name: "pred_iou_thresh",
        help: t("Least IoU that the model predicts for its mask; higher keeps fewer, better ones."),
        ...{ min: 0, max: 1, step: 0.01 },
      },
      {
        name: "stability_score_thresh",
        help: t("Least stability: how little the mask changes when the cut-off moves."),
        ...{ min: 0, max: 1, step: 0.01 },
      },
      {
        name: "stability_score_offset",
        help: t("By how much the cut-off is moved for that."),
        ...{ min: 0, max: 20, step: 0.1 },
      },
      {
        name: "box_nms_thresh",
        help: t("Of boxes that overlap more than this, the best one is kept."),
        ...{ min: 0, max: 1, step: 0.05 },
      },
      {
        name: "crop_nms_thresh",
        help: t("The same between parts of the image, where the closer look wins."),
        ...{ min: 0, max: 1, step: 0.05 },
      },
      {
        name: "min_mask_region_area",
        help: t("Smaller specks and holes are removed, in pixels."),
        ...{ min: 0, max: 1_000_000_000, step: 1 },
      },
    ],
  },
];

/** Fields for all parameters, two columns with help. */
export class ParameterFields {
  /** @type {Map<ParameterName, HTMLInputElement>} */
  #inputs = new Map();

  /** @param {() => void} changed */
  constructor(changed) {
    this.element = h(
      "div",
      { class: "automask-parameters" },
      GROUPS.map(({ title, parameters }) =>
        h(
          "fieldset",
          {},
          h("legend", { class: "panel-title" }, title),
          parameters.map((parameter) => this.#field(parameter, changed)),
        ),
      ),
    );
  }

  /** @param {Parameter} parameter @param {() => void} changed */
  #field({ name, help, min, max, step }, changed) {
    const id = `automask-${name}`;
    const input = h("input", {
      ...{ id, name, min, max, class: "input small tabular", type: "number", oninput: changed },
      step: step < 1 ? "any" : step,
      "aria-describedby": `${id}-help ${id}-error`,
    });
    this.#inputs.set(name, input);
    return h(
      "div",
      { class: "automask-parameter" },
      h("label", { for: id }, h("code", {}, name)),
      input,
      h("p", { class: "hint", id: `${id}-help` }, help),
      h("p", { class: "error", id: `${id}-error`, hidden: true, "data-error-for": name }),
    );
  }

  /** @param {AutomaskParameters} parameters */
  set(parameters) {
    for (const [name, input] of this.#inputs) input.value = String(Number(parameters[name].toFixed(4)));
  }

  /** What differs from the preset. @param {AutomaskParameters} preset @returns {Partial<AutomaskParameters>} */
  changes(preset) {
    /** @type {Partial<AutomaskParameters>} */
    const values = {};
    for (const [name, input] of this.#inputs) {
      const same = Math.abs(input.valueAsNumber - preset[name]) < 1e-4;
      if (!same && Number.isFinite(input.valueAsNumber)) values[name] = input.valueAsNumber;
    }
    return values;
  }

  /** The first field with something else than a number in its range, if any. */
  get invalid() {
    return [...this.#inputs.values()].find((input) => !input.value || !input.checkValidity()) ?? null;
  }
}

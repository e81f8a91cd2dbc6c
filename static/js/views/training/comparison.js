/** The new model beside the old one on held-back images, per category, with 95 % intervals. */

import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";

/** @typedef {import("../../api/training.js").Evaluation} Evaluation */
/** @typedef {import("../../api/training.js").ComparisonRow} ComparisonRow */
/** @typedef {import("../../api/training.js").Estimate} Estimate */

const COLUMNS = /** @type {Record<string, string>} */ ({
  1: t("1 click"),
  3: t("3 clicks"),
  5: t("5 clicks"),
  box: t("Box"),
});

/**
 * @param {Evaluation} evaluation
 * @param {string} before name of the old model
 * @param {string} after name of the new one
 */
export function comparison({ columns, rows, objects, images }, before, after) {
  const caption = t("Mean IoU on {images} held-back images with {objects} objects: {before} → {after}", {
    images: formatNumber(images),
    objects: formatNumber(objects),
    before,
    after,
  });
  return h(
    "div",
    { class: "table-card" },
    h(
      "table",
      { class: "table training-comparison" },
      h("caption", { class: "small-text muted" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("Label")),
          h("th", { scope: "col", class: "number" }, t("Objects")),
          columns.map((column) => h("th", { scope: "col", class: "number" }, COLUMNS[column] ?? column)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) => line(row, columns)),
      ),
    ),
  );
}

/** @param {ComparisonRow} row @param {string[]} columns */
function line(row, columns) {
  return h(
    "tr",
    { class: row.category ? "" : "training-total" },
    h("th", { scope: "row" }, row.category || t("All labels")),
    h("td", { class: "number" }, formatNumber(row.objects)),
    columns.map((column) => cell(row, column)),
  );
}

/** @param {ComparisonRow} row @param {string} column */
function cell(row, column) {
  const [before, after, change] = [row.old[column], row.new[column], row.difference[column]];
  if (!before || !after || !change) return h("td", {});
  const [low, high] = change.interval;
  const kind = low > 0 ? "success" : high < 0 ? "danger" : "faint";
  const sign = change.mean > 0 ? "+" : change.mean < 0 ? "−" : "±";
  return h(
    "td",
    { class: "number" },
    h(
      "span",
      { title: `${spread(before)} → ${spread(after)}` },
      `${before.mean.toFixed(3)} → ${after.mean.toFixed(3)}`,
    ),
    h(
      "span",
      { class: `block small-text ${kind}` },
      `${sign}${Math.abs(change.mean).toFixed(3)} (${signed(low)} … ${signed(high)})`,
    ),
  );
}

/** With a minus sign instead of a hyphen. @param {number} value */
function signed(value) {
  return value.toFixed(3).replace("-", "−");
}

/** @param {Estimate} estimate */
function spread({ mean, interval }) {
  return `${mean.toFixed(3)} (${interval[0].toFixed(3)} … ${interval[1].toFixed(3)})`;
}

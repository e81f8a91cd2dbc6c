/** The numbers by stage, label and person; a click on a heading sorts. */

import { t } from "../../core/translate.js";
import { h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { formatMean, formatSeconds, formatShare } from "./statistics_tiles.js";
import { STAGES } from "./summary.js";

/** @typedef {import("../../api/statistics.js").Numbers} Numbers */
/** @typedef {import("../../api/statistics.js").Statistics} Statistics */
/** @typedef {import("../../types.js").Category} Category */
/** @typedef {{name: string, color?: string, numbers: Numbers}} Line */
/** @typedef {{label: string, value: (line: Line) => string | number | null, show: (line: Line) => string}} Column */

/** @type {Column[]} */
const COLUMNS = [
  column(t("Masks"), "masks", (value) => formatNumber(value ?? 0)),
  column(t("Images"), "images", (value) => formatNumber(value ?? 0)),
  column(t("Masks per image"), "masks_per_image", (value) => formatMean(value)),
  column(t("Seconds per mask"), "median_seconds", formatSeconds),
  column(t("Clicks per mask"), "clicks_per_mask", (value) => formatMean(value)),
  column(t("Corrected by brush"), "corrected_share", formatShare),
  column(t("Proposals accepted"), "acceptance_rate", formatShare),
  column(t("IoU ≥ 0.90"), "agreement_good", formatShare),
];

/** @param {string} label @param {keyof Numbers} key @param {(value: number | null) => string} show @returns {Column} */
function column(label, key, show) {
  return { label, value: ({ numbers }) => numbers[key], show: ({ numbers }) => show(numbers[key]) };
}

/** @param {Statistics} numbers @param {readonly Category[]} categories */
export function tables({ stages, categories: byCategory, annotators }, categories) {
  const colors = new Map(categories.map(({ id, color }) => [id, color]));
  return h(
    "div",
    { class: "stack" },
    table(
      t("Label"),
      byCategory.map((numbers) => ({
        name: numbers.name ?? t("No label"),
        color: colors.get(numbers.category_id ?? -1) ?? "var(--border-strong)",
        numbers,
      })),
    ),
    table(
      t("Person"),
      annotators.map((numbers) => ({ name: numbers.name ?? t("Nobody, imported"), numbers })),
    ),
    table(
      t("Stage"),
      stages.map((numbers) => ({
        name: numbers.stage ? STAGES[numbers.stage].label : t("Not known"),
        numbers,
      })),
    ),
  );
}

/** @param {string} subject @param {readonly Line[]} lines */
function table(subject, lines) {
  if (!lines.length) return null;
  /** @type {Column[]} */
  const columns = [{ label: subject, value: ({ name }) => name, show: ({ name }) => name }, ...COLUMNS];
  const body = h("tbody");
  let by = 1;
  let ascending = false;
  const heads = columns.map(({ label }, index) => {
    const go = h(
      "button",
      { type: "button", class: "sort", onclick: () => sort(index) },
      label,
      icon("arrow-down", "small"),
    );
    return h("th", { scope: "col", class: index ? "number" : null }, go);
  });
  const sort = (/** @type {number} */ index) => {
    ascending = index === by ? !ascending : index === 0;
    by = index;
    draw();
  };
  const draw = () => {
    heads.forEach((head, index) => {
      if (index === by) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    replace(
      body,
      sorted(lines, columns[by], ascending).map((line) => row(line, columns)),
    );
  };
  draw();
  return h(
    "div",
    { class: "card table-scroll", tabindex: 0, role: "region", "aria-label": subject },
    h("table", { class: "table statistics-table" }, h("thead", {}, h("tr", {}, heads)), body),
  );
}

/** Lines without a value come last either way. @param {readonly Line[]} lines @param {Column} column
 * @param {boolean} ascending */
function sorted(lines, { value }, ascending) {
  const order = (/** @type {Line} */ a, /** @type {Line} */ b) => {
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    const rising = typeof one === "string" ? one.localeCompare(String(other)) : one - Number(other);
    return ascending ? rising : -rising;
  };
  return [...lines].sort(order);
}

/** @param {Line} line @param {readonly Column[]} columns */
function row(line, columns) {
  const cells = columns.map(({ show }, index) => {
    if (index) return h("td", { class: "number tabular" }, show(line));
    const swatch = line.color ? h("span", { class: "swatch", style: { background: line.color } }) : null;
    return h("th", { scope: "row" }, h("span", { class: "row tight" }, swatch, show(line)));
  });
  return h("tr", {}, cells);
}

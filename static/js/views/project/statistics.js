/** The tab with a project's numbers: what annotating costs, how good it is, when it is done, and what the masks look like. */

import { getDatasetReport, getStatistics } from "../../api/statistics.js";
import { t } from "../../core/translate.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { emptyState } from "../../ui/empty_state.js";
import { dataset } from "./report.js";
import { periodPicker } from "./statistics_period.js";
import { agreementFigure, secondsFigure } from "./statistics_plots.js";
import { tables } from "./statistics_tables.js";
import { tiles } from "./statistics_tiles.js";

/** @typedef {import("../../api/statistics.js").DatasetReport} DatasetReport */
/** @typedef {import("../../api/statistics.js").Statistics} Statistics */
/** @typedef {import("../project.js").Page} Page */

/** While older masks are being measured, the numbers are read again. */
const AGAIN_MS = 2000;

/** @param {Page} page */
export function createStatisticsSection(page) {
  const content = h("div", { class: "stack statistics-content" });
  let period = /** @type {import("./statistics_period.js").Period} */ ({});
  let asked = 0;
  let timer = 0;
  const read = async () => {
    clearTimeout(timer);
    const turn = ++asked;
    const { id } = page.project();
    element.setAttribute("aria-busy", "true");
    try {
      const [numbers, report] = await Promise.all([getStatistics(id, period), getDatasetReport(id)]);
      if (turn !== asked) return;
      replace(content, ...view(page, numbers, report));
      element.dataset.masks = String(numbers.total.masks);
      if (!numbers.complete) timer = window.setTimeout(read, AGAIN_MS);
    } catch (error) {
      if (turn === asked) replace(content, failed(error, read));
    }
    if (turn === asked) element.removeAttribute("aria-busy");
  };
  const picker = periodPicker((next) => {
    period = next;
    read();
  });
  const element = h("section", { class: "stack statistics", "aria-label": t("Statistics") }, picker, content);
  return { element, show: read };
}

/** @param {Page} page @param {Statistics} numbers @param {DatasetReport} report */
function view(page, numbers, report) {
  const measuring = numbers.complete
    ? null
    : h(
        "div",
        { class: "notice accent" },
        h("span", { class: "spinner", "aria-hidden": "true" }),
        h("p", {}, t("Older masks are still being measured; the numbers will grow.")),
      );
  if (!numbers.total.masks && !numbers.total.proposals_rejected)
    return [measuring, report.masks ? nothingThen() : nothing(page)];
  return [
    measuring,
    tiles(numbers),
    h("div", { class: "figures" }, secondsFigure(numbers.weeks), agreementFigure(numbers.agreement)),
    tables(numbers, page.project().categories),
    report.masks ? dataset(report) : null,
  ];
}

/** @param {Page} page */
function nothing(page) {
  return emptyState({
    icon: "chart-column",
    title: t("No masks yet"),
    text: page.manages()
      ? t(
          "Accept masks in the workbench, or let the model propose some under “Automation”. The numbers follow.",
        )
      : t("Accept masks in the workbench. The numbers follow."),
  });
}

function nothingThen() {
  return emptyState({
    icon: "search",
    title: t("No masks in these days"),
    text: t("Choose another range above."),
  });
}

/** @param {unknown} error @param {() => void} retry */
function failed(error, retry) {
  const reason = error instanceof Error ? error.message : String(error);
  return h(
    "div",
    { class: "notice danger", role: "alert" },
    icon("circle-alert"),
    h("p", { class: "grow" }, t("The numbers could not be read: {reason}", { reason })),
    button(t("Try again"), { onclick: retry }),
  );
}

/** Plots of numbers: bars and lines in SVG, so that they are sharp, follow the theme, and can be read aloud. */

import { language, t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { formatSeconds, formatShare } from "./statistics_tiles.js";

/** @typedef {import("../../api/statistics.js").Agreement} Agreement */
/** @typedef {import("../../api/statistics.js").Histogram} Histogram */
/** @typedef {import("../../api/statistics.js").Statistics} Statistics */
/** @typedef {{from: string, to?: string, count: number, strong?: boolean}} Bar */

const SVG = "http://www.w3.org/2000/svg";
/** Units of a drawing, stretched to its place: width, height. */
const [WIDTH, HEIGHT] = [400, 120];

/** @param {string} title @param {string} text @param {Node} plot @param {string} [note] */
export function figure(title, text, plot, note) {
  return h(
    "figure",
    { class: "card padded figure" },
    h("figcaption", {}, h("h3", {}, title), h("p", { class: "muted small-text" }, text)),
    plot,
    note ? h("p", { class: "hint" }, note) : null,
  );
}

/**
 * Bars from the left; each tells its range and count.
 * @param {readonly Bar[]} bars
 * @param {{label: string, ticks: readonly string[], each?: boolean, mark?: {at: number, label: string}}} options
 *   each: every bar has a tick; mark: a line across at this share of the width
 */
export function bars(bars, { label, ticks, each = false, mark }) {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const total = bars.reduce((sum, { count }) => sum + count, 0);
  const columns = bars.map(({ from, to, count, strong }) => {
    const range = to === undefined ? from : t("{from} to {to}", { from, to });
    const share = formatShare(total ? count / total : 0);
    return h("span", {
      class: strong ? "bar is-strong" : "bar",
      title: t("{range}: {count} ({share})", { range, count: formatNumber(count), share }),
      style: { height: `${(100 * count) / most}%` },
    });
  });
  return h(
    "div",
    { class: "plot" },
    h(
      "div",
      { class: "bars", role: "img", "aria-label": label },
      columns,
      mark
        ? h(
            "span",
            { class: "mark", style: { "inset-inline-start": `${100 * mark.at}%` } },
            h("span", {}, mark.label),
          )
        : null,
    ),
    axis(ticks, each),
  );
}

/** Ticks below a plot: below its bars, or spread evenly. @param {readonly string[]} ticks */
function axis(ticks, each = false) {
  return h(
    "div",
    { class: each ? "axis is-bins tabular" : "axis tabular", "aria-hidden": "true" },
    ticks.map((tick) => h("span", {}, tick)),
  );
}

/** A histogram over 0 … 1. @param {Histogram} histogram @param {string} label
 * @param {{strongFrom?: number, mark?: {at: number, label: string}}} [options] */
export function unitHistogram({ edges, counts }, label, { strongFrom, mark } = {}) {
  const found = counts.map((count, index) => ({
    from: edges[index].toFixed(2),
    to: edges[index + 1].toFixed(2),
    count,
    strong: strongFrom !== undefined && edges[index] >= strongFrom - 1e-9,
  }));
  return bars(found, { label, mark, ticks: ["0", "0.25", "0.5", "0.75", "1"] });
}

/** How accepted masks agree with what the model made of them. @param {Agreement} agreement */
export function agreementFigure(agreement) {
  const { count, good, good_share: share } = agreement;
  const title = t("IoU with the model's own mask");
  if (!count)
    return figure(
      title,
      t("No mask of the model has been accepted yet."),
      h("div", { class: "plot is-empty" }),
    );
  const values = { share: formatShare(share), least: good.toFixed(2) };
  const text = t("{share} of the accepted masks reach {least}; in the paper 94 % did.", values);
  const mark = { at: good, label: good.toFixed(2) };
  return figure(title, text, unitHistogram(agreement, `${title}. ${text}`, { strongFrom: good, mark }));
}

/** Median seconds per mask, week by week. @param {Statistics["weeks"]} weeks */
export function secondsFigure(weeks) {
  const title = t("Seconds per mask");
  const points = weeks.filter(({ median_seconds: seconds }) => seconds !== null);
  if (!points.length)
    return figure(title, t("No time was measured yet."), h("div", { class: "plot is-empty" }));
  const values = points.map(({ median_seconds: seconds }) => seconds ?? 0);
  const [first, last] = [formatSeconds(values[0]), formatSeconds(values[values.length - 1])];
  const text =
    points.length > 1
      ? t("Median of each week: from {first} to {last}.", { first, last })
      : t("Median of the week: {last}.", { last });
  const dates = points.map(({ week }) => shortDate(week));
  const ticks = dates.length > 1 ? [dates[0], dates[dates.length - 1]] : dates;
  const plot = h(
    "div",
    { class: "plot has-scale" },
    scale(values),
    line(values, dates, `${title}. ${text}`),
    axis(ticks),
  );
  return figure(title, text, plot);
}

/** @param {readonly number[]} values */
function scale(values) {
  const top = ceiling(values);
  return h(
    "div",
    { class: "scale tabular", "aria-hidden": "true" },
    [top, top / 2, 0].map((value) => h("span", {}, formatSeconds(value))),
  );
}

/** The next round number above all values: 1, 2 or 5 times a power of ten. @param {readonly number[]} values */
function ceiling(values) {
  const most = Math.max(...values, 1e-3);
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((step) => step * power >= most) ?? 10) * power;
}

/** @param {readonly number[]} values @param {readonly string[]} names @param {string} label */
function line(values, names, label) {
  const top = ceiling(values);
  const x = (/** @type {number} */ index) =>
    values.length > 1 ? (index / (values.length - 1)) * WIDTH : WIDTH / 2;
  const y = (/** @type {number} */ value) => HEIGHT - (value / top) * HEIGHT;
  const corners = values.map((value, index) => `${x(index)},${y(value)}`).join(" ");
  const drawing = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  drawing.append(
    element("polygon", {
      class: "line-area",
      points: `${x(0)},${HEIGHT} ${corners} ${x(values.length - 1)},${HEIGHT}`,
    }),
    element("polyline", { class: "line", points: corners }),
  );
  const dots = values.map((value, index) =>
    h("span", {
      class: "line-dot",
      title: `${names[index]}: ${formatSeconds(value)}`,
      style: { "inset-inline-start": `${(100 * x(index)) / WIDTH}%`, top: `${(100 * y(value)) / HEIGHT}%` },
    }),
  );
  return h("div", { class: "plot-lines", role: "img", "aria-label": label }, drawing, dots);
}

/** @param {string} tag @param {Record<string, string>} attributes */
function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function shortDate(/** @type {string} */ day) {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString(language, { month: "short", day: "numeric" });
}

/**
 * Counts in cells, the darker the more.
 * @param {readonly (readonly number[])[]} rows
 * @param {string} label
 */
export function heatMap(rows, label) {
  const side = rows.length;
  const canvas = h("canvas", { class: "heat", width: side, height: side, role: "img", "aria-label": label });
  const place = h("div", { class: "plot" }, canvas);
  const most = Math.max(1, ...rows.flat());
  const context = canvas.getContext("2d");
  if (!context) return place;
  const picture = context.createImageData(side, side);
  rows.flat().forEach((count, index) => {
    // The root lets single masks be seen beside a crowded middle.
    picture.data.set([0, 114, 189, Math.round(255 * Math.sqrt(count / most))], 4 * index);
  });
  context.putImageData(picture, 0, 0);
  return place;
}

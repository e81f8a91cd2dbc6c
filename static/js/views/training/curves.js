/** Loss and IoU on held-back images over the minutes of a run. */

import uPlot from "/vendor/uplot/dist/uPlot.esm.js";
import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";

/** @typedef {import("../../api/training.js").CurvePoint} CurvePoint */
/** @typedef {{key: keyof CurvePoint, label: string, color: string, dash?: number[]}} Line */

const HEIGHT = 200;

const LOSS = /** @type {Line[]} */ ([{ key: "loss", label: t("Loss"), color: "--warning" }]);
const LOOKS = /** @type {Line[]} */ ([
  { key: "val_iou_point", label: t("One click"), color: "--accent" },
  { key: "val_iou_3", label: t("Three clicks"), color: "--success", dash: [6, 3] },
  { key: "val_iou_box", label: t("Box"), color: "--text-muted", dash: [2, 3] },
  { key: "recall", label: t("Objects found"), color: "--accent" },
]);

/**
 * Two charts, or nothing before there is a point to show.
 * @param {import("../../api/training.js").Run} run
 */
export function curves({ curve, target }) {
  if (curve.length < 2) return null;
  const held =
    target === "detector" ? t("Share of objects found, held-back images") : t("IoU on held-back images");
  return h(
    "div",
    { class: "training-curves" },
    chart(t("Loss while training"), LOSS, curve),
    chart(held, LOOKS, curve, [0, 1]),
  );
}

/**
 * A chart that follows the width of its place and the theme. Its last values stand beside it as text.
 * @param {string} title
 * @param {Line[]} all
 * @param {CurvePoint[]} curve
 * @param {[number, number]} [range]
 */
function chart(title, all, curve, range) {
  const lines = all.filter(({ key }) => curve.some((point) => point[key] !== undefined));
  const points = curve.filter((point) => lines.some(({ key }) => point[key] !== undefined));
  const place = h("div", { class: "training-plot", "aria-hidden": "true" });
  const figure = h(
    "figure",
    { class: "training-figure" },
    h("figcaption", {}, caption(title, lines, points)),
    place,
  );
  const data = /** @type {uPlot.AlignedData} */ ([
    points.map(({ minutes }) => minutes),
    ...lines.map(({ key }) => points.map((point) => point[key] ?? null)),
  ]);
  /** @type {uPlot | null} */
  let plot = null;
  const draw = () => {
    if (!place.isConnected) return;
    plot?.destroy();
    plot = new uPlot(options(lines, place.clientWidth, range), data, place);
  };
  const sizes = new ResizeObserver(() => {
    if (place.isConnected) draw();
    else stop();
  });
  const stop = () => {
    sizes.disconnect();
    window.removeEventListener("themechange", draw);
    plot?.destroy();
  };
  sizes.observe(place);
  window.addEventListener("themechange", draw);
  return figure;
}

/** @param {string} title @param {Line[]} lines @param {CurvePoint[]} points */
function caption(title, lines, points) {
  const values = lines.map(({ key, label, color }) => {
    const last = points.findLast((point) => point[key] !== undefined);
    return h(
      "span",
      { class: "training-key" },
      h("span", { class: "training-swatch", style: { background: `var(${color})` } }),
      `${label} ${(last?.[key] ?? 0).toFixed(3)}`,
    );
  });
  return [h("strong", {}, title), h("span", { class: "row wrap tabular small-text muted" }, values)];
}

/**
 * @param {Line[]} lines
 * @param {number} width
 * @param {[number, number]} [range]
 * @returns {uPlot.Options}
 */
function options(lines, width, range) {
  const style = getComputedStyle(document.documentElement);
  const probe = (/** @type {string} */ name) => resolved(name);
  const axis = {
    stroke: probe("--text-muted"),
    grid: { stroke: probe("--border"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.getPropertyValue("--font")}`,
  };
  return {
    width: Math.max(120, width),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: range ? { range } : {} },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map((tick) => t("{number} min", { number: tick })) },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      ...lines.map(({ label, color, dash }) => ({
        label,
        stroke: probe(color),
        width: 2,
        dash,
        spanGaps: true,
        points: { show: range !== undefined, size: 6, fill: probe(color) },
      })),
    ],
  };
}

/** A custom property's colour in the theme that is on screen. @param {string} name */
function resolved(name) {
  const probe = h("span", { style: { color: `var(${name})` }, hidden: true });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

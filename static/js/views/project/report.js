/** What the accepted masks look like together: the paper's dataset report (§5, figures 5 and 6). */

import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { countImages, formatNumber } from "../../ui/format.js";
import { bars, figure, heatMap, unitHistogram } from "./statistics_plots.js";

/** @typedef {import("../../api/statistics.js").DatasetReport} DatasetReport */

/** @param {DatasetReport} report */
export function dataset({
  masks,
  images,
  relative_size: size,
  concavity,
  centers,
  masks_per_image: perImage,
}) {
  const all = t("{masks} masks on {images}, all days.", {
    masks: formatNumber(masks),
    images: countImages(images),
  });
  const [sizes, dents] = [t("Size"), t("Concavity")];
  const [places, crowds] = [t("Where masks lie"), t("Masks per image")];
  return h(
    "section",
    { class: "stack", "aria-label": t("Dataset report") },
    h("div", {}, h("h2", {}, t("Dataset report")), h("p", { class: "muted" }, all)),
    h(
      "div",
      { class: "figures is-small" },
      figure(sizes, t("√(mask area / image area)"), unitHistogram(size, sizes)),
      figure(dents, t("1 − mask area / area of its convex hull"), unitHistogram(concavity, dents)),
      figure(crowds, t("Images by their number of masks"), crowd(perImage, crowds)),
      figure(places, t("Centres of mass; the stronger the colour, the more"), heatMap(centers, places)),
    ),
  );
}

/** @param {DatasetReport["masks_per_image"]} perImage @param {string} label */
function crowd({ least, counts }, label) {
  const names = least.map((from, index) => {
    const to = least[index + 1] - 1;
    if (Number.isNaN(to)) return `≥ ${from}`;
    return to === from ? String(from) : `${from}–${to}`;
  });
  return bars(
    names.map((from, index) => ({ from, count: counts[index] })),
    {
      label,
      ticks: least.map((from, index) => (names[index] === String(from) ? names[index] : `${from}+`)),
      each: true,
    },
  );
}

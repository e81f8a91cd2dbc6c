/** The numbers that matter most, one a tile. */

import { language, t, tn } from "../../core/translate.js";
import { h } from "../../ui/dom.js";
import { countImages, formatNumber } from "../../ui/format.js";

/** @typedef {import("../../api/statistics.js").Statistics} Statistics */

/** Mean seconds per mask of the paper's annotators, at the beginning and at the end (§4). */
const PAPER_SECONDS = [34, 14];

/** A share as people read it; null: nothing was counted. @param {number | null} share */
export function formatShare(share) {
  return share === null ? "–" : `${formatNumber(Math.round(share * 1000) / 10)} %`;
}

/** @param {number | null} value @param {number} [digits] */
export function formatMean(value, digits = 1) {
  return value === null ? "–" : formatNumber(Number(value.toFixed(digits)));
}

/** @param {number | null} seconds */
export function formatSeconds(seconds) {
  return seconds === null ? "–" : t("{number} s", { number: formatMean(seconds, seconds < 10 ? 1 : 0) });
}

/** @param {Statistics} numbers */
export function tiles({ total, images, queue, agreement }) {
  const decided = total.proposals_accepted + total.proposals_rejected;
  return h(
    "dl",
    { class: "tiles" },
    tile(t("Masks"), formatNumber(total.masks), t("on {images}", { images: countImages(total.images) })),
    tile(
      t("Images done"),
      formatNumber(total.images_done),
      t("of {images}", { images: countImages(images.total) }),
    ),
    tile(t("Masks per image"), formatMean(total.masks_per_image), t("on images with masks")),
    tile(
      t("Seconds per mask"),
      formatSeconds(total.median_seconds),
      t("median; the paper went from {first} to {last} s", {
        first: PAPER_SECONDS[0],
        last: PAPER_SECONDS[1],
      }),
    ),
    tile(t("Clicks per mask"), formatMean(total.clicks_per_mask), t("points and boxes")),
    tile(t("Corrected by brush"), formatShare(total.corrected_share), t("of the model's masks")),
    tile(
      t("Proposals accepted"),
      formatShare(total.acceptance_rate),
      decided
        ? t("{accepted} of {decided} decided", {
            accepted: formatNumber(total.proposals_accepted),
            decided: formatNumber(decided),
          })
        : t("none decided yet"),
    ),
    tile(
      t("Kept as the model made them"),
      formatShare(agreement.good_share),
      t("IoU of {least} or more; paper: 94 %", { least: agreement.good.toFixed(2) }),
    ),
    tile(t("Queue"), formatNumber(queue.length), paceText(queue)),
  );
}

/** @param {string} name @param {string} value @param {string} more */
function tile(name, value, more) {
  return h(
    "div",
    { class: "card tile" },
    h("dt", {}, name),
    h("dd", { class: "tile-value tabular" }, value),
    h("dd", { class: "hint" }, more),
  );
}

/** @param {Statistics["queue"]} queue */
function paceText({ length, images_per_day: pace, finish_on: day }) {
  if (!length) return t("nothing is left to do");
  if (!pace) return t("no image was finished in the last 7 days");
  const perDay = tn(Math.round(pace * 10) / 10, "{number} image a day", "{number} images a day");
  if (!day) return perDay;
  const date = new Date(`${day}T12:00:00Z`).toLocaleDateString(language, {
    month: "short",
    day: "numeric",
    year: "numeric",
  });
  return t("{pace}, done on {date}", { pace: perDay, date });
}

/** Which days are counted: everything, the last days, or from one day to another. */

import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";

/** Days in ISO 8601, both included; absent means open. @typedef {{from?: string, to?: string}} Period */

const DAY_MS = 86_400_000;
/** @type {[number, string][]} */
const LAST = [
  [0, t("All time")],
  [7, t("Last 7 days")],
  [30, t("Last 30 days")],
];

/** @param {(period: Period) => void} changed */
export function periodPicker(changed) {
  const buttons = LAST.map(([days, label]) =>
    h("button", { type: "button", "aria-pressed": String(days === 0), onclick: () => last(days) }, label),
  );
  const day = (/** @type {string} */ label) =>
    h("input", { class: "input small", type: "date", "aria-label": label, onchange: () => between() });
  const [from, to] = [day(t("First day")), day(t("Last day"))];
  const mark = (/** @type {number} */ days) =>
    buttons.forEach((each, index) => {
      each.setAttribute("aria-pressed", String(LAST[index][0] === days));
    });
  const last = (/** @type {number} */ days) => {
    mark(days);
    // Weeks and days are counted in UTC.
    from.value = days ? new Date(Date.now() - (days - 1) * DAY_MS).toISOString().slice(0, 10) : "";
    to.value = "";
    changed(days ? { from: from.value } : {});
  };
  const between = () => {
    mark(from.value || to.value ? -1 : 0);
    to.min = from.value;
    from.max = to.value;
    changed({ ...(from.value && { from: from.value }), ...(to.value && { to: to.value }) });
  };
  return h(
    "div",
    { class: "toolbar" },
    h("div", { class: "segmented", role: "group", "aria-label": t("Days") }, buttons),
    h("div", { class: "row tight" }, from, h("span", { class: "muted" }, "–"), to),
  );
}

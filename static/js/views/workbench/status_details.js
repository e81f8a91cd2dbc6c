/** The popover of the status line: model and backend, the times of the last clicks, what is saved, the connection. */

import { language, t, tn } from "../../core/translate.js";
import { h, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { webgpuText } from "./this_browser.js";

/** @typedef {import("../../outbox.js").Status} SaveStatus */
/** @typedef {{total: number, decode: number, upsample: number, paint: number}} Timings */

/** Clicks that the median and the 95th percentile are taken of. */
const REMEMBERED = 50;
const CLOCK = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
/** @type {[("decode" | "upsample" | "paint"), string][]} */
const PARTS = [
  ["decode", t("Decode")],
  ["upsample", t("Upsample")],
  ["paint", t("Paint")],
];

/** One digit below ten. @param {number} value */
export function milliseconds(value) {
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/** "WASM × 4 threads". @param {import("../../decoder/messages.js").Backend} backend */
export function backendText({ backend, threads }) {
  if (backend !== "wasm") return "WebGPU";
  return tn(threads, "WASM × {number} thread", "WASM × {number} threads");
}

/**
 * The value that a share of the sorted values does not exceed.
 *
 * @param {readonly number[]} values
 * @param {number} share 0 … 1
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/**
 * @param {HTMLButtonElement} trigger
 * @param {import("../../editor.js").Editor} editor
 * @param {import("./opening.js").Opening} opening
 * @param {import("./connection.js").Connection} connection
 */
export function mountStatusDetails(trigger, editor, opening, connection) {
  const body = h("div", {});
  const element = h(
    "div",
    {
      class: "wb-popover wb-status-details",
      id: "status-details",
      popover: "auto",
      role: "dialog",
      tabindex: 0,
    },
    body,
  );
  element.setAttribute("aria-label", t("Status in full"));
  trigger.setAttribute("popovertarget", element.id);
  /** @type {Timings[]} */
  const clicks = [];
  /** @type {SaveStatus | null} */
  let saving = null;

  const render = () => {
    if (!element.matches(":popover-open")) return;
    const { model } = opening.decoders;
    replace(
      body,
      section(t("Model"), [
        [t("Name"), model?.name ?? "–"],
        [t("Digest"), model?.digest.slice(0, 16) ?? "–"],
        [t("Input"), model ? t("{side} px", { side: formatNumber(model.side) }) : "–"],
        [t("Runs on"), model ? backendText(model.backend) : "–"],
        [t("WebGPU"), model ? webgpuText(model.backend) : "–"],
        [t("Threads allowed"), model?.backend.isolated ? t("Yes") : t("No: the page is not isolated")],
      ]),
      clicks.length ? timesSection(clicks) : null,
      section(t("Connection"), [
        [t("Server"), connectionText(connection)],
        [t("To save"), savingText(saving)],
        [t("Last saved"), saving?.lastSavedAt ? CLOCK.format(saving.lastSavedAt) : "–"],
      ]),
    );
  };
  element.addEventListener("toggle", render);
  element.addEventListener("beforetoggle", () => {
    const box = trigger.getBoundingClientRect();
    element.style.bottom = `${window.innerHeight - box.top + 6}px`;
    element.style.left = `${box.left}px`;
  });
  connection.addEventListener("change", render);
  opening.decoders.addEventListener("model", render);
  /** @type {Timings | null} */
  let seen = null;
  editor.addEventListener("change", () => {
    if (!editor.lastTimings || editor.lastTimings === seen) return;
    seen = editor.lastTimings;
    clicks.push(seen);
    if (clicks.length > REMEMBERED) clicks.shift();
    render();
  });

  return {
    element,
    setSaving(/** @type {SaveStatus} */ status) {
      saving = status;
      render();
    },
  };
}

/** @param {string} title @param {[string, string][]} rows */
function section(title, rows) {
  return h(
    "section",
    {},
    h("h3", { class: "panel-title" }, title),
    h(
      "dl",
      { class: "wb-info" },
      rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "tabular" }, value))),
    ),
  );
}

/** The last click's parts with bars, and how the last clicks were as a whole. @param {Timings[]} clicks */
function timesSection(clicks) {
  const last = clicks[clicks.length - 1];
  const totals = clicks.map(({ total }) => total);
  const rows = PARTS.map(([name, label]) =>
    h(
      "div",
      { class: "wb-time" },
      h("dt", {}, label),
      h(
        "dd",
        { class: "tabular" },
        h("meter", { min: 0, max: last.total, value: last[name], "aria-hidden": "true" }),
        t("{time} ms", { time: milliseconds(last[name]) }),
      ),
    ),
  );
  const summary = tn(
    clicks.length,
    "Last click {last} ms",
    "Last click {last} ms; of {number} clicks, half within {median} ms, 95 % within {slow} ms",
    {
      last: milliseconds(last.total),
      median: milliseconds(quantile(totals, 0.5)),
      slow: milliseconds(quantile(totals, 0.95)),
    },
  );
  return h(
    "section",
    {},
    h("h3", { class: "panel-title" }, t("Click to mask on screen")),
    h("dl", { class: "wb-info" }, rows),
    h("p", { class: "hint tabular" }, summary),
  );
}

/** @param {import("./connection.js").Connection} connection */
function connectionText({ state, retryIn }) {
  if (state === "online") return t("Answers");
  const words = state === "offline" ? t("No network") : t("Server unreachable");
  return retryIn ? t("{state}, again in {seconds} s", { state: words, seconds: retryIn }) : words;
}

/** @param {SaveStatus | null} status */
function savingText(status) {
  if (!status?.pending) return t("Nothing");
  const count = tn(status.pending, "{number} change", "{number} changes");
  return status.message ? t("{count}: {message}", { count, message: status.message }) : count;
}

/** Numbers, sizes and times as people of the page's language read them. */

import { language, t, tn } from "../core/translate.js";

const NUMBER = new Intl.NumberFormat(language);
const RELATIVE = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} value */
export function formatNumber(value) {
  return NUMBER.format(value);
}

/** "1 image", "2,400 images". @param {number} number */
export function countImages(number) {
  return tn(number, "{number} image", "{number} images");
}

/** @param {number} number */
export function countAnnotations(number) {
  return tn(number, "{number} annotation", "{number} annotations");
}

/**
 * Decimal units, three significant digits at most: "0 B", "12.3 kB", "1.2 GB".
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * A rounded remaining time: "a few seconds", "about 40 s", "about 2 min", "about 3 h".
 * @param {number} seconds
 */
export function formatEta(seconds) {
  if (seconds < 5) return t("a few seconds");
  if (seconds < 55) return t("about {number} s", { number: Math.ceil(seconds / 5) * 5 });
  if (seconds < 3570) return t("about {number} min", { number: Math.max(1, Math.round(seconds / 60)) });
  return t("about {number} h", { number: formatNumber(Math.round(seconds / 360) / 10) });
}

/**
 * "just now", "5 minutes ago", "yesterday", else the date.
 * @param {string} iso
 * @param {number} [now] milliseconds
 */
export function formatWhen(iso, now = Date.now()) {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return "";
  const seconds = Math.round((time - now) / 1000);
  if (seconds > -45) return t("just now");
  if (seconds > -3600) return RELATIVE.format(Math.round(seconds / 60), "minute");
  if (seconds > -86400) return RELATIVE.format(Math.round(seconds / 3600), "hour");
  if (seconds > -7 * 86400) return RELATIVE.format(Math.round(seconds / 86400), "day");
  return new Date(time).toLocaleDateString(language, { year: "numeric", month: "short", day: "numeric" });
}

/** @param {number} part @param {number} whole */
export function percent(part, whole) {
  return whole > 0 ? `${Math.floor((100 * part) / whole)} %` : "0 %";
}

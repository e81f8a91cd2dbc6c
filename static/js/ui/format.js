/** Numbers, sizes and times as people read them. Pure. */

const NUMBER = new Intl.NumberFormat("en");
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} value */
export function formatNumber(value) {
  return NUMBER.format(value);
}

/**
 * "1 image", "2,400 images".
 * @param {number} value
 * @param {string} singular
 * @param {string} [plural]
 */
export function plural(value, singular, plural = `${singular}s`) {
  return `${formatNumber(value)} ${value === 1 ? singular : plural}`;
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
  if (seconds < 5) return "a few seconds";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s`;
  if (seconds < 3570) return `about ${Math.max(1, Math.round(seconds / 60))} min`;
  return `about ${Math.round(seconds / 360) / 10} h`;
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
  if (seconds > -45) return "just now";
  if (seconds > -3600) return RELATIVE.format(Math.round(seconds / 60), "minute");
  if (seconds > -86400) return RELATIVE.format(Math.round(seconds / 3600), "hour");
  if (seconds > -7 * 86400) return RELATIVE.format(Math.round(seconds / 86400), "day");
  return new Date(time).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" });
}

/** @param {number} part @param {number} whole */
export function percent(part, whole) {
  return whole > 0 ? `${Math.floor((100 * part) / whole)} %` : "0 %";
}

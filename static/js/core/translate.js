// @ts-check
/**
 * Interface texts in the person's language. The English text is its own key, so code reads as it shows, and a text
 * without a translation falls back to English. The page carries the catalogue as JSON in `#messages`.
 */

/** @type {Record<string, string>} */
const catalogue = readCatalogue();

/**
 * The text in the person's language, with `{name}` replaced by `values.name`.
 * @param {string} text English text, a literal, so that the check for missing translations finds it
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(text, values) {
  const found = catalogue[text] ?? text;
  if (!values) return found;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @returns {Record<string, string>} */
function readCatalogue() {
  if (typeof document === "undefined") return {};
  const holder = document.getElementById("messages");
  return holder?.textContent ? JSON.parse(holder.textContent) : {};
}

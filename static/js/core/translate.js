// @ts-check
/**
 * Interface texts in the person's language. The English text is its own key, so code reads as it shows, and a text
 * without a translation falls back to English. The page carries the catalogue as JSON in `#messages`.
 */

/** @type {Record<string, string>} */
const catalogue = readCatalogue();

/** The language of the page, for Intl. */
export const language = (typeof document !== "undefined" && document.documentElement?.lang) || "en";

const NUMBER = new Intl.NumberFormat(language);

/**
 * The text in the person's language, with `{name}` replaced by `values.name`.
 * @param {string} text English text, a literal, so that the check for missing translations finds it
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(text, values) {
  return translated(text, values);
}

/** @param {string} text @param {Record<string, string | number>} [values] */
function translated(text, values) {
  const found = catalogue[text] ?? text;
  if (!values) return found;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A text that counts something: `{number}` is the count as people of this language write it.
 * @param {number} number
 * @param {string} one   English text for exactly one, a literal
 * @param {string} many  English text for any other count, a literal
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function tn(number, one, many, values) {
  return t(number === 1 ? one : many, { ...values, number: NUMBER.format(number) });
}

/**
 * A text that is kept and shown later, in the language of then: the English text and its values. A mere string is shown as it is.
 * @typedef {string | {text: string, values?: Record<string, string | number>}} Phrase
 */

/**
 * @param {string} text English text, a literal
 * @param {Record<string, string | number>} [values]
 * @returns {Phrase}
 */
export function phrase(text, values) {
  return { text, values };
}

/**
 * A phrase that counts something, as {@link tn} does.
 * @param {number} number
 * @param {string} one   English text for exactly one, a literal
 * @param {string} many  English text for any other count, a literal
 * @returns {Phrase}
 */
export function phrases(number, one, many) {
  return { text: number === 1 ? one : many, values: { number } };
}

/** @param {Phrase} kept @returns {string} */
export function say(kept) {
  if (typeof kept === "string") return kept;
  const { text, values = {} } = kept;
  const written = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "number" ? NUMBER.format(value) : value,
  ]);
  return translated(text, Object.fromEntries(written));
}

/** @returns {Record<string, string>} */
function readCatalogue() {
  if (typeof document === "undefined") return {};
  const holder = document.getElementById("messages");
  return holder?.textContent ? JSON.parse(holder.textContent) : {};
}

// @ts-check
/** The language of the interface: chosen here, kept in a cookie for the next page and with the account for the next browser. */

import { updatePreferences } from "../api.js";
import { language, t } from "../core/translate.js";
import { field } from "./dialog.js";
import { toastError } from "./toast.js";

/** Code → name, each in its own language; the server's table is in web/language.py. @type {Record<string, string>} */
export const LANGUAGES = { en: "English", "zh-CN": "简体中文" };

const YEAR_SECONDS = 365 * 24 * 3600;

/** Show the pages in a language from now on. @param {string} code empty: what the browser asks for */
function keep(code) {
  const age = code ? YEAR_SECONDS : 0;
  // biome-ignore lint/suspicious/noDocumentCookie: the server reads it before any script runs
  document.cookie = `language=${code}; path=/; max-age=${age}; samesite=lax`;
}

/**
 * A field that switches the language at once.
 *
 * @param {import("../types.js").User} [user] whose preference it is; without one the choice is this browser's
 * @returns {HTMLElement}
 */
export function languageField(user) {
  const names = Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }));
  const preferred = user?.preferences.language;
  const value = user ? (typeof preferred === "string" ? preferred : "") : language;
  const options = user ? [{ value: "", label: t("As the browser asks") }, ...names] : names;
  const element = field({ name: "language", label: t("Language"), options, value });
  const select = /** @type {HTMLSelectElement} */ (element.querySelector("select"));
  // Names are in their own languages, and so must a reader's voice be.
  for (const option of select.options) if (option.value) option.lang = option.value;
  select.addEventListener("change", async () => {
    try {
      if (user) await updatePreferences({ language: select.value || null });
      keep(select.value);
      location.reload();
    } catch (error) {
      toastError(error, t("Could not change the language"));
    }
  });
  return element;
}

/** Light, dark or the system's theme; kept in this browser. */
import { t } from "../core/translate.js";
import { icon, iconButton, replace } from "./dom.js";

/** @typedef {"system" | "light" | "dark"} Theme */

const KEY = "annotator.theme"; // also read by theme_boot.js
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** @returns {Theme} */
export function getTheme() {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

/** @returns {"light" | "dark"} what is on screen now */
export function shownTheme() {
  const theme = getTheme();
  if (theme !== "system") return theme;
  return dark.matches ? "dark" : "light";
}

/**
 * Apply and remember a theme; fires "themechange" on window.
 * @param {Theme} theme
 */
export function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage can be forbidden: the theme then lasts until the page is left.
  }
  window.dispatchEvent(new CustomEvent("themechange"));
}

/** A button for the top bar that flips between light and dark. */
export function themeButton() {
  const element = iconButton("moon", "");
  const show = () => {
    const next = shownTheme() === "dark" ? "light" : "dark";
    const label = next === "dark" ? t("Use dark theme") : t("Use light theme");
    element.setAttribute("aria-label", label);
    element.dataset.tooltip = label;
    replace(element, icon(next === "dark" ? "moon" : "sun"));
  };
  element.addEventListener("click", () => setTheme(shownTheme() === "dark" ? "light" : "dark"));
  window.addEventListener("themechange", show);
  dark.addEventListener("change", show);
  show();
  return element;
}

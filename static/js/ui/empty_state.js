/** What stands where there is nothing: what is missing, and what to do about it. */

import { h, icon } from "./dom.js";

/**
 * @param {object} state
 * @param {string} state.icon
 * @param {string} state.title
 * @param {string} [state.text]
 * @param {Node | null} [state.action] the way out
 * @param {string} [state.kind] a second class
 */
export function emptyState({ icon: name, title, text, action = null, kind = "" }) {
  const advice = text ? h("p", {}, text) : null;
  return h("div", { class: `empty ${kind}`.trim() }, icon(name), h("h2", {}, title), advice, action);
}

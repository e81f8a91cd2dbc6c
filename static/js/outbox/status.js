/** What the status bar says about unsaved work, derived from the journal. */

import { lineOf } from "./journal.js";

/** @typedef {import("./journal.js").Entry} Entry */

/**
 * @typedef {object} Status
 * @property {"saved" | "saving" | "offline" | "signed_out" | "conflict" | "refused"} state
 * @property {number} pending changes that the server does not have, those aside included
 * @property {number} conflicts changes that wait for a decision
 * @property {number} refused changes that the server will not take
 * @property {number | null} lastSavedAt milliseconds since 1970
 * @property {string | null} message why nothing moves, for people
 */

/** @typedef {{state: "ready" | "offline" | "signed_out", message: string | null}} Link how the server was last met */

/** @param {number} pending @param {number} conflicts @param {number} refused @param {Link} link
 * @returns {Status["state"]} the one thing that matters most */
function stateOf(pending, conflicts, refused, link) {
  if (link.state === "signed_out") return "signed_out";
  if (pending === 0) return "saved";
  if (link.state === "offline") return "offline";
  if (conflicts > 0) return "conflict";
  return refused > 0 ? "refused" : "saving";
}

/**
 * @param {Entry[]} entries of the person who is signed in
 * @param {Link} link
 * @param {number | null} lastSavedAt
 * @returns {Status}
 */
export function statusOf(entries, link, lastSavedAt) {
  const pending = entries.reduce((count, entry) => count + lineOf(entry).length, 0);
  const conflicts = entries.filter((entry) => entry.state === "conflict").length;
  const refused = entries.filter((entry) => entry.state === "refused").length;
  const state = stateOf(pending, conflicts, refused, link);
  const aside = entries.find((entry) => entry.state === state)?.error?.message;
  const message = state === "saved" ? null : (aside ?? link.message);
  return { state, pending, conflicts, refused, lastSavedAt, message };
}

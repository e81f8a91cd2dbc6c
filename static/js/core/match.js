/** Finding entries by a few typed letters. Pure. */

/**
 * How well a text matches what was typed: all letters in order, better when they start words and stand together.
 *
 * @param {string} query
 * @param {string} text
 * @returns {number} above 0 is a match, more is better; 1 for an empty query
 */
export function score(query, text) {
  const wanted = query.trim().toLowerCase();
  const given = text.toLowerCase();
  if (!wanted) return 1;
  const whole = given.indexOf(wanted);
  if (whole === 0) return 1000 - given.length;
  if (whole > 0) return (startsWord(given, whole) ? 800 : 600) - given.length;
  let points = 0;
  let at = -1;
  for (const letter of wanted.replaceAll(" ", "")) {
    const next = given.indexOf(letter, at + 1);
    if (next < 0) return 0;
    points += next === at + 1 ? 4 : startsWord(given, next) ? 6 : 1;
    at = next;
  }
  return points;
}

function startsWord(/** @type {string} */ text, /** @type {number} */ at) {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]);
}

/**
 * The entries that match, best first; equals keep their order.
 *
 * @template T
 * @param {string} query
 * @param {readonly T[]} entries
 * @param {(entry: T) => string} textOf
 * @returns {T[]}
 */
export function search(query, entries, textOf) {
  return entries
    .map((entry) => ({ entry, points: score(query, textOf(entry)) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .map(({ entry }) => entry);
}

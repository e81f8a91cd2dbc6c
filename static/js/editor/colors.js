/** The colour of an object: its category's, or one that tells it from its neighbours. */

/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {import("../types.js").Category} Category */

/** Uncategorised objects, told apart by turns; readable for colour-blind people (after Okabe and Ito). */
const PALETTE = /** @type {[number, number, number][]} */ ([
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
]);

/**
 * @param {SavedObject} object
 * @param {readonly Category[]} categories
 * @returns {[number, number, number]} RGB, 0 … 255
 */
export function objectColor({ body }, categories) {
  const category = categories.find((each) => each.id === body.category_id);
  if (!category) return PALETTE[body.z % PALETTE.length];
  const value = Number.parseInt(category.color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

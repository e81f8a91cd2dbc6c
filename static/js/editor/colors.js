/** The colour of an object: its category's, or one that tells it from its neighbours. */

/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {import("../types.js").Category} Category */
/** @typedef {[number, number, number]} Color RGB, 0 … 255 */

/**
 * @typedef {object} ColorScheme
 * @property {"category" | "object"} by  one colour per category, or one per object
 * @property {boolean} safe              only colours that colour-blind people tell apart
 */

/** Readable for colour-blind people (after Okabe and Ito, without black). */
const SAFE = /** @type {Color[]} */ ([
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
]);
/** Turns of the hue that never come close to an earlier one (the golden angle). */
const HUE_STEP = 137.508;

/** @type {Readonly<ColorScheme>} */
export const CATEGORY_COLORS = Object.freeze({ by: "category", safe: false });

/**
 * @param {SavedObject} object
 * @param {readonly Category[]} categories in the order of lists
 * @param {ColorScheme} [scheme]
 * @returns {Color}
 */
export function objectColor({ body, tint, isPending }, categories, scheme = CATEGORY_COLORS) {
  if (scheme.by === "object" || isPending) return scheme.safe ? turn(tint) : tintColor(tint);
  const index = categories.findIndex((each) => each.id === body.category_id);
  return index < 0 ? turn(tint) : categoryColor(categories[index], index, scheme);
}

/**
 * @param {Category} category
 * @param {number} index its place in lists
 * @param {ColorScheme} scheme
 * @returns {Color}
 */
export function categoryColor(category, index, { safe }) {
  if (safe) return turn(index);
  const value = Number.parseInt(category.color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function turn(/** @type {number} */ index) {
  return SAFE[((index % SAFE.length) + SAFE.length) % SAFE.length];
}

/** The colour of one of many objects: no two neighbours alike. @param {number} index @returns {Color} */
export function tintColor(index) {
  return ofHue(index * HUE_STEP);
}

/** A strong colour of this hue, in degrees. @returns {Color} */
function ofHue(/** @type {number} */ degrees) {
  const hue = ((degrees % 360) + 360) % 360;
  const channel = (/** @type {number} */ shift) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

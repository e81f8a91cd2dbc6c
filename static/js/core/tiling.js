/**
 * How a very large image is cut into tiles (its twin is annotator/services/tiles.py): pixel i of level n covers the image
 * pixels [i · 2ⁿ, (i + 1) · 2ⁿ), and the last level fits into one tile.
 */

/**
 * @typedef {object} Layout
 * @property {number} width   of the image, pixels
 * @property {number} height
 * @property {number} side    of a tile, pixels of its level
 * @property {number} levels  level 0 is the full size
 */

/** @typedef {{level: number, column: number, row: number}} Tile */
/** @typedef {import("./bitmap.js").Rect} Rect */

/**
 * The smallest level that still has a pixel for every device pixel.
 *
 * @param {number} scale device pixels per image pixel
 * @param {number} levels
 */
export function levelFor(scale, levels) {
  const halvings = Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.min(Math.max(halvings, 0), levels - 1);
}

/** @param {Tile} tile */
export function tileName({ level, column, row }) {
  return `${level}/${column}/${row}`;
}

/** What a tile shows, in image pixels. @param {Layout} layout @param {Tile} tile @returns {Rect} */
export function tileRect({ width, height, side }, { level, column, row }) {
  const step = side * 2 ** level;
  return {
    x0: column * step,
    y0: row * step,
    x1: Math.min((column + 1) * step, width),
    y1: Math.min((row + 1) * step, height),
  };
}

/**
 * The tiles of a level that show some of a rectangle, the ones nearest to its middle first.
 *
 * @param {Layout} layout
 * @param {number} level
 * @param {Rect} rect image pixels, may reach outside
 * @returns {Tile[]}
 */
export function tilesIn({ width, height, side }, level, rect) {
  const step = side * 2 ** level;
  const range = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ size) => {
    if (from >= size || to <= 0) return [];
    const first = Math.max(Math.floor(from / step), 0);
    const end = Math.ceil(Math.min(to, size) / step);
    return Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i);
  };
  const [middleX, middleY] = [(rect.x0 + rect.x1) / 2 / step - 0.5, (rect.y0 + rect.y1) / 2 / step - 0.5];
  const away = (/** @type {Tile} */ { column, row }) => Math.hypot(column - middleX, row - middleY);
  return range(rect.y0, rect.y1, height)
    .flatMap((row) => range(rect.x0, rect.x1, width).map((column) => ({ level, column, row })))
    .sort((a, b) => away(a) - away(b));
}

/** The tile one level coarser that shows the same place. @param {Tile} tile @returns {Tile} */
export function parentOf({ level, column, row }) {
  return { level: level + 1, column: column >> 1, row: row >> 1 };
}

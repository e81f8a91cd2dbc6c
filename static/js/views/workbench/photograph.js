/** Getting a photograph ready to draw: whole, or in tiles where it is very large. */

import { getFile } from "../../api.js";
import { TiledPicture } from "../../canvas/tiles.js";
import { t } from "../../core/translate.js";

/** @typedef {import("../../types.js").Image} Image */

/**
 * @param {Image} image as one image is told
 * @returns {Promise<ImageBitmap | TiledPicture>}
 */
export async function loadPicture({ width, height, tiles, urls }) {
  if (!tiles) return loadBitmap(urls.file);
  const { side, levels, url } = tiles;
  const thumbnail = await loadBitmap(urls.thumbnail);
  return new TiledPicture({ width, height, side, levels }, thumbnail, async (tile, signal) => {
    const address = url.replace(/\{(level|column|row)\}/g, (_, name) => String(Reflect.get(tile, name)));
    return createImageBitmap(new Blob([await getFile(address, { signal })]));
  });
}

/** @param {string} url @returns {Promise<ImageBitmap>} decoded off the main thread */
async function loadBitmap(url) {
  const element = new Image();
  element.src = url;
  try {
    await element.decode();
  } catch {
    throw new Error(t("The photograph could not be loaded. Reload the page to try again."));
  }
  return createImageBitmap(element);
}

/** Getting a photograph ready to draw: whole, or in tiles where it is very large. */

import { getFile } from "../../api.js";
import { decodePicture } from "../../canvas/picture_decoder.js";
import { TiledPicture } from "../../canvas/tiles.js";
import { t } from "../../core/translate.js";

/** @typedef {import("../../canvas/pyramid.js").ImagePyramid} ImagePyramid */
/** @typedef {import("../../types.js").Image} Image */

/**
 * @param {Image} image as one image is told
 * @returns {Promise<ImagePyramid | TiledPicture>}
 */
export async function loadPicture({ width, height, tiles, urls }) {
  try {
    if (!tiles) return await decodePicture(await getFile(urls.file));
    const { side, levels, url } = tiles;
    const thumbnail = await loadBitmap(urls.thumbnail);
    return new TiledPicture({ width, height, side, levels }, thumbnail, (tile, signal) => {
      const address = url.replace(/\{(level|column|row)\}/g, (_, name) => String(Reflect.get(tile, name)));
      return loadBitmap(address, signal);
    });
  } catch {
    throw new Error(t("The photograph could not be loaded. Reload the page to try again."));
  }
}

/** @param {string} url @param {AbortSignal} [signal] */
async function loadBitmap(url, signal) {
  return createImageBitmap(new Blob([await getFile(url, { signal })]));
}

/** Getting a photograph ready to draw. */

import { t } from "../../core/translate.js";

/** @param {string} url @returns {Promise<ImageBitmap>} decoded off the main thread */
export async function loadBitmap(url) {
  const element = new Image();
  element.src = url;
  try {
    await element.decode();
  } catch {
    throw new Error(t("The photograph could not be loaded. Reload the page to try again."));
  }
  return createImageBitmap(element);
}

/** What opening an image asks for: of the server at first, and what that answer names. */

import { getFile, getImage, listAnnotations } from "../../api.js";
import { t } from "../../core/translate.js";
import { loadPicture } from "./photograph.js";

/** @typedef {import("../../canvas/adjuster.js").Picture} Picture */
/** @typedef {import("../../types.js").Annotation} Annotation */
/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").ImageFilter} ImageFilter */

/**
 * @typedef {object} Asked
 * @property {Promise<Image>} image
 * @property {Promise<Annotation[]>} annotations
 * @property {Promise<Picture>} [picture]
 * @property {Promise<ArrayBuffer>} [embedding] fails where there is none yet
 * @property {Promise<import("../../decoder/client.js").DecoderClient>} [decoder] with the embedding; fails likewise
 * @property {AbortController} [fetching] gives the decoder up, so that a later image's embedding is not replaced by this one's
 */

/**
 * Begin to fetch an image's data.
 *
 * @param {number} id
 * @param {{filter?: ImageFilter, signal?: AbortSignal}} [options]
 * @returns {Asked}
 */
export function ask(id, { filter, signal } = {}) {
  const asked = { image: getImage(id, { filter, signal }), annotations: listAnnotations(id, { signal }) };
  quiet(asked.image, asked.annotations);
  return asked;
}

/**
 * Begin to fetch all that showing an image takes.
 *
 * @param {number} id
 * @param {{filter?: ImageFilter}} [options]
 * @returns {Asked}
 */
export function askForAll(id, options) {
  const asked = ask(id, options);
  const embedding = asked.image.then((image) => fetchEmbedding(image));
  const picture = asked.image.then(loadPicture);
  quiet(embedding, picture);
  return { ...asked, embedding, picture };
}

/**
 * @param {Image} image
 * @param {{signal?: AbortSignal, priority?: RequestPriority, anew?: boolean}} [options] anew: what was kept is not good
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchEmbedding({ embedding: { url } }, { signal, priority = "high", anew } = {}) {
  if (!url) throw new Error(t("The server names no embedding for this image. Reload the page."));
  return getFile(url, { signal, priority, cache: anew ? "reload" : undefined });
}

/** Whoever awaits them is told; until then a failure is nobody's surprise. @param {...Promise<unknown>} parts */
function quiet(...parts) {
  for (const part of parts) part.catch(() => {});
}

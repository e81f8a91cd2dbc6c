/** A model as the decoder needs it, from what the API tells of it. */

/** @typedef {import("./messages.js").ModelInfo} ModelInfo */

/** @param {{url: string, bytes: number}} file as the API names it @returns {import("./messages.js").GraphFile} */
function graphFile({ url, bytes }) {
  return { url: new URL(url, globalThis.location.href).href, bytes };
}

/** @param {Pick<import("../types.js").Model, "digest" | "config" | "decoder">} model @returns {ModelInfo} */
export function modelInfo({ digest, config, decoder }) {
  const { prelude, mask_prompt, click, upscale } = decoder.graphs ?? {};
  return {
    digest,
    whole: graphFile(decoder),
    graphs:
      prelude && mask_prompt && click && upscale
        ? {
            prelude: graphFile(prelude),
            mask_prompt: graphFile(mask_prompt),
            click: graphFile(click),
            upscale: graphFile(upscale),
          }
        : null,
    imageSize: config.image_size,
    embeddingSize: config.embedding_size,
    maskSize: config.mask_size,
    threshold: config.mask_threshold ?? 0,
    rankSingleMask: config.rank_single_mask ?? false,
  };
}

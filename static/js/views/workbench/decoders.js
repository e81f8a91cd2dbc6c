/** The decoder's worker: one for all images of a model, started as early as the model is known. */

import { getModel } from "../../api.js";
import { DecoderClient } from "../../decoder/client.js";
import { fetchEmbedding } from "./asked.js";

/** Event "model": another model answers from now on. */
export class Decoders extends EventTarget {
  /** @type {{digest: string, client: Promise<DecoderClient>} | null} */
  #current = null;
  /**
   * What answers the clicks; side: of its input, pixels.
   * @type {{name: string, digest: string, side: number, backend: import("../../decoder/messages.js").Backend} | null}
   */
  model = null;
  #named;

  /**
   * @param {import("../../types.js").Model | null} [named] as the server tells it; started at once
   */
  constructor(named = null) {
    super();
    this.#named = named;
    if (named) this.start(named.digest);
  }

  /**
   * @param {string} digest
   * @returns {Promise<DecoderClient>}
   */
  start(digest) {
    if (this.#current?.digest === digest) return this.#current.client;
    this.#current?.client.then(
      (client) => client.dispose(),
      () => {},
    );
    const client = this.#open(digest);
    this.#current = { digest, client };
    client.catch(() => {
      if (this.#current?.client === client) this.#current = null; // the next look tries again
    });
    return client;
  }

  /**
   * The decoder with an image's embedding.
   *
   * @param {import("../../types.js").Image} image
   * @param {Promise<ArrayBuffer> | undefined} embedding none: fetched here
   * @param {AbortSignal} [signal]
   * @returns {Promise<DecoderClient>}
   */
  async load(image, embedding, signal) {
    const client = await this.start(image.embedding.model_digest);
    signal?.throwIfAborted();
    if (await client.recall(identity(image))) return client;
    const buffer = await (embedding ?? fetchEmbedding(image, { signal }));
    signal?.throwIfAborted();
    await client.loadEmbedding(buffer, identity(image));
    return client;
  }

  /**
   * Get an image ready that may be opened next, where the decoder that runs can.
   *
   * @param {import("../../types.js").Image} image
   * @param {ArrayBuffer} embedding stays as it is
   */
  async prepareAhead(image, embedding) {
    if (this.#current?.digest !== image.embedding.model_digest) return;
    const client = await this.#current.client;
    await client.prepareAhead(embedding.slice(0), identity(image));
  }

  /** @param {string} digest */
  async #open(digest) {
    const model = this.#named?.digest === digest ? this.#named : await getModel(digest);
    const client = await DecoderClient.start(model);
    this.model = { name: model.name, digest, side: model.config.image_size, backend: client.backend };
    this.dispatchEvent(new Event("model"));
    return client;
  }
}

/** @param {import("../../types.js").Image} image what an embedding must belong to */
function identity({ sha256, width, height }) {
  return { imageSha256: sha256, width, height };
}

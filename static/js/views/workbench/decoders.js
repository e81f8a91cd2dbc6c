/** The decoder's worker: one for all images of a model, started as early as the model is known. */

import { getModel } from "../../api.js";
import { DecoderClient } from "../../decoder/client.js";

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
    const client = this.#load(digest);
    this.#current = { digest, client };
    client.catch(() => {
      if (this.#current?.client === client) this.#current = null; // the next look tries again
    });
    return client;
  }

  /** @param {string} digest */
  async #load(digest) {
    const model = this.#named?.digest === digest ? this.#named : await getModel(digest);
    const client = await DecoderClient.start(model);
    this.model = { name: model.name, digest, side: model.config.image_size, backend: client.backend };
    this.dispatchEvent(new Event("model"));
    return client;
  }
}

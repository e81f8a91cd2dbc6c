/** The decoder's worker: one for all images of a model, started as early as the model is known. */

import { getModel } from "../../api.js";
import { readChoice, recallVerdict, rememberVerdict, writeChoice } from "../../decoder/choice.js";
import { DecoderClient, GPU_RUNTIME_URL } from "../../decoder/client.js";
import { fetchEmbedding } from "./asked.js";

/** Refused as not belonging to the image: what was kept of it may be damaged, or another image's under its old address. */
const REFUSED = ["embedding_malformed", "embedding_mismatch"];

/** Event "model": another model answers from now on, or on something else. */
export class Decoders extends EventTarget {
  /** @type {{digest: string, client: Promise<DecoderClient>} | null} */
  #current = null;
  /**
   * What answers the clicks; side: of its input, pixels.
   * @type {{name: string, digest: string, side: number, backend: import("../../decoder/messages.js").Backend} | null}
   */
  model = null;
  #named;
  /** What it is to run on. */
  choice = readChoice();

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
    try {
      await client.loadEmbedding(buffer, identity(image));
    } catch (error) {
      if (!REFUSED.includes(/** @type {{code?: string}} */ (error).code ?? "")) throw error;
      await client.loadEmbedding(await fetchEmbedding(image, { signal, anew: true }), identity(image));
    }
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
    const client = await DecoderClient.start(model, { changed: () => this.#note(client) });
    this.model = { name: model.name, digest, side: model.config.image_size, backend: client.backend };
    this.dispatchEvent(new Event("model"));
    this.#prefer(client).catch(() => {}); // WebAssembly goes on answering
    return client;
  }

  /** Run on WebGPU, or not, or on whichever is better: from now on in this browser.
   * @param {import("../../decoder/messages.js").BackendChoice} choice */
  async choose(choice) {
    this.choice = choice;
    writeChoice(choice);
    const client = await this.#current?.client;
    if (client) await this.#prefer(client);
  }

  #prefer(/** @type {DecoderClient} */ client) {
    return client.prefer(this.choice, recallVerdict(client.modelDigest, GPU_RUNTIME_URL));
  }

  /** What it runs on has changed. */
  #note(/** @type {DecoderClient} */ { backend, modelDigest }) {
    if (this.model?.digest !== modelDigest) return;
    const { webgpu } = backend;
    if (webgpu && this.choice === "auto") rememberVerdict(modelDigest, GPU_RUNTIME_URL, webgpu);
    this.model = { ...this.model, backend };
    this.dispatchEvent(new Event("model"));
  }
}

/** @param {import("../../types.js").Image} image what an embedding must belong to */
function identity({ sha256, width, height }) {
  return { imageSha256: sha256, width, height };
}

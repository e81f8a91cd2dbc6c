/** The released export behind the interface that the editor expects: how other browser tools use it. */

import { packPrompts } from "/static/js/core/prompts.js";

export class ReleasedClient {
  #worker;
  #model;
  /** @type {any} */
  #frame = null;
  #nextId = 1;

  /** @param {Worker} worker @param {any} model */
  constructor(worker, model) {
    this.#worker = worker;
    this.#model = model;
  }

  get modelDigest() {
    return this.#model.digest;
  }

  /** @param {any} model @param {{threads: number}} options */
  static async start(model, { threads }) {
    const worker = new Worker(new URL("./released_worker.js", import.meta.url), { type: "module" });
    const client = new ReleasedClient(worker, model);
    await client.#call({
      type: "start",
      url: new URL(model.decoder.url, location.href).href,
      threads,
    });
    return client;
  }

  /** @param {ArrayBuffer} buffer @param {object} _image @param {any} frame */
  async loadEmbedding(buffer, _image, frame) {
    this.#frame = frame;
    await this.#call({ type: "embedding", buffer, maskSize: frame.maskSize, original: frame.original });
  }

  /** @param {any} prompts */
  async decode(prompts) {
    const { best, iou, bitmap, logits, timings } = await this.#call({
      type: "decode",
      ...packPrompts(prompts, this.#frame),
    });
    const candidates = [{ candidate: best, iou, stability: 1, logits }];
    return { candidates, mask: () => bitmap, timings };
  }

  dispose() {
    this.#worker.terminate();
  }

  /** @param {object} request @returns {Promise<any>} */
  #call(request) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const listen = (/** @type {MessageEvent} */ { data }) => {
        if (data.id !== id) return;
        this.#worker.removeEventListener("message", listen);
        if (data.error) reject(new Error(data.error));
        else resolve(data);
      };
      this.#worker.addEventListener("message", listen);
      this.#worker.postMessage({ id, ...request });
    });
  }
}

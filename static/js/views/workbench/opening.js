/**
 * Opening an image: photograph and annotations first, so that one can look and paint at once; the embedding as soon as
 * the server has it. Then the next images are fetched ahead.
 */

import { embedImage, getFile, getImage, getModel, listAnnotations } from "../../api.js";
import { DecoderClient } from "../../decoder/client.js";
import { loadBitmap } from "./photograph.js";
import { Prefetch } from "./prefetch.js";

/** @typedef {import("../../types.js").Image} Image */

/**
 * How far the image is from the first click.
 * @typedef {object} Preparation
 * @property {"loading" | "queued" | "running" | "failed" | "ready"} state
 * @property {string} message  for the person; empty when ready
 */

const POLL_MS = 700;

export class Opening extends EventTarget {
  /** @type {AbortController} */
  #current = new AbortController();
  /** @type {{digest: string, client: Promise<DecoderClient>} | null} */
  #decoder = null;
  #prefetch = new Prefetch();
  /** @type {Preparation} */
  preparation = { state: "loading", message: "Opening the image" };
  /** @type {{name: string, threads: number} | null} what answers the clicks */
  model = null;

  /**
   * @param {import("../../editor.js").Editor} editor
   * @param {import("../../canvas.js").Stage} stage
   * @param {import("./saving.js").Saving} saving
   */
  constructor(editor, stage, saving) {
    super();
    this.editor = editor;
    this.stage = stage;
    this.saving = saving;
  }

  /**
   * Show another image. Returns when it can be looked at; the embedding may still be on its way.
   *
   * @param {number} id
   */
  async open(id) {
    await this.editor.idle();
    this.editor.flushDraft();
    this.#current.abort();
    this.#current = new AbortController();
    const { signal } = this.#current;
    const ahead = this.#prefetch.take(id);
    const [image, annotations, draft] = await Promise.all([
      getImage(id, { signal }),
      listAnnotations(id, { signal }),
      this.saving.loadDraft(id),
    ]);
    this.#set({ state: "loading", message: "Loading the embedding" });
    const decoder = image.embedding.model_digest ? this.#startDecoder(image.embedding.model_digest) : null;
    decoder?.catch(() => {}); // told when it is needed
    const embedding = image.embedding.url ? (ahead?.embedding ?? this.#fetchEmbedding(image, signal)) : null;
    embedding?.catch(() => {});
    const shown = await this.saving.withPending(id, annotations);
    const bitmap = await (ahead?.bitmap ?? loadBitmap(image.urls.file));
    if (signal.aborted) return bitmap.close();
    this.stage.setImage(bitmap);
    this.editor.open(image, shown, draft);
    this.dispatchEvent(new Event("open"));
    this.#prepare(image, embedding, signal);
  }

  /** Ask again for an embedding that failed. */
  async retry() {
    const { image } = this.editor;
    if (!image) return;
    const { signal } = this.#current;
    const fresh = await embedImage(image.id);
    if (signal.aborted) return;
    this.editor.updateImage({ ...image, embedding: fresh.embedding });
    this.#prepare(this.editor.image ?? image, null, signal);
  }

  /**
   * @param {Image} image
   * @param {Promise<ArrayBuffer> | null} embedding on its way already
   * @param {AbortSignal} signal
   */
  async #prepare(image, embedding, signal) {
    try {
      const ready = await this.#untilReady(image, signal);
      if (!ready || signal.aborted) return;
      const client = await this.#startDecoder(ready.embedding.model_digest);
      const buffer = await (embedding ?? this.#fetchEmbedding(ready, signal));
      if (signal.aborted) return;
      await client.loadEmbedding(buffer, {
        imageSha256: ready.sha256,
        width: ready.width,
        height: ready.height,
      });
      if (signal.aborted) return;
      this.editor.attachDecoder(client);
      this.#set({ state: "ready", message: "" });
      this.#prefetch.around(ready);
    } catch (error) {
      if (signal.aborted) return;
      this.#set({ state: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Look again and again until the embedding exists. @returns {Promise<Image | null>} null when it failed */
  async #untilReady(/** @type {Image} */ image, /** @type {AbortSignal} */ signal) {
    let current = image;
    while (current.embedding.state !== "ready") {
      if (current.embedding.state === "failed") {
        this.#set({
          state: "failed",
          message: current.embedding.message ?? "The server could not prepare it.",
        });
        return null;
      }
      if (current.embedding.state === "none") current = { ...current, ...(await embedImage(image.id)) };
      const state = current.embedding.state === "running" ? "running" : "queued";
      this.#set({ state, message: current.embedding.message ?? "" });
      await pause(POLL_MS, signal);
      try {
        current = await getImage(image.id, { signal });
      } catch (error) {
        if (signal.aborted) throw error;
        this.#set({ state: "queued", message: "The server does not answer; trying again" });
      }
    }
    if (current !== image) this.editor.updateImage(current);
    return current;
  }

  #fetchEmbedding(/** @type {Image} */ image, /** @type {AbortSignal} */ signal) {
    const { url } = image.embedding;
    if (!url)
      return Promise.reject(new Error("The server names no embedding for this image. Reload the page."));
    return getFile(url, { signal, priority: "high" });
  }

  /** One worker for all images of a model. */
  #startDecoder(/** @type {string} */ digest) {
    if (this.#decoder?.digest === digest) return this.#decoder.client;
    this.#decoder?.client.then(
      (client) => client.dispose(),
      () => {},
    );
    const client = this.#loadDecoder(digest);
    this.#decoder = { digest, client };
    client.catch(() => {
      if (this.#decoder?.digest === digest) this.#decoder = null; // the next look tries again
    });
    return client;
  }

  async #loadDecoder(/** @type {string} */ digest) {
    const model = await getModel(digest);
    const client = await DecoderClient.start(model);
    this.model = { name: model.name, threads: client.backend.threads };
    this.dispatchEvent(new Event("model"));
    return client;
  }

  #set(/** @type {Preparation} */ preparation) {
    this.preparation = preparation;
    this.dispatchEvent(new Event("preparation"));
  }
}

function pause(/** @type {number} */ ms, /** @type {AbortSignal} */ signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

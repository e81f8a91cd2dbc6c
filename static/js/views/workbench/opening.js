/**
 * Opening an image: photograph and annotations first, so that one can look and paint at once; the embedding as soon as
 * the server has it. Then the next images are fetched ahead.
 */

import { embedImage, getImage } from "../../api.js";
import { t } from "../../core/translate.js";
import { ask, fetchEmbedding } from "./asked.js";
import { freshen } from "./freshen.js";
import { loadPicture } from "./photograph.js";
import { Prefetch } from "./prefetch.js";
import { Quiet } from "./quiet.js";

/** @typedef {import("../../types.js").Image} Image */

/**
 * How far the image is from the first click.
 * @typedef {object} Preparation
 * @property {"loading" | "queued" | "running" | "failed" | "ready"} state
 * @property {string} message  for the person; empty when ready
 */

/** @typedef {import("./asked.js").Asked} Asked */

const POLL_MS = 700;

export class Opening extends EventTarget {
  /** @type {AbortController} */
  #current = new AbortController();
  #prefetch;
  #quiet;
  #startedAt = 0;
  /** @type {Preparation} */
  preparation = { state: "loading", message: t("Opening the image") };

  /**
   * @param {import("../../editor.js").Editor} editor
   * @param {import("../../canvas.js").Stage} stage
   * @param {import("./saving.js").Saving} saving
   * @param {import("./decoders.js").Decoders} decoders
   * @param {import("./queue.js").Queue} queue
   */
  constructor(editor, stage, saving, decoders, queue) {
    super();
    this.editor = editor;
    this.stage = stage;
    this.#prefetch = new Prefetch({
      firstView: (image) => stage.firstView(image),
      prepare: (image, embedding) => decoders.prepareAhead(image, embedding),
      whenQuiet: (signal) => this.#quiet.wait(signal),
    });
    this.#quiet = new Quiet(stage.host, editor);
    this.saving = saving;
    this.decoders = decoders;
    this.queue = queue;
    queue.addEventListener("change", () => this.refreshNeighbours());
  }

  /** Images after this one that are here already, complete. */
  get ahead() {
    return this.#prefetch.ready;
  }

  /**
   * Show another image. Returns when it can be looked at; the embedding may still be on its way. On failure the image
   * before stays.
   *
   * @param {number} id
   * @param {Asked} [asked] requests that are on their way already
   */
  async open(id, asked) {
    await this.editor.idle();
    this.editor.flushDraft();
    this.#current.abort();
    this.#current = new AbortController();
    const { signal } = this.#current;
    const before = this.preparation;
    this.#startedAt = performance.now();
    try {
      await this.#show(id, asked ?? ask(id, { signal, filter: this.queue.asked }), signal);
    } catch (error) {
      if (!signal.aborted) this.#set(before);
      throw error;
    }
  }

  async #show(/** @type {number} */ id, /** @type {Asked} */ asked, /** @type {AbortSignal} */ signal) {
    signal.addEventListener("abort", () => asked.fetching?.abort());
    const found = this.#prefetch.take(id);
    // What was not ready when it was fetched ahead may be ready now.
    const ahead = found?.embedding ? found : null;
    const draft = this.saving.openDraft(id);
    const image = ahead?.image ?? (await asked.image);
    this.#set({ state: "loading", message: t("Loading the embedding") });
    const { url, model_digest: digest } = image.embedding;
    const anew = () => fetchEmbedding(image, { signal });
    const embedding = url ? ((ahead ?? asked).embedding?.catch(anew) ?? anew()) : undefined;
    embedding?.catch(() => {}); // told when it is needed, as is a decoder that does not start
    if (digest) this.decoders.start(digest).catch(() => {});
    const load = () => loadPicture(image);
    const loading = (found?.picture ?? asked.picture)?.catch(load) ?? load();
    const known = ahead?.annotations.catch(() => asked.annotations) ?? asked.annotations;
    const annotations = await this.saving.withPending(id, await known);
    const picture = await loading;
    const stored = await draft;
    if (signal.aborted) {
      picture.close();
      throw signal.reason;
    }
    this.stage.setImage(picture);
    this.editor.open(image, annotations, stored);
    this.#prepare(image, { embedding, decoder: asked.decoder }, signal);
    if (ahead) this.#refresh(asked, annotations, signal);
  }

  /** What was fetched ahead is on screen; take in what has changed since. */
  async #refresh(
    /** @type {Asked} */ asked,
    /** @type {import("../../types.js").Annotation[]} */ shown,
    /** @type {AbortSignal} */ signal,
  ) {
    try {
      const [image, annotations] = await Promise.all([asked.image, asked.annotations]);
      const fresh = await this.saving.withPending(image.id, annotations);
      if (signal.aborted) return;
      this.editor.updateImage(image);
      freshen(this.editor, shown, fresh);
    } catch {
      // The server is away: what was fetched ahead stays, and saving finds conflicts.
    }
  }

  /** The image stays; its neighbours may be others. */
  async refreshNeighbours() {
    const { image } = this.editor;
    if (!image) return;
    const { signal } = this.#current;
    try {
      const fresh = await getImage(image.id, { signal, filter: this.queue.asked });
      this.editor.updateImage({ ...this.editor.image, ...fresh });
      await this.#fetchAhead(fresh);
    } catch {
      // The next image that is opened tells its neighbours.
    }
  }

  async #fetchAhead(/** @type {Image} */ image) {
    this.#quiet.disturb();
    if (await this.#prefetch.around(image, this.queue.asked)) this.dispatchEvent(new Event("ahead"));
  }

  /** Ask again for an embedding that failed. */
  async retry() {
    const { image } = this.editor;
    if (!image) return;
    const { signal } = this.#current;
    const fresh = await embedImage(image.id);
    if (signal.aborted) return;
    this.editor.updateImage({ ...image, embedding: fresh.embedding });
    this.#prepare(this.editor.image ?? image, {}, signal);
  }

  /**
   * @param {Image} image
   * @param {Pick<Asked, "embedding" | "decoder">} asked on its way already
   * @param {AbortSignal} signal
   */
  async #prepare(image, { embedding, decoder }, signal) {
    try {
      const ready = await this.#untilReady(image, signal);
      if (!ready || signal.aborted) return;
      const load = (/** @type {Asked["embedding"]} */ from) => this.decoders.load(ready, from, signal);
      // What failed has used its embedding up.
      const client = await (decoder && ready === image
        ? decoder.catch(() => load(undefined))
        : load(embedding));
      if (signal.aborted) return;
      this.editor.attachDecoder(client);
      this.#set({ state: "ready", message: "" });
      performance.measure("image-switch", { start: this.#startedAt });
      this.#fetchAhead(ready);
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
          message: current.embedding.message ?? t("The server could not prepare it."),
        });
        return null;
      }
      if (current.embedding.state === "none") {
        current = { ...current, embedding: (await embedImage(image.id)).embedding };
      }
      const state = current.embedding.state === "running" ? "running" : "queued";
      this.#set({ state, message: current.embedding.message ?? "" });
      await pause(POLL_MS, signal);
      try {
        current = await getImage(image.id, { signal, filter: this.queue.asked });
      } catch (error) {
        if (signal.aborted) throw error;
        this.#set({ state: "queued", message: t("The server does not answer; trying again") });
      }
    }
    if (current !== image) this.editor.updateImage(current);
    return current;
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

/** The decoder on WebGPU, in a worker of its own: compiling it takes seconds, in which this one goes on answering. */

import { DecoderError } from "./runtime.js";
import { cutMasks } from "./windows.js";

/** @typedef {import("./messages.js").BackendChoice} BackendChoice */
/** @typedef {import("./messages.js").GpuReply} GpuReply */
/** @typedef {import("./messages.js").GpuRequest} GpuRequest */
/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("./session.js").Answer} Answer */
/** @template Prepared @typedef {import("./session.js").DecoderSession<Prepared>} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */
/** @typedef {{values: Float32Array, shape: readonly number[]}} Embedding */

/** Downloading the runtime, 27 MB, and compiling the graph. */
const OPEN_MS = 120_000;
/** The first click compiles the shaders; no card that is worth it takes longer. */
const FIRST_CLICK_MS = 30_000;
const CLICK_MS = 5_000;

/**
 * @param {ModelInfo} model
 * @param {string} runtimeUrl of the runtime with WebGPU
 * @param {BackendChoice} choice auto: not on an adapter that is software
 * @returns {Promise<GpuDecoder>}
 * @throws {DecoderError} gpu_absent, or why it did not start
 */
export async function openGpuDecoder(model, runtimeUrl, choice) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter || (choice === "auto" && adapter.info.isFallbackAdapter)) {
    throw new DecoderError("gpu_absent", "This browser gives no graphics card.");
  }
  const worker = new Worker(new URL("./gpu_worker.js", import.meta.url), { type: "module", name: "gpu" });
  const decoder = new GpuDecoder(worker, model);
  await decoder.open(runtimeUrl);
  return decoder;
}

/** @implements {DecoderSession<Embedding>} */
export class GpuDecoder {
  #worker;
  #model;
  /** @type {{resolve: (reply: GpuReply) => void, reject: (error: DecoderError) => void} | null} */
  #asked = null;
  /** The embedding that the worker holds. @type {Float32Array | null} */
  #held = null;
  #limit = FIRST_CLICK_MS;
  #tellLost = () => {};
  /** Resolves when it will not answer any more, unless it was disposed of. @type {Promise<void>} */
  lost = new Promise((resolve) => {
    this.#tellLost = resolve;
  });

  /** Use `openGpuDecoder`. @param {Worker} worker @param {ModelInfo} model */
  constructor(worker, model) {
    this.#worker = worker;
    this.#model = model;
    worker.addEventListener("message", ({ data }) => this.#receive(data));
    worker.addEventListener("error", ({ message }) => this.#receive({ lost: message }));
  }

  /** @param {string} runtimeUrl */
  async open(runtimeUrl) {
    try {
      await this.#ask({ type: "open", model: this.#model, runtimeUrl }, OPEN_MS);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Embedding>} */
  async prepare(values, shape) {
    return { values, shape };
  }

  /** @param {Embedding} embedding @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<Answer>} */
  async run(embedding, prompts, maskInput) {
    const fresh = this.#held === embedding.values ? null : embedding;
    this.#held = embedding.values;
    const { iou, logits } = await this.#ask(
      { type: "run", embedding: fresh, prompts, maskInput },
      this.#limit,
    );
    this.#limit = CLICK_MS;
    return { iou, draw: async (masks, window) => cutMasks(logits, this.#model.maskSize, masks, window) };
  }

  dispose() {
    this.#worker.terminate();
    this.#asked?.reject(new DecoderError("disposed", "The decoder on WebGPU was stopped."));
    this.#asked = null;
  }

  /** One question at a time: the decoder's requests come one after the other.
   * @param {GpuRequest} request @param {number} limit milliseconds @returns {Promise<any>} */
  #ask(request, limit) {
    const timer = setTimeout(() => this.#receive({ lost: `no answer within ${limit} ms` }), limit);
    const answered = new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#worker.postMessage(request);
    });
    return answered.finally(() => clearTimeout(timer));
  }

  /** @param {GpuReply} reply */
  #receive(reply) {
    const asked = this.#asked;
    this.#asked = null;
    if (!("lost" in reply)) return asked?.resolve(reply);
    asked?.reject(new DecoderError("gpu_lost", reply.lost));
    this.#tellLost();
  }
}

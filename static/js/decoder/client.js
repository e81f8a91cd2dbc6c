/**
 * The one bridge to the decoder's worker. At most one decode runs; of those that wait only the newest is kept, clicks go
 * before hover previews, and a request whose answer nobody needs any more resolves to null.
 */

import { placed } from "../core/crop.js";
import { Sketch } from "../core/sketch.js";
import { upsample } from "../core/upsample.js";
import { modelInfo } from "./model_info.js";
import { reasonOf } from "./reasons.js";
import { DecoderError, RUNTIME_URL, threadsHere } from "./runtime.js";
import { cellCount, place } from "./windows.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/crop.js").Crop} Crop */
/** @typedef {import("../core/geometry.js").Frame} Frame */
/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./messages.js").Backend} Backend */
/** @typedef {import("./messages.js").Candidate} Candidate */
/** @typedef {import("./messages.js").DecodeReply} DecodeReply */
/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("./messages.js").Reply} Reply */
/** @typedef {import("./messages.js").Requests} Requests */
/** @typedef {import("./messages.js").RequestType} RequestType */
/** @typedef {import("./messages.js").Rest} Rest */
/** @typedef {import("../types.js").Model} Model */

/**
 * The model's answer to one set of prompts.
 * @typedef {object} Decoded
 * @property {readonly Candidate[]} candidates in the order they are offered
 * @property {boolean} ambiguous they are readings of one prompt that may mean several things
 * @property {(index: number) => Bitmap} mask full-resolution bitmap of candidates[index], a new one each time
 * @property {{decode: number, upsample: number, wait: number}} timings milliseconds; wait: from the call to the worker's
 *   start, while an earlier decode finished
 * @property {Crop | null} crop the closer look that answered
 * @property {Sketch} sketch the masks as the logits show them
 */

/**
 * @typedef {object} Waiting
 * @property {Prompts} prompts
 * @property {Float32Array | null} maskInput
 * @property {boolean} hover
 * @property {number} since performance.now() at the call
 * @property {boolean} stale a later request made the answer useless
 * @property {(decoded: Decoded | null) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/** The runtime with WebGPU, which is larger: fetched only where it is tried. */
export const GPU_RUNTIME_URL = new URL("./ort.webgpu.min.mjs", RUNTIME_URL).href;

export class DecoderClient {
  #worker;
  #model;
  #nextId = 1;
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: unknown) => void}>} */
  #calls = new Map();
  /** @type {{click: Waiting | null, hover: Waiting | null}} */
  #waiting = { click: null, hover: null };
  /** @type {Waiting | null} */
  #running = null;
  /** Set once the worker is unusable. @type {DecoderError | null} */
  #broken = null;
  /** @type {Frame | null} */
  #frame = null;
  /** @type {Frame | null} */
  #cropFrame = null;
  /** What the decoder runs on. @type {Backend} */
  backend = { backend: "wasm", threads: 1, isolated: false, webgpu: null };
  #changed;

  /** Use `start`. @param {Worker} worker @param {ModelInfo} model @param {() => void} changed */
  constructor(worker, model, changed) {
    this.#worker = worker;
    this.#model = model;
    this.#changed = changed;
    worker.addEventListener("message", (event) => this.#receive(event.data));
    worker.addEventListener("error", (event) => {
      this.#fail(
        new DecoderError("worker_failed", reasonOf({ code: "worker_failed", message: "" }), {
          cause: event.message,
        }),
      );
    });
  }

  /**
   * Start a worker with a model's decoder.
   * @param {Pick<Model, "digest" | "config" | "decoder">} model
   * @param {{threads?: number, runtimeUrl?: string, changed?: () => void}} [options] threads: at most; one when the page is
   *   not isolated. changed: `backend` is another one from now on, or more is known of it
   * @returns {Promise<DecoderClient>}
   * @throws {DecoderError} with a code and a message that tells the remedy
   */
  static async start(model, { threads, runtimeUrl = RUNTIME_URL, changed = () => {} } = {}) {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "decoder" });
    const client = new DecoderClient(worker, modelInfo(model), changed);
    try {
      client.backend = await client.#call("start", {
        model: client.#model,
        threads: threads ?? threadsHere(),
        runtimeUrl: new URL(runtimeUrl, globalThis.location.href).href,
      });
    } catch (error) {
      client.dispose();
      throw error;
    }
    return client;
  }

  get modelDigest() {
    return this.#model.digest;
  }

  /**
   * Run on WebGPU, or not, or on whichever is better. It is tried when nobody waits; `changed` tells the result.
   * @param {import("./messages.js").BackendChoice} choice
   * @param {import("./messages.js").Verdict | null} known the result of an earlier time
   */
  async prefer(choice, known) {
    await this.#call("prefer", { choice, known, runtimeUrl: GPU_RUNTIME_URL });
  }

  /** How the current image sits in the model's input; null before an embedding is loaded. */
  get frame() {
    return this.#frame;
  }

  /** How the part that is looked at closely sits in the model's input; null when there is none. */
  get cropFrame() {
    return this.#cropFrame;
  }

  /**
   * Make `buffer` the embedding of the image being edited. Decodes of the image before resolve to null.
   * @param {ArrayBuffer} buffer safetensors file; handed over to the worker, empty afterwards
   * @param {{imageSha256: string, width: number, height: number}} image what the embedding must belong to
   * @returns {Promise<Frame>}
   * @throws {DecoderError} embedding_mismatch or embedding_malformed; no embedding is loaded then
   */
  async loadEmbedding(buffer, image) {
    this.cancel();
    this.#frame = null;
    this.#cropFrame = null;
    const expected = { modelDigest: this.#model.digest, ...image };
    const frame = await this.#call("embedding", { buffer, expected }, [buffer]);
    this.#frame = frame;
    return frame;
  }

  /**
   * Get an image ready that may be edited next; the one being edited stays.
   * @param {ArrayBuffer} buffer safetensors file; handed over to the worker, empty afterwards
   * @param {{imageSha256: string, width: number, height: number}} image what the embedding must belong to
   * @throws {DecoderError} like loadEmbedding
   */
  async prepareAhead(buffer, image) {
    const expected = { modelDigest: this.#model.digest, ...image };
    await this.#call("ahead", { buffer, expected }, [buffer]);
  }

  /**
   * Edit an image that is ready: the next, the one before. Otherwise nothing changes.
   * @param {{imageSha256: string, width: number, height: number}} image
   * @returns {Promise<boolean>} it was
   */
  async recall(image) {
    const frame = await this.#call("recall", { expected: { modelDigest: this.#model.digest, ...image } });
    if (!frame) return false;
    this.cancel();
    this.#frame = frame;
    this.#cropFrame = null;
    return true;
  }

  /**
   * Look at a part of the image closely: prompts that name this crop are answered from it.
   * @param {ArrayBuffer} buffer safetensors file; handed over to the worker, empty afterwards
   * @param {{imageSha256: string, crop: Crop}} part what the embedding must belong to
   * @throws {DecoderError} like loadEmbedding; the image's own embedding stays
   */
  async loadCrop(buffer, { imageSha256, crop }) {
    const [x0, y0, x1, y1] = crop;
    const size = { width: x1 - x0, height: y1 - y0 };
    const expected = { modelDigest: this.#model.digest, imageSha256, ...size, crop };
    const frame = await this.#call("embedding", { buffer, expected }, [buffer]);
    this.#cropFrame = { ...frame, origin: [x0, y0] };
  }

  /**
   * Ask for masks.
   * @param {Prompts} prompts image frame, at least one point or box
   * @param {object} [options]
   * @param {Float32Array | null} [options.maskInput] logits of an earlier candidate
   * @param {boolean} [options.hover] a preview: waits behind clicks, clicks make it void, and it has one candidate, whose
   *   logits are no mask prompt
   * @returns {Promise<Decoded | null>} null when a later request took its place
   */
  decode(prompts, { maskInput = null, hover = false } = {}) {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const request = { prompts, maskInput, hover, since: performance.now(), stale: false, resolve, reject };
      this.#drop("hover");
      if (hover) {
        this.#waiting.hover = request;
      } else {
        this.#drop("click");
        this.#waiting.click = request;
        // A running hover still shows something useful while newer hovers wait; under a click it does not.
        if (this.#running) this.#running.stale = true;
      }
      this.#pump();
    });
  }

  /** The current image's embedding, to compare its places. @returns {Promise<import("../core/similar.js").Features>} */
  features() {
    return this.#call("features", null);
  }

  /** Give up every decode that has not been answered; they resolve to null. */
  cancel() {
    this.#drop("hover");
    this.#drop("click");
    if (this.#running) this.#running.stale = true;
  }

  /** Stop the worker. The client cannot be used afterwards. */
  dispose() {
    this.cancel();
    this.#fail(new DecoderError("disposed", "The decoder was stopped."));
    this.#worker.terminate();
  }

  /** @param {"click" | "hover"} slot */
  #drop(slot) {
    this.#waiting[slot]?.resolve(null);
    this.#waiting[slot] = null;
  }

  async #pump() {
    if (this.#running) return;
    const request = this.#waiting.click ?? this.#waiting.hover;
    if (!request) return;
    this.#waiting[request.hover ? "hover" : "click"] = null;
    this.#running = request;
    const wait = performance.now() - request.since;
    try {
      const { prompts, maskInput, hover } = request;
      const reply = await this.#call("decode", { prompts, maskInput, first: hover });
      request.resolve(request.stale ? null : this.#decoded(reply, wait, prompts.crop ?? null));
      if (reply.unfinished && !request.stale)
        this.#complete(reply.candidates, await this.#call("rest", null));
    } catch (error) {
      if (request.stale) request.resolve(null);
      else request.reject(error);
    }
    this.#running = null;
    this.#pump();
  }

  /** Fill in what nobody had to wait for; before this the next decode does not start.
   * @param {readonly Candidate[]} candidates @param {Rest} rest */
  #complete(candidates, { window, values }) {
    const count = cellCount(window);
    for (const [i, { logits }] of candidates.entries()) {
      place(logits, this.#model.maskSize[1], values.subarray(i * count, (i + 1) * count), window);
    }
  }

  /** @param {DecodeReply} reply @param {number} wait @param {Crop | null} crop @returns {Decoded | null} */
  #decoded({ candidates, ambiguous, bitmap, timings }, wait, crop) {
    const image = this.#frame;
    const frame = crop ? this.#cropFrame : image;
    if (!image || !frame) return null;
    const [height, width] = image.original;
    /** @type {Bitmap | null} */
    let ready = bitmap;
    const mask = (/** @type {number} */ index) => {
      const first = index === 0 ? ready : null;
      if (first) ready = null;
      const found = first ?? upsample(candidates[index].logits, frame, this.#model.threshold);
      return crop ? placed(found, crop, { width, height }) : found;
    };
    const logits = candidates.map((candidate) => candidate.logits);
    const sketch = new Sketch(logits, frame, this.#model.threshold, crop);
    return { candidates, ambiguous, mask, timings: { ...timings, wait }, crop, sketch };
  }

  /**
   * @template {RequestType} Type
   * @param {Type} type
   * @param {Requests[Type]["payload"]} payload
   * @param {Transferable[]} [transfer]
   * @returns {Promise<Requests[Type]["reply"]>}
   */
  #call(type, payload, transfer = []) {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, type, payload }, transfer);
    });
  }

  /** @param {Reply | import("./messages.js").BackendChange} message */
  #receive(message) {
    if ("changed" in message) {
      this.backend = message.changed;
      this.#changed();
      return;
    }
    const { id, result, error } = message;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(new DecoderError(error.code, reasonOf(error), { cause: error.message }));
    else call?.resolve(result);
  }

  /** @param {DecoderError} error */
  #fail(error) {
    this.#broken ??= error;
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}

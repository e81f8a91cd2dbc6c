/** A model's decoder in onnxruntime-web. Knows the graphs' inputs and outputs, and nothing of workers or images. */

import { ClickGraphs } from "./click_graphs.js";
import { loadGraphFile, loadRuntime, openGraph } from "./runtime.js";

/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("onnxruntime-web").Tensor} Tensor */
/** @typedef {import("./runtime.js").Runtime} Runtime */

/**
 * Prompts in the model's input frame, as core/prompts.js packs them.
 * @typedef {{coords: Float32Array, labels: Float32Array, count: number}} Packed
 */

/**
 * What a click needs of an image; only the session that made it can read it.
 * @typedef {Readonly<Record<string, Tensor>>} Prepared
 */

/**
 * @typedef {object} DecoderSession
 * @property {(values: Float32Array, shape: readonly number[]) => Promise<Prepared>} prepare an embedding (channels,
 *   height, width) for clicks
 * @property {(prepared: Prepared, prompts: Packed, maskInput: Float32Array | null) =>
 *   Promise<{logits: Float32Array, iou: Float32Array}>} run maskInput: (mask height, mask width) logits; gives logits
 *   (masks, mask height, mask width) and iou (masks)
 */

/**
 * @param {ModelInfo} model
 * @param {number} threads
 * @param {string} runtimeUrl
 * @returns {Promise<DecoderSession>}
 */
export async function openDecoder(model, threads, runtimeUrl) {
  const { graphs } = model;
  const runtime = loadRuntime(runtimeUrl, threads);
  if (!graphs) {
    const [ort, file] = await Promise.all([runtime, loadGraphFile(model.whole)]);
    return new WholeDecoder(ort, await openGraph(ort, file), model.maskSize);
  }
  // Whatever arrives first is opened first: the small prelude compiles the runtime while the click downloads.
  const open = async (/** @type {import("./messages.js").GraphFile} */ file) =>
    openGraph(...(await Promise.all([runtime, loadGraphFile(file)])));
  const [ort, prelude, click, maskFile] = await Promise.all([
    runtime,
    open(graphs.prelude),
    open(graphs.click),
    loadGraphFile(graphs.mask_prompt),
  ]);
  return new ClickGraphs(ort, { prelude, click, maskFile }, model.maskSize);
}

/** The decoder as one graph, for models that have no others. @implements {DecoderSession} */
export class WholeDecoder {
  #ort;
  #session;
  #maskShape;
  #noMask;

  /** @param {Runtime} ort @param {import("onnxruntime-web").InferenceSession} session @param {readonly number[]} maskSize */
  constructor(ort, session, [rows, columns]) {
    this.#ort = ort;
    this.#session = session;
    this.#maskShape = [1, 1, rows, columns];
    this.#noMask = new ort.Tensor("float32", new Float32Array(rows * columns), this.#maskShape);
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Prepared>} */
  async prepare(values, shape) {
    return { image_embeddings: new this.#ort.Tensor("float32", values, [1, ...shape]) };
  }

  /** @param {Prepared} prepared @param {Packed} prompts @param {Float32Array | null} maskInput */
  async run(prepared, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const outputs = await this.#session.run({
      ...prepared,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_input: maskInput ? new Tensor("float32", maskInput, this.#maskShape) : this.#noMask,
      has_mask_input: new Tensor("float32", Float32Array.of(maskInput ? 1 : 0), [1]),
    });
    return {
      logits: /** @type {Float32Array} */ (outputs.low_res_logits.data),
      iou: /** @type {Float32Array} */ (outputs.iou_predictions.data),
    };
  }
}

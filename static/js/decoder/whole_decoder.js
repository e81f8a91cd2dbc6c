/** The decoder as one graph: for models that have no others, and where launching many small steps is what costs. */

import { cutMasks } from "./windows.js";

/** @typedef {import("onnxruntime-web").Tensor} Tensor */
/** @template Prepared @typedef {import("./session.js").DecoderSession<Prepared>} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */

/**
 * What one run gives: predicted IoU (masks), and logits (masks, mask height, mask width).
 * @typedef {{iou: Float32Array, logits: Float32Array}} WholeAnswer
 */

/** @implements {DecoderSession<Tensor>} */
export class WholeDecoder {
  #ort;
  #session;
  #maskShape;
  #noMask;

  /** @param {import("./runtime.js").Runtime} ort @param {import("onnxruntime-web").InferenceSession} session
   * @param {readonly number[]} maskSize [height, width] */
  constructor(ort, session, [rows, columns]) {
    this.#ort = ort;
    this.#session = session;
    this.#maskShape = [1, 1, rows, columns];
    this.#noMask = new ort.Tensor("float32", new Float32Array(rows * columns), this.#maskShape);
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Tensor>} */
  async prepare(values, shape) {
    return new this.#ort.Tensor("float32", values, [1, ...shape]);
  }

  /** @param {Tensor} embedding @param {Packed} prompts @param {Float32Array | null} maskInput
   * @returns {Promise<import("./session.js").Answer>} */
  async run(embedding, prompts, maskInput) {
    const { iou, logits } = await this.runWhole(embedding, prompts, maskInput);
    return { iou, draw: async (masks, window) => cutMasks(logits, this.#maskShape.slice(2), masks, window) };
  }

  /** @param {Tensor} embedding @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<WholeAnswer>} */
  async runWhole(embedding, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const outputs = await this.#session.run({
      image_embeddings: embedding,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_input: maskInput ? new Tensor("float32", maskInput, this.#maskShape) : this.#noMask,
      has_mask_input: new Tensor("float32", Float32Array.of(maskInput ? 1 : 0), [1]),
    });
    return {
      iou: /** @type {Float32Array} */ (outputs.iou_predictions.data),
      logits: /** @type {Float32Array} */ (outputs.low_res_logits.data),
    };
  }
}

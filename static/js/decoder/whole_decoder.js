/** The decoder as one graph, for models that have no others. */

import { cellCount, cut } from "./windows.js";

/** @typedef {import("./session.js").Answer} Answer */
/** @typedef {import("./session.js").DecoderSession} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */
/** @typedef {import("./session.js").Prepared} Prepared */

/** @implements {DecoderSession} */
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

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Prepared>} */
  async prepare(values, shape) {
    return { image_embeddings: new this.#ort.Tensor("float32", values, [1, ...shape]) };
  }

  /** @param {Prepared} prepared @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<Answer>} */
  async run(prepared, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const outputs = await this.#session.run({
      ...prepared,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_input: maskInput ? new Tensor("float32", maskInput, this.#maskShape) : this.#noMask,
      has_mask_input: new Tensor("float32", Float32Array.of(maskInput ? 1 : 0), [1]),
    });
    const logits = /** @type {Float32Array} */ (outputs.low_res_logits.data);
    const [, , rows, columns] = this.#maskShape;
    return {
      iou: /** @type {Float32Array} */ (outputs.iou_predictions.data),
      draw: async (masks, window) => {
        const count = cellCount(window);
        const values = new Float32Array(masks.length * count);
        for (const [i, mask] of masks.entries()) {
          const one = logits.subarray(mask * rows * columns, (mask + 1) * rows * columns);
          cut(one, columns, window, values.subarray(i * count, (i + 1) * count));
        }
        return values;
      },
    };
  }
}

/**
 * The decoder as four graphs: the prelude runs once per image, the mask prompt before clicks that have one, the click per
 * prompt set, and the upscaling for a part of its masks at a time (annotator/sam/fast_decoder.py).
 */

import { openGraph } from "./runtime.js";
import { CELL } from "./windows.js";

/** @typedef {import("onnxruntime-web").InferenceSession} InferenceSession */
/** @typedef {import("./runtime.js").Runtime} Runtime */
/** @typedef {import("./session.js").Answer} Answer */
/** @template Image @typedef {import("./session.js").DecoderSession<Image>} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */
/** @typedef {Readonly<Record<string, import("onnxruntime-web").Tensor>>} Prepared what the prelude gives */
/** @typedef {import("./windows.js").Window} Window */

/** @implements {DecoderSession<Prepared>} */
export class ClickGraphs {
  #ort;
  #click;
  #prelude;
  #upscale;
  #maskFile;
  #maskShape;
  #noMask;
  /** @type {Promise<InferenceSession> | null} */
  #maskPrompt = null;

  /**
   * @param {Runtime} ort
   * @param {{prelude: InferenceSession, click: InferenceSession, upscale: InferenceSession, maskFile: Uint8Array}} graphs
   *   maskFile is opened by the first mask prompt, so that the first click need not wait for it
   * @param {readonly number[]} maskSize [height, width]
   */
  constructor(ort, { prelude, click, upscale, maskFile }, [rows, columns]) {
    this.#ort = ort;
    this.#click = click;
    this.#prelude = prelude;
    this.#upscale = upscale;
    this.#maskFile = maskFile;
    this.#maskShape = [1, 1, rows, columns];
    const cells = (rows / CELL) * (columns / CELL);
    this.#noMask = new ort.Tensor("float32", new Float32Array(cells), [1, cells]);
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Prepared>} */
  prepare(values, shape) {
    return this.#prelude.run({ image_embeddings: new this.#ort.Tensor("float32", values, [1, ...shape]) });
  }

  /** @param {Prepared} prepared @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<Answer>} */
  async run(prepared, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const { pixels, ...image } = prepared;
    const { iou_predictions, kernels, ...drawing } = await this.#click.run({
      ...image,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_rows: maskInput ? await this.#maskRows(maskInput) : this.#noMask,
    });
    return {
      iou: /** @type {Float32Array} */ (iou_predictions.data),
      draw: async (masks, window) => {
        const outputs = await this.#upscale.run({
          pixels,
          ...drawing,
          kernels: this.#rowsOf(kernels, masks),
          window: new Tensor("int64", BigInt64Array.from(window, BigInt), [4]),
        });
        return /** @type {Float32Array} */ (outputs.low_res_logits.data);
      },
    };
  }

  /** @param {import("onnxruntime-web").Tensor} kernels (masks, channels) @param {readonly number[]} masks */
  #rowsOf({ data, dims }, masks) {
    const width = dims[1];
    const chosen = new Float32Array(masks.length * width);
    for (const [i, mask] of masks.entries()) {
      const values = /** @type {Float32Array} */ (data);
      chosen.set(values.subarray(mask * width, (mask + 1) * width), i * width);
    }
    return new this.#ort.Tensor("float32", chosen, [masks.length, width]);
  }

  /** @param {Float32Array} logits */
  async #maskRows(logits) {
    this.#maskPrompt ??= openGraph(this.#ort, this.#maskFile);
    const session = await this.#maskPrompt;
    const outputs = await session.run({
      mask_input: new this.#ort.Tensor("float32", logits, this.#maskShape),
    });
    return outputs.mask_rows;
  }
}

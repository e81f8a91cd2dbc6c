/**
 * The decoder as three graphs: the prelude runs once per image, the click per prompt set, and the mask prompt before
 * clicks that have one (annotator/sam/fast_decoder.py).
 */

import { openGraph } from "./runtime.js";

/** @typedef {import("onnxruntime-web").InferenceSession} InferenceSession */
/** @typedef {import("./runtime.js").Runtime} Runtime */
/** @typedef {import("./session.js").DecoderSession} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */
/** @typedef {import("./session.js").Prepared} Prepared */

/** Side of an embedding cell in pixels of a mask. */
const CELL = 4;

/** @implements {DecoderSession} */
export class ClickGraphs {
  #ort;
  #click;
  #prelude;
  #maskFile;
  #maskShape;
  #noMask;
  /** @type {Promise<InferenceSession> | null} */
  #maskPrompt = null;

  /**
   * @param {Runtime} ort
   * @param {{prelude: InferenceSession, click: InferenceSession, maskFile: Uint8Array}} graphs maskFile is opened by the
   *   first mask prompt, so that the first click need not wait for it
   * @param {readonly number[]} maskSize [height, width]
   */
  constructor(ort, { prelude, click, maskFile }, [rows, columns]) {
    this.#ort = ort;
    this.#click = click;
    this.#prelude = prelude;
    this.#maskFile = maskFile;
    this.#maskShape = [1, 1, rows, columns];
    const cells = (rows / CELL) * (columns / CELL);
    this.#noMask = new ort.Tensor("float32", new Float32Array(cells), [1, cells]);
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Prepared>} */
  prepare(values, shape) {
    return this.#prelude.run({ image_embeddings: new this.#ort.Tensor("float32", values, [1, ...shape]) });
  }

  /** @param {Prepared} prepared @param {Packed} prompts @param {Float32Array | null} maskInput */
  async run(prepared, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const outputs = await this.#click.run({
      ...prepared,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_rows: maskInput ? await this.#maskRows(maskInput) : this.#noMask,
    });
    return {
      logits: /** @type {Float32Array} */ (outputs.low_res_logits.data),
      iou: /** @type {Float32Array} */ (outputs.iou_predictions.data),
    };
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

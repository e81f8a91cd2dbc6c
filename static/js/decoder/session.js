/** The decoder graph in onnxruntime-web. Knows the graph's inputs and outputs, and nothing of workers or images. */

/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {typeof import("onnxruntime-web")} Runtime */

/** A failure with a code for programs and a message for people. */
export class DecoderError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "DecoderError";
    this.code = code;
  }
}

/**
 * Load the runtime (once a worker).
 * @param {string} runtimeUrl absolute URL of ort.wasm.min.mjs; its .mjs and .wasm lie beside it
 * @param {number} threads
 * @returns {Promise<Runtime>}
 */
async function loadRuntime(runtimeUrl, threads) {
  /** @type {Runtime} */
  let ort;
  try {
    ort = await import(runtimeUrl);
  } catch (error) {
    throw new DecoderError(
      "runtime_unavailable",
      `The inference runtime did not load from ${runtimeUrl} (${error}). Run the set-up again, then reload.`,
    );
  }
  ort.env.wasm.wasmPaths = new URL("./", runtimeUrl).href;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

/** @param {ModelInfo} model @returns {Promise<Uint8Array>} */
async function loadModelFile({ url, bytes }) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new DecoderError("offline", "The decoder could not be downloaded: the server does not answer.");
  }
  if (!response.ok) {
    throw new DecoderError(
      "model_unavailable",
      `The server answered ${response.status} for the decoder file.`,
    );
  }
  const file = new Uint8Array(await response.arrayBuffer());
  if (bytes > 0 && file.length !== bytes) {
    throw new DecoderError(
      "model_truncated",
      `The decoder file has ${file.length} bytes, expected ${bytes}. Reload the page.`,
    );
  }
  return file;
}

/** One model's click graph with its constant inputs. */
export class DecoderSession {
  #ort;
  #session;
  #model;
  #noMask;

  /** @param {Runtime} ort @param {import("onnxruntime-web").InferenceSession} session @param {ModelInfo} model */
  constructor(ort, session, model) {
    this.#ort = ort;
    this.#session = session;
    this.#model = model;
    const [rows, columns] = model.maskSize;
    this.#noMask = new ort.Tensor("float32", new Float32Array(rows * columns), [1, 1, rows, columns]);
  }

  /**
   * @param {ModelInfo} model
   * @param {number} threads
   * @param {string} runtimeUrl
   * @returns {Promise<DecoderSession>}
   */
  static async create(model, threads, runtimeUrl) {
    const [ort, file] = await Promise.all([loadRuntime(runtimeUrl, threads), loadModelFile(model)]);
    try {
      const session = await ort.InferenceSession.create(file, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      return new DecoderSession(ort, session, model);
    } catch (error) {
      throw new DecoderError("model_invalid", `The runtime does not accept the decoder file: ${error}`);
    }
  }

  /**
   * @param {Float32Array} values (channels, height, width)
   * @param {readonly number[]} shape [channels, height, width]
   * @returns {import("onnxruntime-web").Tensor}
   */
  embeddingTensor(values, shape) {
    return new this.#ort.Tensor("float32", values, [1, ...shape]);
  }

  /**
   * @param {import("onnxruntime-web").Tensor} embedding (1, channels, height, width)
   * @param {{coords: Float32Array, labels: Float32Array, count: number}} prompts packed, model input frame
   * @param {Float32Array | null} maskInput (mask height, mask width) logits
   * @returns {Promise<{logits: Float32Array, iou: Float32Array}>} logits (masks, mask height, mask width), iou (masks)
   */
  async run(embedding, { coords, labels, count }, maskInput) {
    const { Tensor } = this.#ort;
    const [rows, columns] = this.#model.maskSize;
    if (maskInput && maskInput.length !== rows * columns) {
      throw new DecoderError(
        "mask_mismatch",
        `The mask prompt has ${maskInput.length} logits, expected ${rows * columns}.`,
      );
    }
    const outputs = await this.#session.run({
      image_embeddings: embedding,
      point_coords: new Tensor("float32", coords, [1, count, 2]),
      point_labels: new Tensor("float32", labels, [1, count]),
      mask_input: maskInput ? new Tensor("float32", maskInput, [1, 1, rows, columns]) : this.#noMask,
      has_mask_input: new Tensor("float32", Float32Array.of(maskInput ? 1 : 0), [1]),
    });
    return {
      logits: /** @type {Float32Array} */ (outputs.low_res_logits.data),
      iou: /** @type {Float32Array} */ (outputs.iou_predictions.data),
    };
  }
}

/** A model's decoder in onnxruntime-web. Knows the graphs' inputs and outputs, and nothing of workers or images. */

import { ByLength } from "./by_length.js";
import { ClickGraphs } from "./click_graphs.js";
import { loadGraphFile, loadRuntime, openGraph } from "./runtime.js";
import { WholeDecoder } from "./whole_decoder.js";

/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("./runtime.js").Runtime} Runtime */

/**
 * Prompts in the model's input frame, as core/prompts.js packs them.
 * @typedef {{coords: Float32Array, labels: Float32Array, count: number}} Packed
 */

/**
 * The model's answer to one prompt set.
 * @typedef {object} Answer
 * @property {Float32Array} iou predicted IoU of each mask
 * @property {(masks: readonly number[], window: import("./windows.js").Window) => Promise<Float32Array>} draw logits of these
 *   masks in a window, mask after mask, row by row; may be called again after later runs
 */

/**
 * @template Prepared what a click needs of an image; only the session that made it can read it
 * @typedef {object} DecoderSession
 * @property {(values: Float32Array, shape: readonly number[]) => Promise<Prepared>} prepare an embedding (channels,
 *   height, width) for clicks
 * @property {(prepared: Prepared, prompts: Packed, maskInput: Float32Array | null) => Promise<Answer>} run maskInput:
 *   (mask height, mask width) logits
 */

/**
 * @param {ModelInfo} model
 * @param {number} threads
 * @param {string} runtimeUrl
 * @returns {Promise<DecoderSession<any>>}
 */
export async function openDecoder(model, threads, runtimeUrl) {
  const { graphs } = model;
  const runtime = loadRuntime(runtimeUrl, threads);
  const openWhole = async () => {
    const [ort, file] = await Promise.all([runtime, loadGraphFile(model.whole)]);
    return new WholeDecoder(ort, await openGraph(ort, file), model.maskSize);
  };
  if (!graphs) return openWhole();
  // Whatever arrives first is opened first: the small graphs while the click downloads.
  const open = async (
    /** @type {import("./messages.js").GraphFile} */ file,
    /** @type {"basic" | "disabled"} */ optimisation,
  ) => {
    const [ort, bytes] = await Promise.all([runtime, loadGraphFile(file)]);
    return openGraph(ort, bytes, optimisation);
  };
  const [ort, prelude, upscale, click, maskFile] = await Promise.all([
    runtime,
    open(graphs.prelude, "basic"), // its position codes, which serve every image
    open(graphs.upscale, "disabled"),
    open(graphs.click, "disabled"),
    loadGraphFile(graphs.mask_prompt),
  ]);
  const clicks = new ClickGraphs(ort, { prelude, click, upscale, maskFile }, model.maskSize);
  return new ByLength(clicks, openWhole);
}

/**
 * The worker that runs the whole decoder on WebGPU: a graphics card does the arithmetic that the click's graphs save in no time,
 * and what costs there is launching steps, of which the whole decoder has fewer.
 */

import { DecoderError, loadGraphFile, loadRuntime } from "./runtime.js";
import { WholeDecoder } from "./whole_decoder.js";

/** @typedef {import("./messages.js").GpuReply} GpuReply */
/** @typedef {import("./messages.js").GpuRequest} GpuRequest */

/** @type {WholeDecoder | null} */
let decoder = null;
/** @type {import("onnxruntime-web").Tensor | null} */
let embedding = null;

/** @param {Extract<GpuRequest, {type: "open"}>} request @returns {Promise<GpuReply>} */
async function open({ model, runtimeUrl }) {
  const [ort, file] = await Promise.all([loadRuntime(runtimeUrl, 1), loadGraphFile(model.whole)]);
  ort.env.webgpu.powerPreference = "high-performance";
  const session = await ort.InferenceSession.create(file, { executionProviders: ["webgpu"] });
  const device = await ort.env.webgpu.device;
  device?.lost.then(({ message }) => self.postMessage(/** @type {GpuReply} */ ({ lost: message })));
  decoder = new WholeDecoder(ort, session, model.maskSize);
  return { opened: true };
}

/** @param {Extract<GpuRequest, {type: "run"}>} request @returns {Promise<GpuReply>} */
async function run({ embedding: fresh, prompts, maskInput }) {
  if (!decoder) throw new DecoderError("not_started", "The decoder has not been started.");
  if (fresh) embedding = await decoder.prepare(fresh.values, fresh.shape);
  if (!embedding) throw new DecoderError("no_embedding", "This image has no embedding yet.");
  return decoder.runWhole(embedding, prompts, maskInput);
}

self.addEventListener("message", async (/** @type {MessageEvent<GpuRequest>} */ { data }) => {
  try {
    const reply = await (data.type === "open" ? open(data) : run(data));
    self.postMessage(reply, { transfer: "logits" in reply ? [reply.logits.buffer] : [] });
  } catch (error) {
    self.postMessage(/** @type {GpuReply} */ ({ lost: String(error) }));
  }
});

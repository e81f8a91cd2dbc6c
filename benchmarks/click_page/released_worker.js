/** Runs the released graph: it resizes to the original size itself, what is left is to threshold the best mask. */

import { halfToFloat, parseEmbedding } from "/static/js/decoder/embedding.js";

/** @type {any} */
let ort = null;
/** @type {any} */
let session = null;
/** @type {any} */
let image = null;

/** @param {any} request */
async function start({ url, threads }) {
  const base = new URL("/vendor/onnxruntime-web/dist/", self.location.href).href;
  ort = await import(`${base}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(url, { executionProviders: ["wasm"] });
  return {};
}

/** @param {any} request */
function setEmbedding({ buffer, maskSize: [rows, columns], original }) {
  const { values, shape } = parseEmbedding(buffer);
  image = {
    embedding: new ort.Tensor("float32", halfToFloat(values), [1, ...shape]),
    mask: new ort.Tensor("float32", new Float32Array(rows * columns), [1, 1, rows, columns]),
    original,
  };
  return {};
}

/** @param {any} request */
async function decode({ coords, labels, count }) {
  const { embedding, mask, original } = image;
  const [height, width] = original;
  const started = performance.now();
  const outputs = await session.run({
    image_embeddings: embedding,
    point_coords: new ort.Tensor("float32", coords, [1, count, 2]),
    point_labels: new ort.Tensor("float32", labels, [1, count]),
    mask_input: mask,
    has_mask_input: new ort.Tensor("float32", Float32Array.of(0), [1]),
    orig_im_size: new ort.Tensor("float32", Float32Array.of(height, width), [2]),
  });
  const decoded = performance.now();
  const iou = outputs.iou_predictions.data;
  const best = [1, 2, 3].reduce((top, i) => (iou[i] > iou[top] ? i : top), 1);
  const logits = outputs.masks.data.subarray(best * height * width, (best + 1) * height * width);
  const data = new Uint8Array(height * width);
  for (let i = 0; i < data.length; i++) data[i] = logits[i] > 0 ? 1 : 0;
  const side = outputs.low_res_masks.dims[2] ** 2;
  return {
    best,
    iou: iou[best],
    logits: outputs.low_res_masks.data.slice(best * side, (best + 1) * side),
    bitmap: { width, height, data },
    timings: { decode: decoded - started, upsample: performance.now() - decoded },
  };
}

/** @type {Record<string, (request: any) => any>} */
const handlers = { start, embedding: setEmbedding, decode };

self.addEventListener("message", async ({ data: request }) => {
  try {
    const answer = await handlers[request.type](request);
    const transfer = answer.bitmap ? [answer.bitmap.data.buffer] : [];
    self.postMessage({ id: request.id, ...answer }, { transfer });
  } catch (error) {
    self.postMessage({ id: request.id, error: String(error) });
  }
});

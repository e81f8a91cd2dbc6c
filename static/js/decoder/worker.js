/**
 * The decoder's worker: one model session and the embedding of the image being edited. Requests are answered strictly in
 * the order they come; which of them are worth sending is client.js's decision.
 */

import { intoCrop, sameCrop } from "../core/crop.js";
import { makeFrame } from "../core/geometry.js";
import {
  addPoint,
  emptyLast,
  expectedIou,
  isAmbiguous,
  NO_PROMPTS,
  packPrompts,
  rankCandidates,
} from "../core/prompts.js";
import { upsample } from "../core/upsample.js";
import { Backends } from "./backends.js";
import { assertMatches, EmbeddingError, halfToFloat, parseEmbedding } from "./embedding.js";
import { openGpuDecoder } from "./gpu_decoder.js";
import { sampleFor } from "./probe.js";
import { DecoderError } from "./runtime.js";
import { openDecoder } from "./session.js";
import { cellCount, place, windowsOf } from "./windows.js";

/** @typedef {import("../core/geometry.js").Frame} Frame */
/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./messages.js").Backend} Backend */
/** @typedef {import("./messages.js").BackendChange} BackendChange */
/** @typedef {import("./messages.js").Candidate} Candidate */
/** @typedef {import("./messages.js").DecodeReply} DecodeReply */
/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("./messages.js").Reply} Reply */
/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./messages.js").Requests} Requests */
/** @typedef {import("./messages.js").Rest} Rest */

/** @typedef {import("./backends.js").Both<any>} Prepared */
/** @type {{model: ModelInfo, session: Backends<any>} | null} */
let loaded = null;
/** Channels of an embedding. */
let channels = 0;
/** @typedef {{features: import("../core/similar.js").Features, prepared: Prepared, frame: Frame}} Encoded */
/** @type {Encoded | null} */
let image = null;
/** Images that are ready for clicks, the current one among them; the least recent first. @type {Map<string, Encoded>} */
const ready = new Map();
/** The one before, the current one and the next: what people go back and forth between. */
const READY = 3;
/** A part of the image that is looked at closely. @type {(Encoded & {box: import("../core/crop.js").Crop}) | null} */
let part = null;
/** How many of the first runs are done: without a mask prompt, with one. */
let warm = 0;
const FIRST_RUNS = 2;
/** Requests that have come and wait. */
let queued = 0;
/** When the last one came. */
let asked = performance.now();
/** So long after it nobody is likely to be waiting for the next answer. */
const CALM_MS = 1500;
/** What the last decode left out: masks and a window of them.
 * @type {{answer: import("./session.js").Answer, offered: number[], window: import("./windows.js").Window} | null} */
let unfinished = null;

/** @param {Requests["start"]["payload"]} payload @returns {Promise<Backend>} */
async function start({ model, threads, runtimeUrl }) {
  const isolated = self.crossOriginIsolated === true;
  const used = isolated ? Math.max(1, threads) : 1;
  const wasm = await openDecoder(model, used, runtimeUrl);
  const describe = () => ({ backend: session.used, threads: used, isolated, webgpu: session.verdict });
  const session = new Backends(wasm, {
    inTurn,
    sample: () => sampleFor(model, channels),
    changed: () => self.postMessage(/** @type {BackendChange} */ ({ changed: describe() })),
  });
  loaded = { model, session };
  return describe();
}

/** @param {Requests["prefer"]["payload"]} payload */
function prefer({ choice, known, runtimeUrl }) {
  if (!loaded) throw new DecoderError("not_started", "The decoder has not been started.");
  const { model, session } = loaded;
  session.prefer(choice, known, () => openGpuDecoder(model, runtimeUrl, choice));
  return null;
}

/**
 * Do what nobody waits for, when nobody is likely to ask for anything else.
 * @template Result @param {() => Promise<Result>} work @returns {Promise<Result>}
 */
async function inTurn(work) {
  for (let calm = 0; ; ) {
    calm = CALM_MS - (performance.now() - asked);
    if (calm <= 0 && queued === 0 && warm === FIRST_RUNS && !unfinished) return enqueue(work);
    await new Promise((resolve) => setTimeout(resolve, Math.max(calm, CALM_MS / 10)));
  }
}

/** @param {Requests["embedding"]["payload"]} payload @returns {Promise<Encoded & Pick<import("./embedding.js").EmbeddingFile, "crop">>} */
async function encode({ buffer, expected }) {
  if (!loaded) throw new DecoderError("not_started", "The decoder has not been started.");
  const { model, session } = loaded;
  const file = parseEmbedding(buffer);
  assertMatches(file, expected);
  const frame = makeFrame(file.original, model.imageSize, model.maskSize);
  if (file.input.join() !== frame.input.join() || file.shape.slice(1).join() !== model.embeddingSize.join()) {
    throw new EmbeddingError(
      "embedding_mismatch",
      `The embedding was made for an input of ${file.input.join(" x ")} and a grid of ` +
        `${file.shape.slice(1).join(" x ")}; this model needs ${frame.input.join(" x ")} and ` +
        `${model.embeddingSize.join(" x ")}. Embed the image again.`,
    );
  }
  const features = { values: halfToFloat(file.values), shape: file.shape };
  channels = file.shape[0];
  const prepared = await session.prepare(features.values, features.shape);
  return { features, prepared, frame, crop: file.crop };
}

/** @param {Requests["embedding"]["payload"]} payload @returns {Promise<Frame>} */
async function setEmbedding(payload) {
  part = null;
  if (!payload.expected.crop) image = null;
  const { crop, ...encoded } = await encode(payload);
  if (crop) part = { ...encoded, box: crop };
  else {
    image = encoded;
    keep(payload.expected, encoded);
  }
  return encoded.frame;
}

/** @param {Requests["ahead"]["payload"]} payload */
async function prepareAhead(payload) {
  if (!ready.has(nameOf(payload.expected))) keep(payload.expected, await encode(payload));
  return null;
}

/** @param {Requests["recall"]["payload"]} payload @returns {Frame | null} */
function recall({ expected }) {
  const found = ready.get(nameOf(expected));
  if (!found) return null;
  part = null;
  image = found;
  keep(expected, found);
  return found.frame;
}

/** The newest stay. @param {import("./embedding.js").Expected} expected @param {Encoded} encoded */
function keep(expected, encoded) {
  const name = nameOf(expected);
  ready.delete(name);
  ready.set(name, encoded);
  for (const old of [...ready.keys()].slice(0, -READY)) ready.delete(old);
}

/** @param {import("./embedding.js").Expected} expected of a whole image */
function nameOf({ modelDigest, imageSha256, width, height }) {
  return [modelDigest, imageSha256, width, height].join();
}

/**
 * IoU of a mask cut one logit above and one below the threshold: how little it depends on where it is cut.
 * @param {Float32Array} logits @param {Frame} frame @param {number} threshold
 */
function stability(logits, frame, threshold) {
  const [rows, columns] = frame.maskSize.map((side, axis) =>
    Math.ceil((side * frame.input[axis]) / frame.imageSize),
  );
  let high = 0;
  let low = 0;
  for (let y = 0; y < rows; y++) {
    const start = y * frame.maskSize[1];
    for (let i = start; i < start + columns; i++) {
      if (logits[i] > threshold + 1) high++;
      if (logits[i] > threshold - 1) low++;
    }
  }
  return low === 0 ? 0 : high / low;
}

/** @param {Float32Array | null} maskInput @param {ModelInfo} model */
function assertMaskFits(maskInput, { maskSize: [rows, columns] }) {
  if (maskInput && maskInput.length !== rows * columns) {
    throw new DecoderError(
      "mask_mismatch",
      `The mask prompt has ${maskInput.length} logits, expected ${rows * columns}.`,
    );
  }
}

/** Logits of masks in a window, by mask.
 * @param {import("./session.js").Answer} answer @param {readonly number[]} masks
 * @param {import("./windows.js").Window} window */
async function drawn(answer, masks, window) {
  const values = await answer.draw(masks, window);
  const count = cellCount(window);
  return new Map(masks.map((mask, i) => [mask, values.subarray(i * count, (i + 1) * count)]));
}

/**
 * The masks to offer, the shown one first, and their logits in the window; with `first` perhaps only that one.
 * @param {import("./session.js").Answer} answer @param {boolean} ambiguous @param {boolean} first
 * @param {import("./windows.js").Window} window @param {ModelInfo} model
 */
async function choose(answer, ambiguous, first, window, { rankSingleMask, threshold }) {
  if (ambiguous && rankSingleMask) {
    const cells = await drawn(answer, [...answer.iou.keys()], window);
    const scores = expectedIou(answer.iou, [...cells.values()], threshold);
    return { ranked: rankCandidates(ambiguous, scores, true), cells };
  }
  const ranked = rankCandidates(ambiguous, answer.iou, false);
  if (first) {
    const [best] = ranked;
    const cells = await drawn(answer, [best], window);
    // Without a single pixel it would not be offered first.
    if (cells.get(best)?.some((value) => value > threshold)) return { ranked: [best], cells };
  }
  return { ranked, cells: await drawn(answer, ranked, window) };
}

/** @param {Requests["decode"]["payload"]} payload @returns {Promise<DecodeReply>} */
async function decode({ prompts, maskInput, first }) {
  const { crop } = prompts;
  const encoded = !crop ? image : sameCrop(part?.box, crop) ? part : null;
  if (!loaded || !encoded) {
    throw new DecoderError("no_embedding", `This ${crop ? "closer look" : "image"} has no embedding yet.`);
  }
  const { model, session } = loaded;
  const { prepared, frame } = encoded;
  assertMaskFits(maskInput, model);
  const started = performance.now();
  const packed = packPrompts(crop ? intoCrop(crop, prompts) : prompts, frame);
  const answer = await session.run(prepared, packed, maskInput);
  const ambiguous = isAmbiguous(prompts, maskInput !== null);
  const { shown, rest } = windowsOf(frame, model.embeddingSize);
  const { ranked, cells } = await choose(answer, ambiguous, first, shown, model);
  const decoded = performance.now();
  const offered = emptyLast(ranked, cells, model.threshold).slice(0, first ? 1 : ranked.length);
  const candidates = offered.map((candidate) => {
    const logits = new Float32Array(frame.maskSize[0] * frame.maskSize[1]);
    place(logits, frame.maskSize[1], /** @type {Float32Array} */ (cells.get(candidate)), shown);
    return {
      candidate,
      iou: answer.iou[candidate],
      stability: stability(logits, frame, model.threshold),
      logits,
    };
  });
  const bitmap = upsample(candidates[0].logits, frame, model.threshold);
  unfinished = rest && !first ? { answer, offered, window: rest } : null;
  return {
    candidates: /** @type {Candidate[]} */ (candidates),
    ambiguous,
    bitmap,
    timings: { decode: decoded - started, upsample: performance.now() - decoded },
    unfinished: unfinished !== null,
  };
}

/** @returns {Promise<Rest>} */
async function finish() {
  if (!unfinished) throw new DecoderError("nothing_left", "The decode before left nothing out.");
  const { answer, offered, window } = unfinished;
  unfinished = null;
  return { window, values: /** @type {Float32Array<ArrayBuffer>} */ (await answer.draw(offered, window)) };
}

/** @returns {import("../core/similar.js").Features} */
function features() {
  if (!image) throw new DecoderError("no_embedding", "This image has no embedding yet.");
  const { values, shape } = image.features;
  return { values: values.slice(), shape };
}

/**
 * The first runs compile and allocate, with a mask prompt once more; do them while the person is still looking for the first
 * object, and not while a request waits.
 */
async function warmUp() {
  if (!image || !loaded || unfinished) return;
  const [height, width] = image.frame.original;
  const prompts = addPoint(NO_PROMPTS, width / 2, height / 2, 1);
  const [rows, columns] = loaded.model.maskSize;
  for (const maskInput of [null, new Float32Array(rows * columns)].slice(warm)) {
    if (queued) return;
    warm++;
    await decode({ prompts, maskInput, first: false });
    if (unfinished) await finish();
  }
}

/** @param {Request} request @returns {Promise<{result: Reply["result"], transfer: Transferable[]}>} */
async function answer(request) {
  if (request.type === "start") return { result: await start(request.payload), transfer: [] };
  if (request.type === "prefer") return { result: prefer(request.payload), transfer: [] };
  if (request.type === "embedding") return { result: await setEmbedding(request.payload), transfer: [] };
  if (request.type === "ahead") return { result: await prepareAhead(request.payload), transfer: [] };
  if (request.type === "recall") return { result: recall(request.payload), transfer: [] };
  if (request.type === "features") {
    const result = features();
    return { result, transfer: [/** @type {ArrayBuffer} */ (result.values.buffer)] };
  }
  if (request.type === "rest") {
    const result = await finish();
    return { result, transfer: [result.values.buffer] };
  }
  const result = await decode(request.payload);
  const transfer = result.candidates.map(({ logits }) => logits.buffer);
  return { result, transfer: [...transfer, /** @type {ArrayBuffer} */ (result.bitmap.data.buffer)] };
}

/** @param {Request} request */
async function handle(request) {
  try {
    const { result, transfer } = await answer(request);
    self.postMessage(/** @type {Reply} */ ({ id: request.id, result }), { transfer });
    if (warm < FIRST_RUNS) await warmUp();
  } catch (error) {
    const known = error instanceof DecoderError || error instanceof EmbeddingError;
    const code = known ? error.code : "decoder_failed";
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage(/** @type {Reply} */ ({ id: request.id, error: { code, message } }));
  }
}

let last = Promise.resolve();

/** One after the other. @template Result @param {() => Promise<Result>} work @returns {Promise<Result>} */
function enqueue(work) {
  const done = last.then(work);
  last = done.then(
    () => {},
    () => {},
  );
  return done;
}

self.addEventListener("message", (/** @type {MessageEvent<Request>} */ event) => {
  queued++;
  asked = performance.now();
  enqueue(() => {
    queued--;
    return handle(event.data);
  });
});

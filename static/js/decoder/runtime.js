/** onnxruntime-web and the files that it runs. */

import { keptOrFetched } from "./kept_graphs.js";

/** @typedef {import("./messages.js").GraphFile} GraphFile */
/** @typedef {import("onnxruntime-web").InferenceSession} InferenceSession */
/** @typedef {typeof import("onnxruntime-web")} Runtime */

/** Beside the scripts, so that it has their version in its address. */
export const RUNTIME_URL = new URL(
  "../../../vendor/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
  import.meta.url,
).href;
/** More threads than this gain nothing for a graph this small. */
const MOST_THREADS = 4;

/** How many threads the decoder gets where it may have several. */
export function threadsHere() {
  return Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MOST_THREADS);
}

/** A failure with a code for programs and a message for people. */
export class DecoderError extends Error {
  /** @param {string} code @param {string} message @param {ErrorOptions} [options] */
  constructor(code, message, options) {
    super(message, options);
    this.name = "DecoderError";
    this.code = code;
  }
}

/**
 * Load the runtime (once a worker).
 * @param {string} runtimeUrl absolute URL of the runtime; the .wasm, and the .mjs of one that is not a bundle, lie beside it
 * @param {number} threads
 * @returns {Promise<Runtime>}
 */
export async function loadRuntime(runtimeUrl, threads) {
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
  // A bundle finds its .wasm by itself; told where to look it would fetch what it has inside.
  if (!runtimeUrl.includes(".bundle.")) ort.env.wasm.wasmPaths = new URL("./", runtimeUrl).href;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

/** @param {GraphFile} file @returns {Promise<Uint8Array>} */
export async function loadGraphFile({ url, bytes }) {
  let file = await readGraphFile(url, false);
  if (bytes > 0 && file.length !== bytes) file = await readGraphFile(url, true);
  if (bytes > 0 && file.length !== bytes) {
    throw new DecoderError(
      "model_truncated",
      `The decoder file has ${file.length} bytes, expected ${bytes}. Reload the page.`,
    );
  }
  return file;
}

/** @param {string} url @param {boolean} anew */
async function readGraphFile(url, anew) {
  let response;
  try {
    response = await keptOrFetched(url, { anew });
  } catch {
    throw new DecoderError("offline", "The decoder could not be downloaded: the server does not answer.");
  }
  if (!response.ok) {
    throw new DecoderError(
      "model_unavailable",
      `The server answered ${response.status} for the decoder file.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {Runtime} ort @param {Uint8Array} file
 * @param {"all" | "basic" | "disabled"} [optimisation] "disabled" where the file holds the graph as it is to be run, which
 *   opens in half of the time; "basic" where it leaves constants to be computed once
 * @returns {Promise<InferenceSession>}
 */
export async function openGraph(ort, file, optimisation = "all") {
  try {
    return await ort.InferenceSession.create(file, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: optimisation,
    });
  } catch (error) {
    throw new DecoderError("model_invalid", `The runtime does not accept the decoder file: ${error}`);
  }
}

/** onnxruntime-web and the files that it runs. */

/** @typedef {import("./messages.js").GraphFile} GraphFile */
/** @typedef {import("onnxruntime-web").InferenceSession} InferenceSession */
/** @typedef {typeof import("onnxruntime-web")} Runtime */

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
 * @param {string} runtimeUrl absolute URL of ort.wasm.min.mjs; its .mjs and .wasm lie beside it
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
  ort.env.wasm.wasmPaths = new URL("./", runtimeUrl).href;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

/** @param {GraphFile} file @returns {Promise<Uint8Array>} */
export async function loadGraphFile({ url, bytes }) {
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

/**
 * @param {Runtime} ort @param {Uint8Array} file
 * @param {boolean} [optimised] the file holds the graph as it is to be run: opening it takes half of the time
 * @returns {Promise<InferenceSession>}
 */
export async function openGraph(ort, file, optimised = false) {
  try {
    return await ort.InferenceSession.create(file, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: optimised ? "disabled" : "all",
    });
  } catch (error) {
    throw new DecoderError("model_invalid", `The runtime does not accept the decoder file: ${error}`);
  }
}

/**
 * The decoder on whatever answers soonest: on WebAssembly always, and on WebGPU beside it where that gives the same masks clearly
 * sooner. WebGPU is tried when WebAssembly answers already, and a click that it fails is a click that WebAssembly answers.
 */

import { probe } from "./probe.js";
import { DecoderError } from "./runtime.js";

/** @typedef {import("./gpu_decoder.js").GpuDecoder} GpuDecoder */
/** @typedef {import("./messages.js").BackendChoice} BackendChoice */
/** @typedef {import("./messages.js").Verdict} Verdict */
/** @typedef {import("./session.js").Answer} Answer */
/** @template Prepared @typedef {import("./session.js").DecoderSession<Prepared>} DecoderSession */
/** @typedef {import("./session.js").Packed} Packed */

/** An embedding as both want it. @template Wasm @typedef {{embedding: import("./gpu_decoder.js").Embedding, wasm: Wasm}} Both */

/**
 * @template Wasm
 * @implements {DecoderSession<Both<Wasm>>}
 */
export class Backends {
  #wasm;
  #inTurn;
  #sample;
  #changed;
  /** @type {GpuDecoder | null} */
  #gpu = null;
  /** Choices so far: what an earlier one finds out counts no longer. */
  #choices = 0;
  /** What is known of WebGPU here. @type {Verdict | null} */
  verdict = null;

  /**
   * @param {import("./session.js").DecoderSession<Wasm>} wasm
   * @param {object} options
   * @param {<Result>(work: () => Promise<Result>) => Promise<Result>} options.inTurn does a piece of work when nobody waits
   * @param {() => import("./probe.js").Sample} options.sample
   * @param {() => void} options.changed another one answers from now on, or more is known
   */
  constructor(wasm, { inTurn, sample, changed }) {
    this.#wasm = wasm;
    this.#inTurn = inTurn;
    this.#sample = sample;
    this.#changed = changed;
  }

  /** @returns {"wasm" | "webgpu"} */
  get used() {
    return this.#gpu ? "webgpu" : "wasm";
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Both<Wasm>>} */
  async prepare(values, shape) {
    return { embedding: { values, shape }, wasm: await this.#wasm.prepare(values, shape) };
  }

  /** @param {Both<Wasm>} prepared @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<Answer>} */
  async run({ embedding, wasm }, prompts, maskInput) {
    const gpu = this.#gpu;
    if (gpu) {
      try {
        return await gpu.run(embedding, prompts, maskInput);
      } catch {
        this.#lose(gpu);
      }
    }
    return this.#wasm.run(wasm, prompts, maskInput);
  }

  /**
   * Use WebGPU, or not, or whichever is better. Clicks are answered meanwhile.
   * @param {BackendChoice} choice
   * @param {Verdict | null} known what was found out before, with this model in this browser
   * @param {() => Promise<GpuDecoder>} openGpu
   */
  async prefer(choice, known, openGpu) {
    const mine = ++this.#choices;
    this.#gpu?.dispose();
    this.#gpu = null;
    if (choice === "wasm") return this.#settle(null);
    if (choice === "auto" && known && known.outcome !== "chosen") return this.#settle(known);
    const { gpu, verdict } = await this.#try(openGpu, choice === "auto" && known === null);
    if (mine !== this.#choices) return gpu?.dispose();
    this.#gpu = gpu;
    // What was right and fast before need only be right again.
    this.#settle({ ...verdict, ratio: verdict.ratio ?? known?.ratio ?? null });
    gpu?.lost.then(() => this.#lose(gpu));
  }

  /** @param {() => Promise<GpuDecoder>} openGpu @param {boolean} fasterOnly
   * @returns {Promise<{gpu: GpuDecoder | null, verdict: Verdict}>} */
  async #try(openGpu, fasterOnly) {
    /** @type {GpuDecoder | null} */
    let gpu = null;
    try {
      // Not before somebody can click.
      await this.#inTurn(async () => {});
      gpu = await openGpu();
      const verdict = await probe({
        mine: this.#wasm,
        other: gpu,
        sample: this.#sample(),
        inTurn: this.#inTurn,
        fasterOnly,
      });
      if (verdict.outcome === "chosen") return { gpu, verdict };
      gpu.dispose();
      return { gpu: null, verdict };
    } catch (error) {
      gpu?.dispose();
      const absent = error instanceof DecoderError && error.code === "gpu_absent";
      return { gpu: null, verdict: { outcome: absent ? "absent" : "failed", ratio: null } };
    }
  }

  /** It answers no more. @param {GpuDecoder} gpu */
  #lose(gpu) {
    gpu.dispose();
    if (this.#gpu !== gpu) return;
    this.#gpu = null;
    this.#settle({ outcome: "lost", ratio: null });
  }

  /** @param {Verdict | null} verdict */
  #settle(verdict) {
    this.verdict = verdict;
    this.#changed();
  }
}

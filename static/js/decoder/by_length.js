/**
 * The click's graphs for the few prompts that most objects take, the whole decoder for many: what the graphs do a click grows with
 * every prompt, what the whole decoder does hardly at all. Both give the same masks, so the whole one is fetched and opened only
 * when a long prompt has been answered once, and until it is there the graphs go on.
 */

/** @template Prepared @typedef {import("./session.js").DecoderSession<Prepared>} DecoderSession */
/** @typedef {import("./session.js").Answer} Answer */
/** @typedef {import("./session.js").Packed} Packed */

/** Prompt tokens from which on the whole decoder is quicker: measured 24 for vit_b's shape, 17 for the bundled model. */
export const MANY = 21;

/** @template Graphs @typedef {{values: Float32Array, shape: readonly number[], graphs: Graphs}} Both */

/**
 * @template Graphs, Whole
 * @implements {DecoderSession<Both<Graphs>>}
 */
export class ByLength {
  #graphs;
  #openWhole;
  /** @type {DecoderSession<Whole> | null} */
  #whole = null;
  #asked = false;

  /** @param {DecoderSession<Graphs>} graphs @param {() => Promise<DecoderSession<Whole>>} openWhole */
  constructor(graphs, openWhole) {
    this.#graphs = graphs;
    this.#openWhole = openWhole;
  }

  /** @param {Float32Array} values @param {readonly number[]} shape @returns {Promise<Both<Graphs>>} */
  async prepare(values, shape) {
    return { values, shape, graphs: await this.#graphs.prepare(values, shape) };
  }

  /** @param {Both<Graphs>} prepared @param {Packed} prompts @param {Float32Array | null} maskInput @returns {Promise<Answer>} */
  async run({ values, shape, graphs }, prompts, maskInput) {
    if (prompts.count < MANY) return this.#graphs.run(graphs, prompts, maskInput);
    const whole = this.#whole;
    if (whole) return whole.run(await whole.prepare(values, shape), prompts, maskInput);
    const answer = await this.#graphs.run(graphs, prompts, maskInput);
    this.#open();
    return answer;
  }

  #open() {
    if (this.#asked) return;
    this.#asked = true;
    this.#openWhole().then(
      (whole) => {
        this.#whole = whole;
      },
      () => {
        this.#asked = false; // the next long prompt tries again
      },
    );
  }
}

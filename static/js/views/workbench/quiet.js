/**
 * When work that nobody waits for may begin: the pointer has rested for a moment and no answer of the model is awaited. What runs
 * in the decoder's worker, or beside it, would otherwise stand in the way of a click.
 */

/** A pointer that rests as long as this is about to do nothing, milliseconds. */
const REST_MS = 250;
/** Whoever never rests has waited long enough. */
const LONGEST_MS = 10_000;
const LOOK_AGAIN_MS = 50;

export class Quiet {
  #editor;
  #last = performance.now();

  /**
   * @param {HTMLElement} host where the person works
   * @param {{readonly decoding: boolean}} editor
   */
  constructor(host, editor) {
    this.#editor = editor;
    for (const type of ["pointermove", "pointerdown", "pointerup", "wheel"]) {
      host.addEventListener(type, () => this.disturb(), { capture: true, passive: true });
    }
  }

  /** Something happened: the rest begins anew. */
  disturb() {
    this.#last = performance.now();
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<void>} rejects with the signal's reason when that comes first
   */
  async wait(signal) {
    const latest = performance.now() + LONGEST_MS;
    signal.throwIfAborted();
    for (let left = this.#left(latest); left > 0; left = this.#left(latest)) {
      await new Promise((resolve) => setTimeout(resolve, left));
      signal.throwIfAborted();
    }
  }

  /** Milliseconds until it is worth while to look again; 0: it is quiet. @param {number} latest */
  #left(latest) {
    const now = performance.now();
    const resting = REST_MS - (now - this.#last);
    if (resting > 0 && now < latest) return Math.max(resting, 1);
    return this.#editor.decoding ? LOOK_AGAIN_MS : 0;
  }
}

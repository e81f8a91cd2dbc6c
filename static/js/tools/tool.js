/**
 * What every tool is: listeners that exist while it is enabled and not a moment longer.
 */

/** @typedef {import("../canvas.js").Stage} Stage */
/** @typedef {import("../editor.js").Editor} Editor */

export class Tool {
  /** @type {AbortController | null} */
  #listening = null;

  /**
   * @param {Stage} stage
   * @param {Editor} editor
   */
  constructor(stage, editor) {
    this.stage = stage;
    this.editor = editor;
  }

  get enabled() {
    return this.#listening !== null;
  }

  /** CSS cursor while the tool is active. */
  get cursor() {
    return "default";
  }

  enable() {
    if (this.#listening) return;
    this.#listening = new AbortController();
    this.stage.host.style.cursor = this.cursor;
    this.listen(this.#listening.signal);
  }

  /** Stop listening and leave nothing half done. */
  disable() {
    if (!this.#listening) return;
    this.#listening.abort();
    this.#listening = null;
    this.cleanUp();
  }

  /**
   * Add the tool's listeners, all with this signal.
   *
   * @param {AbortSignal} _signal
   */
  listen(_signal) {}

  /** Finish or drop what the pointer was doing. */
  cleanUp() {}

  /**
   * @template {keyof HTMLElementEventMap} K
   * @param {K} type
   * @param {AbortSignal} signal
   * @param {(event: HTMLElementEventMap[K]) => void} handler
   */
  on(type, signal, handler) {
    this.stage.host.addEventListener(type, handler, { signal });
  }
}

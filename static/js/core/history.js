/** Linear undo and redo over commands that know how to take themselves back, within a memory bound. */

/**
 * One thing that was done. `undo` and `redo` are called strictly in turn.
 * @typedef {object} Command
 * @property {string} label what it did, for the person ("Brush stroke")
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {number} [bytes] memory that it holds
 */

/** @template {Command} C */
export class History {
  /** @type {C[]} */
  #done = [];
  /** @type {C[]} */
  #undone = [];
  #bytes = 0;
  #maxBytes;
  #maxSteps;

  /** @param {{maxBytes?: number, maxSteps?: number}} [limits] the oldest steps go first; the newest always stays */
  constructor({ maxBytes = 64 * 2 ** 20, maxSteps = 1000 } = {}) {
    this.#maxBytes = maxBytes;
    this.#maxSteps = maxSteps;
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** What the next undo takes back, or null. */
  get undoLabel() {
    return this.#done.at(-1)?.label ?? null;
  }

  /** What the next redo brings back, or null. */
  get redoLabel() {
    return this.#undone.at(-1)?.label ?? null;
  }

  /** Memory held by all steps, bytes. */
  get bytes() {
    return this.#bytes;
  }

  /** All steps, oldest first: what is done, then what can be brought back. */
  get steps() {
    return [...this.#done, ...this.#undone.toReversed()];
  }

  /** How many of the steps are done. */
  get position() {
    return this.#done.length;
  }

  /** Continue a history that was written down. @param {readonly C[]} steps @param {number} position how many are done */
  restore(steps, position) {
    this.#done = steps.slice(0, position);
    this.#undone = steps.slice(position).toReversed();
    this.#bytes = steps.reduce((total, step) => total + (step.bytes ?? 0), 0);
  }

  /** Add a command that has already happened; what had been undone is gone. @param {C} command */
  push(command) {
    for (const dropped of this.#undone) this.#bytes -= dropped.bytes ?? 0;
    this.#undone = [];
    this.#done.push(command);
    this.#bytes += command.bytes ?? 0;
    while (this.#done.length > 1 && (this.#bytes > this.#maxBytes || this.#done.length > this.#maxSteps)) {
      this.#bytes -= this.#done.shift()?.bytes ?? 0;
    }
  }

  /** @returns {C | null} the command that was taken back */
  undo() {
    const command = this.#done.pop();
    if (!command) return null;
    command.undo();
    this.#undone.push(command);
    return command;
  }

  /** @returns {C | null} the command that was repeated */
  redo() {
    const command = this.#undone.pop();
    if (!command) return null;
    command.redo();
    this.#done.push(command);
    return command;
  }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#bytes = 0;
  }
}

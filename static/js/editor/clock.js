/** Milliseconds of active work: the time between actions, without the breaks. */

const IDLE_MS = 10_000;

export class WorkClock {
  #last = 0;
  /** Work since the last object was finished. */
  ms = 0;

  /** The person did something. Gaps longer than ten seconds are not work. */
  tick(now = performance.now()) {
    const gap = now - this.#last;
    if (gap < IDLE_MS) this.ms += gap;
    this.#last = now;
  }
}

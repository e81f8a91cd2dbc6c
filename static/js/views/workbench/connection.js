/**
 * Whether the server can be reached, learnt from every request of the page. While it cannot, it is asked again and again, at
 * growing intervals, and the person may ask at once.
 */

import { probe, reach } from "../../api.js";

/** @typedef {"online" | "offline" | "unreachable"} ConnectionState offline: this device has no network at all */

const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 30_000;
const TICK_MS = 1000;

/** Events: "change" (state or the time to the next attempt), "back" (the server answers again). */
export class Connection extends EventTarget {
  /** @type {ConnectionState} */
  state = navigator.onLine ? "online" : "offline";
  #failures = 0;
  #nextAt = 0;
  #timer = 0;
  #ticker = 0;

  constructor() {
    super();
    reach.addEventListener("answered", () => this.#answered());
    reach.addEventListener("unanswered", () => this.#unanswered());
    window.addEventListener("offline", () => this.#unanswered());
    window.addEventListener("online", () => this.retry());
  }

  /** Seconds until the server is asked again; null while it answers. */
  get retryIn() {
    return this.state === "online" ? null : Math.max(0, Math.ceil((this.#nextAt - Date.now()) / 1000));
  }

  /** Ask now. */
  retry() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    probe(); // its answer, or none, is told like any other request's
  }

  #answered() {
    if (this.state === "online") return;
    clearTimeout(this.#timer);
    clearInterval(this.#ticker);
    this.state = "online";
    this.#failures = 0;
    this.#timer = 0;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("back"));
  }

  #unanswered() {
    const before = this.state;
    this.state = navigator.onLine ? "unreachable" : "offline";
    if (before === "online") this.#ticker = window.setInterval(() => this.#changed(), TICK_MS);
    if (!this.#timer) {
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
      this.#nextAt = Date.now() + wait;
      this.#timer = window.setTimeout(() => this.retry(), wait);
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

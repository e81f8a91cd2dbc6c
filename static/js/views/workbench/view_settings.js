/**
 * How a person likes to see things: kept with their account, and in this browser for when the server is away. One immutable
 * value; every change is a "change" event.
 */

import { updatePreferences } from "../../api.js";
import { NEUTRAL } from "../../core/adjust.js";

/**
 * @typedef {object} ViewValues
 * @property {number} opacity       of the inside of masks, 0 … 1
 * @property {boolean} outlineOnly
 * @property {"category" | "object"} colors
 * @property {boolean} safeColors
 * @property {number} brightness    see core/adjust.js
 * @property {number} contrast
 * @property {number} gamma
 * @property {number} local
 * @property {boolean} crosshair
 * @property {boolean} minimap      shown while the image is larger than the view
 * @property {boolean} timeHint     the quiet hint after 30 seconds on one object
 * @property {boolean} penPressure  a pen's pressure changes the brush
 */

/** @type {Readonly<ViewValues>} */
export const DEFAULTS = Object.freeze({
  opacity: 0.4,
  outlineOnly: false,
  colors: "category",
  safeColors: false,
  ...NEUTRAL,
  crosshair: false,
  minimap: true,
  timeHint: true,
  penPressure: true,
});

/** @type {Partial<Record<keyof ViewValues, [number, number]>>} */
const RANGES = {
  opacity: [0, 1],
  brightness: [-1, 1],
  contrast: [-1, 1],
  gamma: [0.25, 4],
  local: [0, 1],
};
const SAVE_MS = 800;

/**
 * What is usable of stored settings; anything else becomes the default.
 *
 * @param {unknown} stored
 * @returns {ViewValues}
 */
export function readView(stored) {
  /** @type {Record<string, unknown>} */
  const values = { ...DEFAULTS };
  if (typeof stored !== "object" || stored === null) return { ...DEFAULTS };
  for (const [name, value] of Object.entries(stored)) {
    if (!(name in DEFAULTS) || typeof value !== typeof values[name]) continue;
    const range = RANGES[/** @type {keyof ViewValues} */ (name)];
    if (range) values[name] = Math.min(Math.max(Number(value), range[0]), range[1]);
    else if (name !== "colors" || value === "category" || value === "object") values[name] = value;
  }
  return /** @type {ViewValues} */ (/** @type {unknown} */ (values));
}

export class ViewSettings extends EventTarget {
  #key;
  #timer = 0;
  /** @type {Readonly<ViewValues>} */
  value;

  /** @param {import("../../types.js").User} user */
  constructor(user) {
    super();
    this.#key = `view:${user.id}`;
    this.value = readView(user.preferences.view ?? recall(this.#key));
    window.addEventListener("pagehide", () => this.#timer && this.#save());
  }

  /** @param {Partial<ViewValues>} changes */
  set(changes) {
    this.value = readView({ ...this.value, ...changes });
    remember(this.#key, this.value);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#save(), SAVE_MS);
    this.dispatchEvent(new Event("change"));
  }

  async #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const view = this.value;
    try {
      await updatePreferences({ view });
    } catch {
      // They stay in this browser, and reach the account with the next change.
    }
  }
}

/** @param {string} key @returns {unknown} */
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may have no storage: then it lasts as long as the page.
  }
}

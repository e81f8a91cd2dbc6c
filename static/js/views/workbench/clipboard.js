/** What a person has copied: kept in this browser, so that another image, tab or visit can paste it. */

import { recall, remember } from "./view_settings.js";

/** @typedef {import("../../editor/arranging.js").Clipping} Clipping */

export class Clipboard {
  #key;
  /** What did not fit into the browser's storage lasts as long as the page. @type {Clipping | null} */
  #here = null;

  /** @param {import("../../types.js").User} user */
  constructor(user) {
    this.#key = `clipboard:${user.id}`;
    window.addEventListener("storage", ({ key }) => {
      if (key === this.#key) this.#here = null; // another tab has copied since
    });
  }

  put(/** @type {Clipping} */ clipping) {
    this.#here = clipping;
    remember(this.#key, clipping);
  }

  /** @returns {Clipping | null} */
  get() {
    return this.#here ?? read(recall(this.#key));
  }
}

/** What is usable of stored text. @param {unknown} stored @returns {Clipping | null} */
function read(stored) {
  const clipping = /** @type {Clipping | null} */ (stored);
  const usable =
    Array.isArray(clipping?.objects) && clipping.objects.every(({ body }) => body?.segmentation?.counts);
  return usable ? clipping : null;
}

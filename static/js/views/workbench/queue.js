/**
 * The order in which a person goes through the images: all of them or those that pass a filter, remembered per project in this
 * browser.
 */

import { listImages } from "../../api.js";
import { t } from "../../core/translate.js";
import { recall, remember } from "./view_settings.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").ImageFilter} ImageFilter */

/** @type {{value: ImageFilter | "", label: string, hint: string}[]} */
export const FILTERS = [
  { value: "", label: t("All"), hint: t("Every image of the project") },
  {
    value: "needs_me",
    label: t("Needs me"),
    hint: t("Not complete, not skipped, no colleague at work on it"),
  },
  { value: "unlabelled", label: t("Unlabelled"), hint: t("Without accepted objects") },
  { value: "in_progress", label: t("In progress"), hint: t("Begun and not complete") },
  { value: "proposals", label: t("Proposals"), hint: t("With masks that nobody has accepted yet") },
  { value: "rejected", label: t("Rejected"), hint: t("With masks that were rejected") },
  { value: "mine", label: t("Mine"), hint: t("With objects that you made or changed") },
];

/** Event "change": another filter. */
export class Queue extends EventTarget {
  #projectId;

  /** @param {number} projectId */
  constructor(projectId) {
    super();
    this.#projectId = projectId;
    const stored = recall(this.#key);
    /** @type {ImageFilter | ""} */
    this.filter = FILTERS.find(({ value }) => value === stored)?.value ?? "";
  }

  get #key() {
    return `queue:${this.#projectId}`;
  }

  get label() {
    return FILTERS.find(({ value }) => value === this.filter)?.label ?? "";
  }

  /** What `getImage` is to be asked with. @returns {ImageFilter | undefined} */
  get asked() {
    return this.filter || undefined;
  }

  setFilter(/** @type {ImageFilter | ""} */ filter) {
    this.filter = filter;
    remember(this.#key, filter);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * The next image that needs this person: after the given one, else from the beginning.
   *
   * @param {Image} image
   * @returns {Promise<Image | null>} null when nothing is left
   */
  async nextNeeding(image) {
    const ask = { filter: /** @type {const} */ ("needs_me"), limit: 2 };
    const after = await listImages(this.#projectId, { ...ask, cursor: String(image.position) });
    const first = after.images.length ? after : await listImages(this.#projectId, ask);
    // The queue may hold the image itself: those without proposals come after all that have some.
    return first.images.find(({ id }) => id !== image.id) ?? null;
  }
}

/**
 * What is on the image and what of it is shown: objects, draft, categories. Reading only; the classes built on it change it.
 */

import { boundingRect, EMPTY_RECT } from "../core/bitmap.js";
import { NO_PROMPTS } from "../core/prompts.js";
import { runsContain } from "../core/runs.js";
import { Changes } from "./changes.js";
import { CATEGORY_COLORS, categoryColor, objectColor } from "./colors.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/prompts.js").Prompts} Prompts */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./objects.js").SavedObject} SavedObject */
/** @typedef {import("../types.js").Category} Category */
/** @typedef {import("../types.js").Image} Image */

export class Board extends Changes {
  /** @type {Image | null} */
  image = null;
  /** @type {Category[]} */
  categories = [];
  /** What new objects become. @type {number | null} */
  categoryId = null;
  /** @type {Map<string, SavedObject>} */
  objects = new Map();
  /** @type {Draft | null} */
  draft = null;
  hideOthers = false;
  /** @type {import("./colors.js").ColorScheme} */
  colorScheme = CATEGORY_COLORS;
  /** What a click at the pointer would give. @protected @type {Bitmap | null} */
  hoverMask = null;

  /** The image's status or embedding is news; nothing else changed. */
  updateImage(/** @type {Image} */ image) {
    this.image = image;
    this.touch("image");
  }

  setCategories(/** @type {Category[]} */ categories) {
    this.categories = [...categories].sort((a, b) => a.position - b.position);
    if (!this.categories.some((category) => category.id === this.categoryId)) {
      this.categoryId = this.categories[0]?.id ?? null;
    }
    this.touch("categories");
  }

  /** @returns {Prompts} */
  get prompts() {
    return this.draft?.prompts ?? NO_PROMPTS;
  }

  /** Make this the draft. "selection" means that another saved object is open than before. @protected */
  hold(/** @type {Draft | null} */ draft) {
    if ((this.draft?.base ?? null) !== (draft?.base ?? null)) this.touch("selection");
    this.draft = draft;
  }

  /** @protected */
  useCategory(/** @type {number | null} */ id) {
    this.categoryId = id;
    this.touch("categories");
  }

  get selectedId() {
    return this.draft?.base?.id ?? null;
  }

  /** Saved objects to paint, bottom first; the one being changed is painted as the draft. */
  visibleObjects() {
    if (this.hideOthers) return [];
    const base = this.draft?.base;
    return this.#ordered().filter((object) => object !== base && !object.hidden);
  }

  /** Newest first, as lists show them. */
  listedObjects() {
    return this.#ordered().reverse();
  }

  #ordered() {
    return [...this.objects.values()].sort((a, b) => a.body.z - b.body.z);
  }

  /** The topmost visible object at a pixel. @param {number} x image frame @param {number} y */
  objectAt(x, y) {
    const [column, row] = [Math.round(x), Math.round(y)];
    return this.visibleObjects().findLast((object) => runsContain(object.runs, column, row)) ?? null;
  }

  draftBitmap() {
    return this.hoverMask ?? (this.draft && !this.draft.isBlank ? this.draft.mask : null);
  }

  draftBounds() {
    if (this.hoverMask) return boundingRect(this.hoverMask);
    return this.draft?.bounds ?? EMPTY_RECT;
  }

  /** The selected object keeps its own colour until it is changed; null = the preview colour. */
  draftColor() {
    const draft = this.draft;
    return draft?.base && !draft.dirty && !this.hoverMask ? this.objectColor(draft.base) : null;
  }

  /** @returns {[number, number, number]} RGB, 0 … 255 */
  objectColor(/** @type {SavedObject} */ object) {
    return objectColor(object, this.categories, this.colorScheme);
  }

  /** As its objects are painted where labels give the colour. @returns {[number, number, number]} RGB, 0 … 255 */
  categoryColor(/** @type {Category} */ category) {
    return categoryColor(category, this.categories.indexOf(category), this.colorScheme);
  }

  setColorScheme(/** @type {import("./colors.js").ColorScheme} */ scheme) {
    this.colorScheme = scheme;
    this.touch("categories", "objects");
  }

  /** Whether an object is drawn: a matter of this view, not saved. */
  setHidden(/** @type {string} */ id, /** @type {boolean} */ hidden) {
    const object = this.objects.get(id);
    if (object) object.hidden = hidden;
    this.touch("objects");
  }

  setHideOthers(/** @type {boolean} */ hide) {
    this.hideOthers = hide;
    this.touch("objects");
  }
}

/**
 * What is on the image and what of it is shown: objects, draft, categories. Reading only; the classes built on it change it.
 */

import { EMPTY_RECT } from "../core/bitmap.js";
import { NO_PROMPTS } from "../core/prompts.js";
import { runsContain, runsTouch } from "../core/runs.js";
import { Changes } from "./changes.js";
import { CATEGORY_COLORS, categoryColor, objectColor } from "./colors.js";

/** @typedef {import("../core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("../core/bitmap.js").Rect} Rect */
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
  /** Regions that were perhaps missed are on the image and in lists. */
  showsMissed = false;
  /** Proposals with this score or a better one would be accepted; null: nothing is tried out. @type {number | null} */
  threshold = null;
  /** Selected together, in the order in which they were chosen; one that is open is the draft's base. @type {Set<string>} */
  chosen = new Set();
  /** Only these are shown, if they are there. @type {Set<string>} */
  soloed = new Set();
  /** Not to be selected on the image, changed or deleted by this person. @type {Set<string>} */
  locked = new Set();
  /** The objects as something that is only tried out would leave them. @protected @type {Map<string, SavedObject> | null} */
  tried = null;
  /** @type {import("./colors.js").ColorScheme} */
  colorScheme = CATEGORY_COLORS;
  /** What a click at the pointer would give. @protected @type {{mask: Bitmap, bounds: Rect} | null} */
  hover = null;

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
    if (draft) this.setChosen([]);
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
    const base = this.draft?.base;
    const only = this.#only();
    return this.#ordered(this.tried ?? this.objects).filter(
      (object) => object !== base && (only ? only.has(object.id) : !object.hidden),
    );
  }

  /** Nothing but these objects is shown; null = all but the hidden ones. */
  #only() {
    if (this.hideOthers) return this.chosen;
    const soloed = [...this.soloed].filter((id) => this.objects.has(id));
    return soloed.length ? this.soloed : null;
  }

  /** Whether an object is on the image and in lists: rejected ones are kept for their history alone. @protected */
  isThere(/** @type {SavedObject} */ object) {
    return !object.isRejected && (this.showsMissed || !object.isMissed);
  }

  /** Whether accepting all above the score that is tried out would take a proposal: by scores as people read them. */
  isTaken(/** @type {SavedObject} */ { isProposal, body }) {
    if (!isProposal || this.threshold === null) return false;
    return Math.round(100 * (body.predicted_iou ?? 0)) >= Math.round(100 * this.threshold);
  }

  /** Show which proposals a score would take; null: none is tried out. */
  setThreshold(/** @type {number | null} */ score) {
    if (this.threshold === score) return;
    this.threshold = score;
    this.touch("objects");
  }

  /** Newest first, as lists show them. */
  listedObjects() {
    return this.#ordered().reverse();
  }

  /** What waits to be accepted or discarded, oldest first. */
  pendingObjects() {
    return [...this.objects.values()].filter((object) => object.isPending);
  }

  #ordered(/** @type {ReadonlyMap<string, SavedObject>} */ objects = this.objects) {
    return [...objects.values()].filter((object) => this.isThere(object)).sort((a, b) => a.body.z - b.body.z);
  }

  /** The topmost visible object at a pixel; locked ones let through. @param {number} x image frame @param {number} y */
  objectAt(x, y) {
    const [column, row] = [Math.round(x), Math.round(y)];
    const hit = (/** @type {SavedObject} */ object) => runsContain(object.runs, column, row);
    return this.visibleObjects().findLast((object) => !this.locked.has(object.id) && hit(object)) ?? null;
  }

  /** The visible objects with a pixel in a rectangle, bottom first, without the locked ones. @param {Rect} rect */
  objectsIn(rect) {
    return this.visibleObjects().filter(({ id, runs }) => !this.locked.has(id) && runsTouch(runs, rect));
  }

  draftBitmap() {
    return this.hover?.mask ?? (this.draft && !this.draft.isBlank ? this.draft.mask : null);
  }

  draftBounds() {
    return this.hover?.bounds ?? this.draft?.bounds ?? EMPTY_RECT;
  }

  /** The selected object keeps its own colour until it is changed; null = the preview colour. */
  draftColor() {
    const draft = this.draft;
    return draft?.base && !draft.dirty && !this.hover ? this.objectColor(draft.base) : null;
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

  /** @protected */
  setChosen(/** @type {readonly string[]} */ ids) {
    if (!ids.length && !this.chosen.size) return;
    this.chosen = new Set(ids);
    this.touch("selection");
  }

  setLocked(/** @type {readonly string[]} */ ids, /** @type {boolean} */ lock) {
    const others = [...this.locked].filter((id) => !ids.includes(id));
    this.locked = new Set(lock ? [...others, ...ids] : others);
    this.touch("objects");
  }

  /** @protected */
  setSoloed(/** @type {readonly string[]} */ ids) {
    this.soloed = new Set(ids);
    this.touch("objects");
  }

  setHideOthers(/** @type {boolean} */ hide) {
    this.hideOthers = hide;
    this.touch("objects");
  }
}

/**
 * Selecting several objects, and what protects or hides them: lock, hide, solo. One object alone is opened for changes; two
 * or more, and one that is locked or pending, are only chosen.
 */

import { t } from "../core/translate.js";
import { Painting } from "./painting.js";

/** @typedef {import("./objects.js").SavedObject} SavedObject */

export class Selecting extends Painting {
  /** Where a range of the list begins. @type {string | null} */
  anchor = null;

  /** What an action on the selection means, in the order in which it was chosen. @returns {SavedObject[]} */
  get selection() {
    const ids = this.chosen.size ? [...this.chosen] : [this.selectedId];
    return ids
      .map((id) => this.objects.get(id ?? ""))
      .filter((object) => object !== undefined)
      .filter((object) => !object.isRejected);
  }

  /** Its objects that may be changed. */
  get changeable() {
    return this.selection.filter(({ id }) => !this.locked.has(id));
  }

  isSelected(/** @type {string} */ id) {
    return this.chosen.has(id) || this.selectedId === id;
  }

  /** Open an object: for the class that knows how. @param {string | null} _id @returns {Promise<void>} */
  async select(_id) {}

  /**
   * Select exactly these. What is open is accepted or closed first.
   *
   * @param {readonly string[]} ids
   * @param {{open?: boolean}} [options] open: a single one is opened for changes
   */
  async choose(ids, { open = true } = {}) {
    const present = ids.filter((id) => this.objects.has(id));
    const [first] = present;
    this.anchor = present.at(-1) ?? null;
    const opens = present.length === 1 && open && this.#opens(first);
    if (opens) {
      this.setChosen([]);
      return this.select(first);
    }
    await this.select(null);
    this.setChosen(present.filter((id) => this.objects.has(id)));
  }

  #opens(/** @type {string} */ id) {
    return !this.locked.has(id) && !this.objects.get(id)?.isPending;
  }

  /** Add an object to the selection, or take it out. */
  async toggleChosen(/** @type {string} */ id) {
    const ids = this.selection.map((object) => object.id);
    await this.choose(ids.includes(id) ? ids.filter((each) => each !== id) : [...ids, id], {
      open: ids.length > 1,
    });
    this.anchor = id;
  }

  /** From the object chosen last to this one, as the list shows them. */
  async chooseRange(/** @type {string} */ id) {
    const proposed = this.objects.get(id)?.isUndecided ?? false;
    const listed = this.listedObjects().filter((object) => object.isUndecided === proposed);
    const ids = listed.map((object) => object.id);
    const anchor = this.anchor ?? this.selection.at(-1)?.id ?? id;
    const ends = [ids.indexOf(anchor), ids.indexOf(id)].sort((a, b) => a - b);
    const range = ids.slice(Math.max(ends[0], 0), ends[1] + 1);
    await this.choose(ids.indexOf(anchor) > ids.indexOf(id) ? range.reverse() : range, { open: false });
    this.anchor = anchor;
  }

  /** All that is shown and not locked, bottom first. */
  chooseAll() {
    const ids = this.visibleObjects().map((object) => object.id);
    const open = this.selectedId;
    return this.choose([...(open ? [open] : []), ...ids].filter((id) => !this.locked.has(id)));
  }

  /** Another one comes first: merging keeps its label, subtracting takes from it. */
  chooseFirst(/** @type {string} */ id) {
    if (!this.chosen.has(id)) return;
    this.setChosen([id, ...[...this.chosen].filter((each) => each !== id)]);
  }

  // ---- lock, hide, solo --------------------------------------------------------------------------------------------

  /** Lock, or unlock when all are locked. @param {readonly string[]} ids */
  async toggleLocked(ids) {
    const lock = !ids.every((id) => this.locked.has(id));
    const selected = this.selection.map((object) => object.id);
    if (lock && ids.includes(this.selectedId ?? "")) await this.select(null);
    this.setLocked(ids, lock);
    if (selected.length) await this.choose(selected);
  }

  /** Hide, or show when all are hidden. @param {readonly string[]} ids */
  async toggleHidden(ids) {
    const hide = !ids.every((id) => this.objects.get(id)?.hidden);
    // What is open is always drawn.
    if (hide && ids.includes(this.selectedId ?? "")) await this.choose(ids, { open: false });
    for (const id of ids) this.setHidden(id, hide);
  }

  /** Show nothing but these; again, and all is shown as before. @param {readonly string[]} ids */
  toggleSolo(ids) {
    const same = ids.length === this.soloed.size && ids.every((id) => this.soloed.has(id));
    this.setSoloed(same ? [] : ids);
  }

  /** Whether an object may be changed; says why not. @protected @param {string} id */
  mayChange(id) {
    if (!this.locked.has(id)) return true;
    this.notify("info", t("This object is locked. Unlock it first."));
    return false;
  }
}

/**
 * Locked and hidden objects of an image: a matter of this person and browser, not of the annotation. Those of the images seen
 * last are remembered.
 */

import { recall, remember } from "./view_settings.js";

/** @typedef {{imageId: number, locked: string[], hidden: string[]}} Row */

const MOST_IMAGES = 200;

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../types.js").User} user
 */
export function keepView(editor, user) {
  const key = `arranged:${user.id}`;
  let shown = 0;

  const restore = (/** @type {number} */ imageId) => {
    shown = imageId;
    const row = rowsOf(key).find((each) => each.imageId === imageId);
    editor.setLocked([...editor.locked], false);
    editor.setLocked(row?.locked ?? [], true);
    for (const id of row?.hidden ?? []) editor.setHidden(id, true);
  };
  const keep = (/** @type {number} */ imageId) => {
    const objects = [...editor.objects.values()];
    const row = {
      imageId,
      locked: objects.filter(({ id }) => editor.locked.has(id)).map(({ id }) => id),
      hidden: objects.filter(({ hidden }) => hidden).map(({ id }) => id),
    };
    const rows = rowsOf(key);
    const known = rows.find((each) => each.imageId === imageId);
    if (JSON.stringify(known ?? { imageId, locked: [], hidden: [] }) === JSON.stringify(row)) return;
    const others = rows.filter((each) => each !== known);
    const empty = !row.locked.length && !row.hidden.length;
    remember(key, (empty ? others : [row, ...others]).slice(0, MOST_IMAGES));
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    const id = editor.image?.id;
    if (!id) return;
    if (id !== shown) restore(id);
    else if (kinds.has("objects")) keep(id);
  });
}

/** @param {string} key @returns {Row[]} */
function rowsOf(key) {
  const stored = recall(key);
  const usable = (/** @type {any} */ row) => Array.isArray(row?.locked) && Array.isArray(row?.hidden);
  return Array.isArray(stored) ? stored.filter(usable) : [];
}

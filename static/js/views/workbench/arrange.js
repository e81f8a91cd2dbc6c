/** Arranging in the workbench: what each of its commands does, and what is remembered of it. */

import { t } from "../../core/translate.js";
import { Clipboard } from "./clipboard.js";
import { mountCombine } from "./combine.js";
import { keepView } from "./kept_view.js";
import { recall, remember } from "./view_settings.js";

/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("./keys.js").Run} Run */
/** @typedef {{clipboard: Clipboard, combine: ReturnType<typeof mountCombine>}} Parts */

const NO_OVERLAPS = "no_overlaps";

/**
 * @param {Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 * @param {import("../../types.js").User} user
 * @param {HTMLElement} card
 * @returns {Parts}
 */
export function mountArranging(editor, stage, user, card) {
  keepView(editor, user);
  editor.setNoOverlaps(recall(NO_OVERLAPS) === true);
  return { clipboard: new Clipboard(user), combine: mountCombine(card, editor, stage) };
}

/**
 * @param {Editor} editor
 * @param {Parts} parts
 * @param {{collect: () => void, onToggle: () => void}} page  collect: to the tool that clicks objects; onToggle: a mode is on
 *   or off
 * @returns {Record<string, Run>} by command id
 */
export function arrangeRuns(editor, { clipboard, combine }, { collect, onToggle }) {
  const ids = () => editor.selection.map(({ id }) => id);
  const isSelected = () => editor.selection.length > 0;
  const copy = () => {
    const clipping = editor.copy();
    if (clipping) clipboard.put(clipping);
    return clipping !== null;
  };
  return {
    many_objects: {
      run: async () => {
        await editor.setManyObjects(!editor.manyObjects);
        if (editor.manyObjects) collect();
        onToggle();
      },
    },
    find_similar: { run: () => editor.findSimilar() },
    no_overlaps: {
      run: () => {
        editor.setNoOverlaps(!editor.noOverlaps);
        remember(NO_OVERLAPS, editor.noOverlaps);
        onToggle();
      },
    },
    select_all: { run: () => editor.chooseAll() },
    merge: { run: () => combine.open("merge") },
    subtract: { run: () => combine.open("subtract") },
    split: { run: () => combine.open("split") },
    copy: { run: copy, when: () => isSelected() && !getSelection()?.toString() },
    cut: { run: () => copy() && editor.deleteSelected(), when: isSelected },
    paste: {
      run: async () => {
        const clipping = clipboard.get();
        if (clipping) await editor.paste(clipping);
        else editor.tell(t("Nothing has been copied yet."));
      },
    },
    duplicate: { run: () => editor.duplicate() },
    bring_forward: { run: () => editor.reorder("forward"), when: isSelected },
    send_backward: { run: () => editor.reorder("backward"), when: isSelected },
    bring_to_front: { run: () => editor.reorder("front"), when: isSelected },
    send_to_back: { run: () => editor.reorder("back"), when: isSelected },
    lock: { run: () => editor.toggleLocked(ids()), when: isSelected },
    hide_selected: { run: () => editor.toggleHidden(ids()), when: isSelected },
    solo: { run: () => editor.toggleSolo(ids()), when: () => isSelected() || editor.soloed.size > 0 },
  };
}

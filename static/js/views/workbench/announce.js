/** Tells screen readers what eyes see happen on the image: masks that appear, where the keyboard's cross is, what is kept. */

import { t, tn } from "../../core/translate.js";
import { h } from "../../ui/dom.js";

/** Arrow keys held down shall not read every pixel. */
const PAUSE_MS = 400;

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../tools/key_cursor.js").KeyCursor} cursor
 */
export function mountAnnouncer(host, editor, cursor) {
  const spoken = h("p", { class: "visually-hidden", role: "status", id: "announcer" });
  host.append(spoken);
  let timer = 0;
  const say = (/** @type {string} */ text) => {
    clearTimeout(timer);
    spoken.textContent = text;
  };

  /** @type {unknown} */
  let decoded = null;
  let chosen = -1;
  let objects = countOf(editor);
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    const { draft } = editor;
    if (kinds.has("image")) {
      objects = countOf(editor);
      if (editor.image) say(openedText(editor));
    } else if (draft?.decoded && (draft.decoded !== decoded || draft.chosen !== chosen)) {
      say(maskText(draft.decoded.candidates, draft.chosen));
    } else if (countOf(editor) !== objects) {
      const more = countOf(editor) > objects;
      objects = countOf(editor);
      const count = tn(objects, "{number} object", "{number} objects");
      say(
        more
          ? t("Accepted. {count} on this image.", { count })
          : t("Removed. {count} on this image.", { count }),
      );
    }
    decoded = draft?.decoded ?? null;
    chosen = draft?.chosen ?? -1;
  });
  cursor.events.addEventListener("move", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => cursor.pixel && say(placeText(editor, cursor.pixel)), PAUSE_MS);
  });
}

/** @param {import("../../editor.js").Editor} editor */
function openedText(editor) {
  const count = tn(countOf(editor), "{number} object", "{number} objects");
  const proposals = editor.proposals().length;
  const name = editor.image?.name ?? "";
  if (!proposals) return t("{name} is open, {count}.", { name, count });
  return t("{name} is open, {count}, {proposals}.", {
    name,
    count,
    proposals: tn(proposals, "{number} proposal", "{number} proposals"),
  });
}

/** Objects that somebody decided on. @param {import("../../editor.js").Editor} editor */
function countOf(editor) {
  let count = 0;
  for (const { isUndecided, isRejected } of editor.objects.values())
    count += Number(!isUndecided && !isRejected);
  return count;
}

/** @param {readonly {iou: number}[]} candidates @param {number} chosen */
function maskText(candidates, chosen) {
  const iou = (candidates[chosen] ?? candidates[0])?.iou.toFixed(2) ?? "";
  return t("Mask {number} of {count}, predicted IoU {iou}.", {
    number: Math.max(chosen, 0) + 1,
    count: candidates.length,
    iou,
  });
}

/** @param {import("../../editor.js").Editor} editor @param {[number, number]} pixel */
function placeText(editor, [x, y]) {
  const object = editor.objectAt(x, y);
  if (!object) return t("At {x}, {y}", { x, y });
  const category = editor.categories.find(({ id }) => id === object.body.category_id);
  return t("At {x}, {y}, over {label}", { x, y, label: category?.name ?? t("No label") });
}

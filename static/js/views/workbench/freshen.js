/** An image was shown as it had been fetched ahead; this brings in what others have done on it since. */

/** @typedef {import("../../types.js").Annotation} Annotation */

/**
 * Objects that the person has changed, made or deleted meanwhile are left alone: saving them finds any conflict.
 *
 * @param {Pick<import("../../editor.js").Editor, "objects" | "takeTheirs" | "forget">} editor
 * @param {readonly Annotation[]} shown  what the editor was opened with
 * @param {readonly Annotation[]} fresh  what there is now, with this browser's unsaved changes
 */
export function freshen(editor, shown, fresh) {
  const before = new Map(shown.map((annotation) => [annotation.id, annotation]));
  const after = new Map(fresh.map((annotation) => [annotation.id, annotation]));
  for (const annotation of fresh) {
    const object = editor.objects.get(annotation.id);
    if (!object && !before.has(annotation.id)) editor.takeTheirs(annotation);
    if (object && annotation.revision > object.revision) editor.takeTheirs(annotation);
  }
  for (const { id, revision } of shown) {
    const object = editor.objects.get(id);
    if (object && !after.has(id) && object.revision === revision) editor.forget(id);
  }
}

/** `#object=<uuid>` in the address opens that object, as links from lists of objects ask; once, and then it is forgotten. */

const NAMED = /^#object=([0-9a-f-]{36})$/;

/** @param {import("../../editor.js").Editor} editor with its image */
export async function openLinked(editor) {
  const id = NAMED.exec(location.hash)?.[1];
  if (!id) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  // What was under way here when the tab was closed comes first.
  if (!editor.draft) await editor.select(id);
}

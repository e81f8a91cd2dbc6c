/** What the rows of objects and of proposals have in common. */

/**
 * Show which object a row is of, and how it stands on the image.
 *
 * @param {HTMLElement} row
 * @param {HTMLElement} open its button
 * @param {{id: string, selected: boolean, dimmed: boolean}} state
 */
export function markRow(row, open, { id, selected, dimmed }) {
  row.dataset.id = id;
  row.classList.toggle("is-selected", selected);
  row.classList.toggle("is-hidden", dimmed);
  open.setAttribute("aria-current", String(selected));
}

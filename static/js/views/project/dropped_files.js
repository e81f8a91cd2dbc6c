/** The files of a drop, those inside dropped folders included. */

/** frame-2 before frame-10 */
const BY_NAME = new Intl.Collator(undefined, { numeric: true });

/**
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function filesFromDrop(transfer) {
  // Entries must be taken before the first await: the transfer is emptied when its event ends.
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (!entries.length) return [...transfer.files];
  const files = await Promise.all(entries.map((entry) => collect(entry, true)));
  return files.flat();
}

/**
 * Inside folders, hidden files and the operating system's own leftovers are no one's images.
 * @param {FileSystemEntry} entry
 * @param {boolean} chosen dropped itself rather than found in a folder
 * @returns {Promise<File[]>}
 */
async function collect(entry, chosen) {
  if (entry.isFile) {
    if (!chosen && /^\.|^(thumbs\.db|desktop\.ini)$/i.test(entry.name)) return [];
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((/** @type {(file: File) => void} */ done, fail) => file.file(done, fail))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  while (true) {
    // A reader gives a folder in portions and an empty one at the end.
    const portion = await new Promise((/** @type {(entries: FileSystemEntry[]) => void} */ done, fail) =>
      reader.readEntries(done, fail),
    );
    if (!portion.length) break;
    children.push(...portion);
  }
  children.sort((a, b) => BY_NAME.compare(a.name, b.name));
  const files = await Promise.all(children.map((child) => collect(child, false)));
  return files.flat();
}

/** Embeddings that this browser keeps, so that images opened lately are ready without the server (offline/embeddings.js). */

const NAME = "annotator-embeddings";

/** @returns {Promise<{count: number, bytes: number}>} nothing where the browser keeps nothing */
export async function keptEmbeddings() {
  if (!("caches" in globalThis) || !(await caches.has(NAME))) return { count: 0, bytes: 0 };
  const cache = await caches.open(NAME);
  const kept = await cache.matchAll();
  const bytes = kept.reduce((sum, { headers }) => sum + Number(headers.get("Content-Length") ?? 0), 0);
  return { count: kept.length, bytes };
}

/** They come again with the images that are opened. */
export async function clearKeptEmbeddings() {
  if ("caches" in globalThis) await caches.delete(NAME);
}

/**
 * Graph files that this browser keeps. Their addresses hold the digest of their content, so what was kept is what the server
 * would answer, and the decoder starts without it. Read here and not in the service worker: megabytes need not pass through it.
 */

const NAME = "annotator-graphs";
/** The files of a few models. */
const MOST = 24;
const VERSIONED = /[?&]v=/;

/**
 * What was kept, else the server's answer, which is kept then.
 *
 * @param {string} url
 * @param {{anew?: boolean}} [options] anew: what was kept is damaged
 * @returns {Promise<Response>}
 * @throws {TypeError} the server does not answer
 */
export async function keptOrFetched(url, { anew = false } = {}) {
  const cache = VERSIONED.test(url) ? await openCache() : null;
  const found = anew ? undefined : await cache?.match(url).catch(() => undefined);
  if (found) return found;
  const fresh = await fetch(url, { credentials: "same-origin", cache: anew ? "reload" : "default" });
  if (cache && fresh.status === 200) keep(cache, url, fresh.clone());
  return fresh;
}

/** Null where this browser keeps nothing: no secure context, or forbidden. @returns {Promise<Cache | null>} */
async function openCache() {
  try {
    return (await globalThis.caches?.open(NAME)) ?? null;
  } catch {
    return null;
  }
}

/** @param {Cache} cache @param {string} url @param {Response} response */
async function keep(cache, url, response) {
  try {
    await cache.put(url, response);
    const keys = await cache.keys(); // oldest first
    await Promise.all(keys.slice(0, -MOST).map((key) => cache.delete(key)));
  } catch {
    // The disk is full: the server is asked the next time.
  }
}

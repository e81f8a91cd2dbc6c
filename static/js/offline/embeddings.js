// Embeddings that the service worker keeps: an image that was opened lately is ready for clicks without the server and without
// the network. An embedding never changes under its address, so what was kept is what the server would answer. The newest stay, up
// to a number, a size and a share of what this browser may keep; the workbench shows the size and can clear it
// (views/workbench/kept_embeddings.js, which knows the name too).

(() => {
  /** @type {any} */
  const worker = self;
  const NAME = "annotator-embeddings";
  const MOST = 300;
  const MOST_BYTES = 256e6;
  const SHARE = 0.2;
  /** An entry that does not tell its size counts as a large one. */
  const UNKNOWN_BYTES = 4e6;
  /** Those that are among the newest anyway need not be written anew when they are used. */
  const RECENT = 20;
  /** Bytes by address, as far as they have been asked for. @type {Map<string, number>} */
  const sizes = new Map();
  const ADDRESS = /^\/api\/v1\/images\/\d+(\/crops\/[\d-]+)?\/embeddings\/[0-9a-f]{64}$/;

  /**
   * What was kept, else the server's answer, which is kept then. A request that asks for a "reload" gets the server's.
   *
   * @param {any} event
   * @returns {Promise<Response>}
   */
  async function answer(event) {
    const { request } = event;
    const found = request.cache === "reload" ? undefined : await kept(request.url);
    if (found) {
      event.waitUntil(use(request.url, found.clone()));
      return found;
    }
    const fresh = await fetch(request);
    if (fresh.status === 200) event.waitUntil(keep(request.url, fresh.clone()));
    return fresh;
  }

  /** @param {string} url @returns {Promise<Response | undefined>} nothing, too, where this browser keeps nothing */
  async function kept(url) {
    try {
      return await (await caches.open(NAME)).match(url, { ignoreVary: true });
    } catch {
      return undefined;
    }
  }

  /** Make it one of the newest. @param {string} url @param {Response} found */
  async function use(url, found) {
    const keys = await (await caches.open(NAME)).keys(); // oldest first
    const at = keys.findIndex((key) => key.url === url);
    if (at < keys.length - RECENT) await keep(url, found);
    else await found.body?.cancel();
  }

  /** @param {string} url @param {Response} response */
  async function keep(url, response) {
    try {
      const cache = await caches.open(NAME);
      await cache.put(url, response);
      sizes.delete(url);
      await trim(cache, Math.min(MOST_BYTES, SHARE * (await allowed())));
    } catch {
      // The disk is full, or the tab was closed: then the server is asked again.
    }
  }

  /** Bytes that this origin may keep in all. */
  async function allowed() {
    return (await worker.navigator?.storage?.estimate?.())?.quota ?? Infinity;
  }

  /** Drop the oldest. @param {Cache} cache @param {number} mostBytes */
  async function trim(cache, mostBytes) {
    const keys = await cache.keys();
    let count = 0;
    let bytes = 0;
    for (const key of [...keys].reverse()) {
      bytes += sizes.get(key.url) ?? (await measure(cache, key));
      // The newest one is of use even where it is larger than what may be kept.
      if (++count > 1 && (count > MOST || bytes > mostBytes)) await cache.delete(key);
    }
  }

  /** @param {Cache} cache @param {Request} key @returns {Promise<number>} bytes */
  async function measure(cache, key) {
    const response = await cache.match(key, { ignoreVary: true });
    const bytes = Number(response?.headers.get("Content-Length") ?? UNKNOWN_BYTES);
    sizes.set(key.url, bytes);
    return bytes;
  }

  worker.embeddings = {
    /** @param {string} pathname */
    isOne: (pathname) => ADDRESS.test(pathname),
    answer,
    forget: () => caches.delete(NAME),
  };
})();

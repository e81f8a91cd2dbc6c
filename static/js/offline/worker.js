// The service worker: lets the workbench be reloaded while the server is away. Whatever the server answers is what the page gets;
// only when there is no answer does it get what was kept. The page's parts are another matter: their addresses hold the version
// of their content, so what was kept is what the server would answer. `/offline.js` hands in the list of the parts and that
// version; every change of a part makes another worker, which keeps a set of its own.

(() => {
  /** @type {any} */
  const worker = self;
  /** @type {{version: string, files: string[]}} */
  const { version, files } = worker.parts;
  const { embeddings } = worker;
  const SHELL = `annotator-shell-${version}`;
  /** The page and the server's answers about projects and images: one person's. */
  const WORK = "annotator-work";
  const MOST = 400;
  /** After so many new answers they are counted. */
  const COUNTED = 40;
  const NO_ANSWER = [502, 503, 504];

  const PAGE = /^\/projects\/\d+\/images\/\d+$/;
  const PARTS = /^\/(assets|static|vendor)\//;
  /** The browser keeps the compiled form of this one only where it fetched it by itself. */
  const COMPILED = /\.wasm$/;
  /** What is not in the set comes from the server. */
  const ROUTES = [
    {
      condition: { urlPattern: { pathname: `/assets/${version}/static/*` } },
      source: { cacheName: SHELL },
    },
  ];
  const ME = "/api/v1/me";
  const SESSION = "/api/v1/session";
  /** What opening an image asks for, besides embeddings and the decoder's graphs (decoder/kept_graphs.js).
   *  Photographs never change: they are in the browser's own cache. */
  const ANSWERS = /^\/api\/v1\/(me|projects\/\d+|images\/\d+(\/annotations)?|models\/[0-9a-f]{64})$/;
  /** Any image's page will do: it reads from its address what to show. */
  const ANY_PAGE = "/any-image";

  /** @type {Promise<Cache> | null} */
  let shell = null;
  let answersKept = 0;

  worker.addEventListener("install", (/** @type {any} */ event) => {
    // Where the browser can, it takes the parts out of the set by itself: some 170 requests a page that this script is not run for.
    event.addRoutes?.(ROUTES).catch(() => {}); // then it is
    event.waitUntil(install());
  });
  worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(activate()));
  worker.addEventListener("fetch", (/** @type {any} */ event) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (origin !== location.origin) return;
    if (request.method === "DELETE" && pathname === SESSION) event.respondWith(signOut(request));
    if (request.method !== "GET") return;
    if (embeddings.isOne(pathname)) event.respondWith(embeddings.answer(event));
    const listed = files.includes(pathname);
    if (listed && !COMPILED.test(pathname)) event.respondWith(kept(request));
    // A part that is not listed (another runtime of the decoder) is kept when it is first needed.
    else if (PARTS.test(pathname))
      event.respondWith(answered(request, SHELL, request, listed ? null : event));
    else if (request.mode === "navigate" && PAGE.test(pathname)) {
      event.respondWith(answered(request, WORK, ANY_PAGE, event));
    } else if (ANSWERS.test(pathname)) event.respondWith(answered(request, WORK, request, event));
  });

  async function install() {
    const cache = await caches.open(SHELL);
    await cache.addAll(files);
    await worker.skipWaiting();
  }

  async function activate() {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith("annotator-shell-") && name !== SHELL);
    await Promise.all(old.map((name) => caches.delete(name)));
    await keepOpenPage();
    await worker.clients.claim();
  }

  /** The page that installs the worker was loaded without it. */
  async function keepOpenPage() {
    /** @type {{url: string}[]} */
    const open = await worker.clients.matchAll({ includeUncontrolled: true, type: "window" });
    const page = open.find(({ url }) => PAGE.test(new URL(url).pathname));
    const answer = page && (await fetch(page.url).catch(() => null));
    if (answer?.ok && !answer.redirected) await keep(WORK, ANY_PAGE, answer);
  }

  /** A part, from the set of this version; the browser may have thrown it away. @param {Request} request */
  async function kept(request) {
    shell ??= caches.open(SHELL);
    return (await (await shell).match(request.url)) ?? fetch(request);
  }

  /**
   * The server's answer, else what was kept.
   *
   * @param {Request} request
   * @param {string} name of the cache
   * @param {Request | string} key in the cache
   * @param {any} event given: the answer is kept
   * @returns {Promise<Response>}
   */
  async function answered(request, name, key, event) {
    const before = async () => (await caches.open(name)).match(key);
    try {
      const answer = await fetch(request);
      if (NO_ANSWER.includes(answer.status)) return (await before()) ?? answer;
      if (event && answer.ok && !answer.redirected) event.waitUntil(keep(name, key, answer.clone()));
      return answer;
    } catch (error) {
      const found = await before();
      if (found) return found;
      throw error;
    }
  }

  /** @param {string} name of the cache @param {Request | string} key @param {Response} answer */
  async function keep(name, key, answer) {
    if (typeof key !== "string" && new URL(key.url).pathname === ME) await forgetOthers(answer.clone());
    const cache = await caches.open(name);
    await cache.put(key, answer);
    if (answersKept++ % COUNTED) return; // listing hundreds of answers takes longer than keeping one
    const keys = await cache.keys(); // oldest first
    const surplus = keys.slice(0, Math.max(keys.length - MOST, 0));
    await Promise.all(surplus.map((each) => cache.delete(each)));
  }

  /** What one person was answered is not for the next one. @param {Response} me */
  async function forgetOthers(me) {
    const before = await (await caches.open(WORK)).match(ME);
    if (before && (await before.json()).user.id !== (await me.json()).user.id) await forget();
  }

  /** Everything that is one person's. */
  async function forget() {
    await Promise.all([caches.delete(WORK), embeddings.forget()]);
  }

  /** @param {Request} request */
  async function signOut(request) {
    const answer = await fetch(request);
    if (answer.ok) await forget();
    return answer;
  }
})();

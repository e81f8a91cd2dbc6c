import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const BASE = "http://test/api/v1/images";
const DIGEST = "a".repeat(64);

/** Keeps responses in the order in which they were put. */
class FakeCache {
  /** @type {Map<string, Response>} */
  entries = new Map();
  /** @type {string[]} */
  puts = [];
  full = false;

  /** @param {any} key */
  async match(key) {
    return this.entries.get(key.url ?? key)?.clone();
  }

  /** @param {string} url @param {Response} response */
  async put(url, response) {
    if (this.full) throw new DOMException("no room", "QuotaExceededError");
    this.puts.push(url);
    this.entries.delete(url);
    this.entries.set(url, response);
  }

  async keys() {
    return [...this.entries.keys()].map((url) => ({ url }));
  }

  /** @param {any} key */
  async delete(key) {
    return this.entries.delete(key.url);
  }
}

/** @type {FakeCache} */
let cache;
/** @type {string[]} */
let asked;
/** @type {number} */
let status;
let bytes = 1000;
let quota = Infinity;

const worker = /** @type {any} */ (globalThis);
worker.self = worker;
await import(new URL("../../static/js/offline/embeddings.js", import.meta.url).href);
const { embeddings } = worker;

beforeEach(() => {
  [cache, asked, status, bytes, quota] = [new FakeCache(), [], 200, 1000, Infinity];
  Object.assign(globalThis, {
    caches: {
      open: async () => cache,
      delete: async () => {
        cache = new FakeCache();
      },
    },
    fetch: async (/** @type {any} */ { url }) => {
      asked.push(url);
      const headers = { "Content-Length": String(bytes) };
      return new Response(`embedding ${url}`, { status, headers });
    },
  });
  Object.defineProperty(globalThis, "navigator", {
    value: { storage: { estimate: async () => ({ quota }) } },
    configurable: true,
  });
});

/** The worker's answer, once what it does beside is done.
 * @param {number} image @param {RequestCache} [mode] @returns {Promise<string>} */
async function answer(image, mode = "default") {
  /** @type {Promise<unknown>[]} */
  const beside = [];
  const request = { url: `${BASE}/${image}/embeddings/${DIGEST}`, cache: mode };
  const response = await embeddings.answer({
    request,
    waitUntil: (/** @type {Promise<unknown>} */ p) => beside.push(p),
  });
  const text = await response.text();
  await Promise.all(beside);
  return text;
}

const kept = () => [...cache.entries.keys()].map((url) => Number(url.split("/")[6]));

test("embeddings of images and of their parts are meant, and nothing else", () => {
  for (const path of ["/images/7", "/images/7/crops/0-10-300-400"]) {
    assert.ok(embeddings.isOne(`/api/v1${path}/embeddings/${DIGEST}`), path);
  }
  for (const path of [
    "/api/v1/images/7/file",
    `/api/v1/images/7/embeddings/${DIGEST}/x`,
    "/api/v1/images/7",
  ]) {
    assert.ok(!embeddings.isOne(path), path);
  }
});

test("what was kept is given without asking the server, which may be away", async () => {
  const first = await answer(1);
  worker.fetch = () => Promise.reject(new TypeError("no network"));
  assert.equal(await answer(1), first);
  await assert.rejects(answer(2), TypeError);
  assert.deepEqual(asked.length, 1);
});

test("a reload asks the server and replaces what was kept", async () => {
  await answer(1);
  cache.entries.set(`${BASE}/1/embeddings/${DIGEST}`, new Response("damaged"));
  assert.match(await answer(1, "reload"), /^embedding/);
  assert.match(await answer(1), /^embedding/);
  assert.equal(asked.length, 2);
});

test("a refusal is passed on and not kept", async () => {
  status = 404;
  await answer(1);
  assert.deepEqual(kept(), []);
});

test("the oldest go beyond 256 MB, and those that were used last stay", async () => {
  bytes = 10e6;
  for (let image = 1; image <= 25; image++) await answer(image);
  await answer(1);
  await answer(26);
  assert.deepEqual(kept(), [...Array.from({ length: 23 }, (_, i) => i + 3), 1, 26]);
});

test("the oldest go beyond 300, and beyond a fifth of what the browser allows", async () => {
  for (let image = 1; image <= 305; image++) await answer(image);
  assert.deepEqual([kept().length, kept()[0]], [300, 6]);
  quota = 15_000;
  await answer(400);
  assert.deepEqual(kept(), [304, 305, 400].slice(-3));
  quota = 100;
  await answer(401);
  assert.deepEqual(kept(), [401], "the newest one is of use");
});

test("one of the newest is not written again only because it is used", async () => {
  for (let image = 1; image <= 3; image++) await answer(image);
  await answer(1);
  assert.equal(cache.puts.length, 3);
});

test("without room, or without a cache, everything comes from the server", async () => {
  cache.full = true;
  assert.match(await answer(1), /^embedding/);
  worker.caches = { open: () => Promise.reject(new DOMException("denied", "SecurityError")) };
  assert.match(await answer(1), /^embedding/);
  assert.equal(asked.length, 2);
});

test("forgetting takes all", async () => {
  await answer(1);
  await embeddings.forget();
  assert.deepEqual(kept(), []);
});

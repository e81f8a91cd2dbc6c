import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { loadGraphFile } from "../../../static/js/decoder/runtime.js";

const URL = "/api/v1/models/d/graphs/click.onnx?v=abc";
/** @type {any} */
const page = globalThis;
const before = { caches: page.caches, fetch: page.fetch };
/** @type {Map<string, Response>} */
let kept;
/** What the server was asked, in order. @type {string[]} */
let asked;
/** The server's answer. */
let body = new Uint8Array(4);

beforeEach(() => {
  kept = new Map();
  asked = [];
  body = new Uint8Array(4).fill(7);
  const cache = {
    match: async (/** @type {string} */ url) => kept.get(url)?.clone(),
    put: async (/** @type {string} */ url, /** @type {Response} */ response) => {
      kept.delete(url);
      kept.set(url, new Response(await response.arrayBuffer()));
    },
    keys: async () => [...kept.keys()],
    delete: async (/** @type {string} */ url) => kept.delete(url),
  };
  page.caches = { open: async () => cache };
  page.fetch = async (/** @type {string} */ url) => {
    asked.push(url);
    return new Response(body);
  };
});

afterEach(() => Object.assign(page, before));

/** What is written down after the answer. */
const written = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a file is fetched once, and then kept", async () => {
  const first = await loadGraphFile({ url: URL, bytes: 4 });
  await written();
  assert.deepEqual(await loadGraphFile({ url: URL, bytes: 4 }), first);
  assert.deepEqual(asked, [URL]);
});

test("an address without a version is asked for each time", async () => {
  await loadGraphFile({ url: "/decoder.onnx", bytes: 4 });
  await written();
  await loadGraphFile({ url: "/decoder.onnx", bytes: 4 });
  assert.equal(asked.length, 2);
  assert.equal(kept.size, 0);
});

test("what was kept and is damaged is replaced", async () => {
  kept.set(URL, new Response(new Uint8Array(3)));
  assert.equal((await loadGraphFile({ url: URL, bytes: 4 })).length, 4);
  await written();
  assert.equal((await kept.get(URL)?.clone().arrayBuffer())?.byteLength, 4);
});

test("a file that comes too short twice is refused", async () => {
  body = new Uint8Array(2);
  await assert.rejects(loadGraphFile({ url: URL, bytes: 4 }), { code: "model_truncated" });
});

test("the oldest go when there are many", async () => {
  for (let i = 0; i < 30; i++) {
    await loadGraphFile({ url: `${URL}${i}`, bytes: 4 });
    await written();
  }
  assert.equal(kept.size, 24);
  assert.ok(kept.has(`${URL}29`) && !kept.has(`${URL}5`));
});

test("a browser that keeps nothing asks the server", async () => {
  page.caches = { open: async () => Promise.reject(new Error("forbidden")) };
  assert.equal((await loadGraphFile({ url: URL, bytes: 4 })).length, 4);
  page.caches = undefined;
  assert.equal((await loadGraphFile({ url: URL, bytes: 4 })).length, 4);
  assert.equal(asked.length, 2);
});

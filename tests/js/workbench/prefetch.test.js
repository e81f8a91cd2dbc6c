import assert from "node:assert/strict";
import test from "node:test";
import { Prefetch } from "../../../static/js/views/workbench/prefetch.js";

const IMAGES = 6;

/** A project of images in a row, each 20 megapixels large: too large to keep its photograph. @param {string} path */
function answerOf(path) {
  const id = Number(/images\/(\d+)/.exec(path)?.[1]);
  if (path.includes("annotations")) return { annotations: [] };
  const next_id = id < IMAGES ? id + 1 : null;
  const urls = { file: `/files/${id}`, thumbnail: `/thumbnails/${id}` };
  return { id, next_id, width: 5000, height: 4000, urls, embedding: { url: `/embeddings/${id}` } };
}

/** @param {import("node:test").TestContext} context */
function serve(context) {
  context.mock.method(globalThis, "fetch", async (/** @type {string} */ path) => {
    if (path.startsWith("/embeddings")) return new Response(new Uint8Array(8));
    return Response.json(answerOf(path));
  });
  Object.assign(globalThis, { Image: class {} });
  context.after(() => Reflect.deleteProperty(globalThis, "Image"));
}

test("who goes elsewhere is not told that the images fetched for here are ready", async (context) => {
  serve(context);
  /** @type {number[]} */
  const prepared = [];
  let quiet = (/** @type {AbortSignal} */ signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const prefetch = new Prefetch({
    firstView: () => /** @type {any} */ (null),
    prepare: async ({ id }) => void prepared.push(id),
    whenQuiet: (signal) => /** @type {any} */ (quiet(signal)),
  });
  const image = (/** @type {number} */ id) => /** @type {any} */ (answerOf(`/images/${id}`));
  const left = prefetch.around(image(1), undefined);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(prepared, [], "nothing heavy before it is quiet");
  quiet = async () => {};
  assert.equal(await prefetch.around(image(2), undefined), true);
  assert.equal(await left, false);
  assert.equal(prefetch.ready, 3);
  assert.deepEqual(prepared, [3]);
  assert.ok(prefetch.take(5));
  assert.equal(prefetch.take(6), null);
});

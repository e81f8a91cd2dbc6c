import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { openGpuDecoder } from "../../../static/js/decoder/gpu_decoder.js";

const MODEL = /** @type {any} */ ({ maskSize: [8, 8], whole: { url: "http://test/decoder.onnx", bytes: 1 } });
const PROMPTS = { coords: Float32Array.of(3, 4), labels: Float32Array.of(1), count: 1 };
const RUNTIME = "http://test/ort.webgpu.min.mjs";

/** A worker that answers what the test wants. */
class FakeWorker extends EventTarget {
  /** @type {any[]} */
  requests = [];
  terminated = false;
  /** @type {(request: any) => object | null} null: silence */
  reply = ({ type }) => (type === "open" ? { opened: true } : answer());

  /** @param {any} request */
  postMessage(request) {
    this.requests.push(request);
    const data = this.reply(request);
    if (data) queueMicrotask(() => this.tell(data));
  }

  /** @param {object} data */
  tell(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  terminate() {
    this.terminated = true;
  }
}

const answer = () => ({
  iou: Float32Array.of(0.1, 0.2),
  logits: Float32Array.from({ length: 128 }, (_, i) => i),
});

/** @type {FakeWorker} */
let worker;
/** @type {{info: {isFallbackAdapter: boolean}} | null} */
let adapter;

beforeEach(() => {
  worker = new FakeWorker();
  adapter = { info: { isFallbackAdapter: false } };
  Object.assign(globalThis, {
    Worker: function Worker() {
      return worker;
    },
  });
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu: { requestAdapter: async () => adapter } },
    configurable: true,
  });
});

afterEach(() => {
  mock.timers.reset();
  for (const name of ["Worker", "navigator"]) delete (/** @type {any} */ (globalThis)[name]);
});

test("without a card nothing is fetched; software is no card, unless it is asked for", async () => {
  adapter = null;
  await assert.rejects(openGpuDecoder(MODEL, RUNTIME, "auto"), { code: "gpu_absent" });
  adapter = { info: { isFallbackAdapter: true } };
  await assert.rejects(openGpuDecoder(MODEL, RUNTIME, "auto"), { code: "gpu_absent" });
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  await assert.rejects(openGpuDecoder(MODEL, RUNTIME, "webgpu"), { code: "gpu_absent" });
  assert.equal(worker.requests.length, 0);
});

test("a click sends the embedding once, and any mask and window is cut from its one answer", async () => {
  const decoder = await openGpuDecoder(MODEL, RUNTIME, "auto");
  assert.deepEqual(worker.requests[0], { type: "open", model: MODEL, runtimeUrl: RUNTIME });
  const embedding = await decoder.prepare(new Float32Array(4), [1, 2, 2]);
  const first = await decoder.run(embedding, PROMPTS, null);
  await decoder.run(embedding, PROMPTS, new Float32Array(64));
  await decoder.run({ values: new Float32Array(4), shape: [1, 2, 2] }, PROMPTS, null);
  const runs = worker.requests.slice(1);
  const sent = runs.map((request) => request.embedding !== null);
  assert.deepEqual(sent, [true, false, true]);
  assert.equal(runs[1].maskInput.length, 64);
  const lower = await first.draw([1], [1, 2, 0, 1]);
  assert.deepEqual([...lower.slice(0, 5)], [96, 97, 98, 99, 104]);
});

test("a card that fails in a click, or between clicks, is lost", async () => {
  const decoder = await openGpuDecoder(MODEL, RUNTIME, "auto");
  worker.reply = () => ({ lost: "out of memory" });
  const embedding = await decoder.prepare(new Float32Array(4), [1, 2, 2]);
  await assert.rejects(decoder.run(embedding, PROMPTS, null), { code: "gpu_lost", message: "out of memory" });
  await decoder.lost;
  const other = await openGpuDecoder(MODEL, RUNTIME, "auto").catch(() => null);
  assert.equal(other, null);
  assert.ok(worker.terminated);
});

test("a card that hangs is lost after a while; so is one that is stopped", async () => {
  const decoder = await openGpuDecoder(MODEL, RUNTIME, "auto");
  mock.timers.enable({ apis: ["setTimeout"] });
  worker.reply = () => null;
  const embedding = await decoder.prepare(new Float32Array(4), [1, 2, 2]);
  const hanging = decoder.run(embedding, PROMPTS, null);
  mock.timers.tick(30_000);
  await assert.rejects(hanging, { code: "gpu_lost" });
  await decoder.lost;
  const stopped = decoder.run(embedding, PROMPTS, null);
  decoder.dispose();
  await assert.rejects(stopped, { code: "disposed" });
  assert.ok(worker.terminated);
});

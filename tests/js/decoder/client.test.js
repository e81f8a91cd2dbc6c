import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { makeFrame } from "../../../static/js/core/geometry.js";
import { addPoint, NO_PROMPTS } from "../../../static/js/core/prompts.js";
import { DecoderClient } from "../../../static/js/decoder/client.js";

const MODEL = /** @type {any} */ ({
  digest: "d".repeat(64),
  config: { image_size: 64, embedding_size: [4, 4], mask_size: [16, 16] },
  decoder: { url: "/api/v1/models/d/decoder.onnx", bytes: 10, sha256: "" },
});
const IMAGE = { imageSha256: "b", width: 20, height: 10 };

/** A worker that answers when the test says so. */
class FakeWorker extends EventTarget {
  /** @type {any[]} */
  requests = [];
  terminated = false;

  /** @param {any} request */
  postMessage(request) {
    this.requests.push(request);
    if (!["decode", "rest"].includes(request.type)) this.answer(request, this.reply(request));
  }

  /** @param {any} request */
  reply(request) {
    return request.type === "start"
      ? { result: { backend: "wasm", threads: 2, isolated: true } }
      : { result: makeFrame([10, 20], 64, [16, 16]) };
  }

  /** @param {any} request @param {object} reply */
  answer(request, reply) {
    queueMicrotask(() =>
      this.dispatchEvent(new MessageEvent("message", { data: { id: request.id, ...reply } })),
    );
  }

  /** Answer the decode that runs. @param {boolean} [unfinished] */
  finish(unfinished = false) {
    const request = this.decodes.at(-1);
    const logits = new Float32Array(256).fill(1);
    const bitmap = { width: 20, height: 10, data: new Uint8Array(200).fill(1) };
    this.answer(request, {
      result: {
        candidates: [
          { candidate: 2, iou: 0.9, stability: 1, logits },
          { candidate: 1, iou: 0.8, stability: 1, logits: logits.map((value) => -value) },
        ],
        bitmap,
        timings: { decode: 5, upsample: 1 },
        unfinished,
      },
    });
  }

  get decodes() {
    return this.requests.filter(({ type }) => type === "decode");
  }

  terminate() {
    this.terminated = true;
  }
}

/** @type {FakeWorker} */
let worker;

beforeEach(() => {
  Object.assign(globalThis, {
    location: { href: "http://test/projects/1/images/2" },
    Worker: class extends FakeWorker {
      constructor() {
        super();
        worker = this;
      }
    },
  });
});

afterEach(() => {
  for (const name of ["location", "Worker"]) delete (/** @type {any} */ (globalThis)[name]);
});

/** @param {number} x */
const click = (x) => addPoint(NO_PROMPTS, x, 1, 1);
const settle = () => new Promise((resolve) => setTimeout(resolve));

/** @returns {Promise<DecoderClient>} */
async function ready() {
  const client = await DecoderClient.start(MODEL);
  await client.loadEmbedding(new ArrayBuffer(8), IMAGE);
  return client;
}

test("starting sends absolute addresses and sizes, and tells the backend", async () => {
  const client = await DecoderClient.start(MODEL);
  const { payload } = worker.requests[0];
  assert.deepEqual(payload.model.whole, { url: "http://test/api/v1/models/d/decoder.onnx", bytes: 10 });
  assert.equal(payload.model.graphs, null);
  assert.match(payload.runtimeUrl, /^file:.*\/vendor\/onnxruntime-web\/dist\/ort\.wasm\.bundle\.min\.mjs$/);
  assert.deepEqual(payload.model.maskSize, [16, 16]);
  assert.deepEqual(client.backend, { backend: "wasm", threads: 2, isolated: true });
  assert.equal(client.modelDigest, MODEL.digest);
});

test("another backend is told when it answers, and asked for with what is known of it", async () => {
  const told = /** @type {object[]} */ ([]);
  const client = await DecoderClient.start(MODEL, { changed: () => told.push(client.backend) });
  const known = /** @type {const} */ ({ outcome: "chosen", ratio: 2 });
  await client.prefer("auto", known);
  const { type, payload } = worker.requests[1];
  assert.equal(type, "prefer");
  assert.deepEqual([payload.choice, payload.known], ["auto", known]);
  assert.match(payload.runtimeUrl, /^file:.*\/vendor\/onnxruntime-web\/dist\/ort\.webgpu\.min\.mjs$/);
  const changed = { backend: "webgpu", threads: 2, isolated: true, webgpu: known };
  worker.dispatchEvent(new MessageEvent("message", { data: { changed } }));
  assert.deepEqual(told, [changed]);
});

test("graphs are used where the model has all of them", async () => {
  const file = (/** @type {string} */ name) => ({ url: `/graphs/${name}.onnx`, bytes: 3, sha256: "" });
  const names = ["prelude", "mask_prompt", "click", "upscale"];
  const graphs = Object.fromEntries(names.map((name) => [name, file(name)]));
  await DecoderClient.start({ ...MODEL, decoder: { ...MODEL.decoder, graphs } });
  assert.deepEqual(worker.requests[0].payload.model.graphs.click, {
    url: "http://test/graphs/click.onnx",
    bytes: 3,
  });
  const { upscale: _, ...older } = graphs;
  await DecoderClient.start({ ...MODEL, decoder: { ...MODEL.decoder, graphs: older } });
  assert.equal(worker.requests[0].payload.model.graphs, null);
});

test("an embedding is announced with the model it must belong to", async () => {
  const client = await ready();
  assert.deepEqual(worker.requests[1].payload.expected, { modelDigest: MODEL.digest, ...IMAGE });
  assert.deepEqual([...(client.frame?.input ?? [])], [32, 64]);
});

test("one decode runs, the newest click waits, those between resolve to null", async () => {
  const client = await ready();
  const answers = [1, 2, 3, 4].map((x) => client.decode(click(x)));
  assert.equal(worker.decodes.length, 1);
  worker.finish();
  assert.equal(await answers[0], null, "the running one was overtaken");
  assert.equal(await answers[1], null);
  assert.equal(await answers[2], null);
  await settle();
  assert.deepEqual(
    worker.decodes.map(({ payload }) => payload.prompts.points[0][0]),
    [1, 4],
  );
  worker.finish();
  const decoded = await answers[3];
  assert.deepEqual(
    decoded?.candidates.map(({ candidate }) => candidate),
    [2, 1],
  );
  assert.ok((decoded?.timings.wait ?? -1) >= 0);
});

test("clicks go before hovers and make them void", async () => {
  const client = await ready();
  const first = client.decode(click(1), { hover: true });
  const second = client.decode(click(2), { hover: true });
  const pressed = client.decode(click(3));
  assert.equal(await second, null);
  worker.finish();
  assert.equal(await first, null, "a hover under a click is of no use");
  await settle();
  assert.equal(worker.decodes[1].payload.prompts.points[0][0], 3);
  const late = client.decode(click(4), { hover: true });
  worker.finish();
  assert.ok(await pressed, "a hover does not overtake a click");
  await settle();
  worker.finish();
  assert.ok(await late);
});

test("a running hover is still shown while newer hovers wait", async () => {
  const client = await ready();
  const first = client.decode(click(1), { hover: true });
  const second = client.decode(click(2), { hover: true });
  worker.finish();
  assert.ok(await first);
  await settle();
  worker.finish();
  assert.ok(await second);
});

test("the padding's logits come after the masks, and before the next decode", async () => {
  const client = await ready();
  const pending = client.decode(click(1));
  worker.finish(true);
  const decoded = await pending;
  await settle();
  const rest = worker.requests.at(-1);
  assert.equal(rest.type, "rest");
  const next = client.decode(click(2), { maskInput: decoded?.candidates[1].logits });
  assert.equal(worker.decodes.length, 1, "its mask prompt is not complete yet");
  const values = Float32Array.from({ length: 2 * 8 * 16 }, (_, i) => i);
  worker.answer(rest, { result: { window: [2, 4, 0, 4], values } });
  await settle();
  const { maskInput, first } = worker.decodes[1].payload;
  assert.deepEqual([maskInput[127], maskInput[128], maskInput[255], first], [-1, 128, 255, false]);
  assert.equal(decoded?.candidates[0].logits[128], 0);
  worker.finish();
  assert.ok(await next);
});

test("hovers ask for the first candidate and for nothing that is left out", async () => {
  const client = await ready();
  const hover = client.decode(click(1), { hover: true });
  assert.equal(worker.decodes[0].payload.first, true);
  worker.finish(false);
  assert.ok(await hover);
  await settle();
  assert.equal(worker.requests.at(-1).type, "decode");
});

test("every mask is a new bitmap; the first comes from the worker", async () => {
  const client = await ready();
  const pending = client.decode(click(1));
  worker.finish();
  const decoded = await pending;
  const [first, again, other] = [decoded?.mask(0), decoded?.mask(0), decoded?.mask(1)];
  assert.notEqual(first?.data, again?.data);
  assert.deepEqual(first, again);
  assert.equal(other?.data.indexOf(1), -1, "the second candidate's logits are negative");
});

test("a new image makes the old one's answers void", async () => {
  const client = await ready();
  const old = client.decode(click(1));
  const loading = client.loadEmbedding(new ArrayBuffer(8), IMAGE);
  worker.finish();
  assert.equal(await old, null);
  await loading;
});

test("the worker's errors keep their code, and the client goes on", async () => {
  const client = await ready();
  const failing = client.decode(click(1));
  worker.answer(worker.decodes[0], { error: { code: "decoder_failed", message: "out of memory" } });
  await assert.rejects(failing, { code: "decoder_failed", message: "out of memory" });
  const next = client.decode(click(2));
  worker.finish();
  assert.ok(await next);
});

test("a worker that dies rejects what runs and what comes", async () => {
  const client = await ready();
  const running = client.decode(click(1));
  worker.dispatchEvent(Object.assign(new Event("error"), { message: "boom" }));
  await assert.rejects(running, { code: "worker_failed", cause: "boom" });
  await assert.rejects(client.decode(click(2)), { code: "worker_failed" });
});

test("a failed start stops the worker", async () => {
  const { reply } = FakeWorker.prototype;
  FakeWorker.prototype.reply = () =>
    /** @type {any} */ ({ error: { code: "model_unavailable", message: "404" } });
  try {
    const message = "The server does not give out the decoder's file. Reload the page.";
    await assert.rejects(DecoderClient.start(MODEL), { code: "model_unavailable", message, cause: "404" });
    assert.equal(worker.terminated, true);
  } finally {
    FakeWorker.prototype.reply = reply;
  }
});

test("a disposed client refuses work and answers nothing", async () => {
  const client = await ready();
  const running = client.decode(click(1));
  client.dispose();
  assert.equal(await running, null);
  await assert.rejects(client.decode(click(2)), { code: "disposed" });
  assert.equal(worker.terminated, true);
});

test("prompts of a closer look come back in their place, and end with the image", async () => {
  const client = await ready();
  const crop = /** @type {const} */ ([4, 2, 14, 7]);
  worker.reply = () => ({ result: makeFrame([5, 10], 64, [16, 16]) });
  await client.loadCrop(new ArrayBuffer(8), { imageSha256: "b", crop });
  const { expected } = worker.requests.at(-1).payload;
  assert.deepEqual([expected.width, expected.height, expected.crop], [10, 5, crop]);
  const asked = client.decode({ ...addPoint(NO_PROMPTS, 6, 4, 1), crop });
  await settle();
  const logits = new Float32Array(256).fill(1);
  worker.answer(worker.decodes.at(-1), {
    result: {
      candidates: [
        { candidate: 2, iou: 0.9, stability: 1, logits },
        { candidate: 1, iou: 0.8, stability: 1, logits: logits.map((value) => -value) },
      ],
      bitmap: { width: 10, height: 5, data: new Uint8Array(50).fill(1) },
      timings: { decode: 5, upsample: 1 },
      unfinished: false,
    },
  });
  const decoded = await asked;
  assert.deepEqual(decoded?.crop, crop);
  for (const again of [false, true]) {
    const mask = decoded?.mask(0);
    assert.deepEqual([mask?.width, mask?.height], [20, 10]);
    const inside = mask?.data.reduce((sum, value) => sum + value, 0);
    assert.equal(inside, 50, again ? "made again from the logits" : "from the worker");
    assert.deepEqual([mask?.data[2 * 20 + 4], mask?.data[6 * 20 + 13], mask?.data[2 * 20 + 3]], [1, 1, 0]);
  }
  assert.equal(
    decoded?.mask(1).data.some((value) => value),
    false,
  );
});

test("an image that is ready becomes the current one without its file", async () => {
  const client = await ready();
  const running = client.decode(click(1));
  const next = { ...IMAGE, imageSha256: "c" };
  await client.prepareAhead(new ArrayBuffer(8), next);
  const { type, payload } = worker.requests.at(-1);
  assert.deepEqual([type, payload.expected], ["ahead", { modelDigest: MODEL.digest, ...next }]);
  const before = client.frame;
  assert.equal(await client.recall(next), true);
  assert.notEqual(client.frame, before);
  worker.finish();
  assert.equal(await running, null, "it was asked of the image before");
});

test("an image that is not ready changes nothing", async () => {
  const client = await ready();
  const { frame } = client;
  worker.reply = () => /** @type {any} */ ({ result: null });
  assert.equal(await client.recall({ ...IMAGE, imageSha256: "c" }), false);
  assert.equal(client.frame, frame);
  const running = client.decode(click(1));
  worker.finish();
  assert.notEqual(await running, null);
});

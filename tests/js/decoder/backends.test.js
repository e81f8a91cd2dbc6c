import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Backends } from "../../../static/js/decoder/backends.js";
import { CLEARLY_FASTER, sampleFor } from "../../../static/js/decoder/probe.js";
import { DecoderError } from "../../../static/js/decoder/runtime.js";
import { cutMasks } from "../../../static/js/decoder/windows.js";

const MODEL = /** @type {any} */ ({ imageSize: 64, embeddingSize: [4, 4], maskSize: [16, 16] });
const PROMPTS = { coords: Float32Array.of(3, 4, 0, 0), labels: Float32Array.of(1, -1), count: 2 };
const VALUES = new Float32Array(32);
/** @type {import("../../../static/js/decoder/windows.js").Window} */
const WHOLE = [0, 4, 0, 4];

let now = 0;
mock.method(performance, "now", () => now);

/** A decoder that takes `ms` a click, and says who answered in its predicted IoU. */
class FakeSession {
  clicks = 0;
  disposed = false;
  /** @type {Error | null} */
  failing = null;
  tellLost = () => {};
  /** @type {Promise<void>} */
  lost = new Promise((resolve) => {
    this.tellLost = resolve;
  });

  /** @param {string} name @param {number} ms @param {(value: number, i: number) => number} [change] of logits */
  constructor(name, ms, change = (value) => value) {
    this.name = name;
    this.ms = ms;
    this.change = change;
  }

  /** @param {Float32Array} values */
  async prepare(values) {
    return { values };
  }

  async run() {
    this.clicks++;
    now += this.ms;
    if (this.failing) throw this.failing;
    const logits = Float32Array.from({ length: 4 * 256 }, (_, i) => this.change(Math.sin(i) * 20, i));
    const draw = async (/** @type {readonly number[]} */ masks, /** @type {any} */ window) =>
      cutMasks(logits, MODEL.maskSize, masks, window);
    return { iou: Float32Array.of(0.5, 0.6, 0.7, 0.8), draw, by: this.name };
  }

  dispose() {
    this.disposed = true;
  }
}

/** @type {FakeSession} */
let wasm;
/** @type {Backends<any>} */
let backends;
/** @type {string[]} */
let told;

beforeEach(() => {
  wasm = new FakeSession("wasm", 40);
  told = [];
  backends = new Backends(/** @type {any} */ (wasm), {
    inTurn: (work) => work(),
    sample: () => sampleFor(MODEL, 2),
    changed: () => told.push(`${backends.used} ${backends.verdict?.outcome ?? "-"}`),
  });
});

/** @param {FakeSession} gpu */
const opens = (gpu) => async () => /** @type {any} */ (gpu);

/** Who answers a click. */
async function answeredBy() {
  const prepared = await backends.prepare(VALUES, [2, 4, 4]);
  const answer = /** @type {any} */ (await backends.run(prepared, PROMPTS, null));
  assert.equal((await answer.draw([0], WHOLE)).length, 256);
  return answer.by;
}

test("what is right and clearly faster is chosen", async () => {
  const gpu = new FakeSession("gpu", 10, (value) => value * (1 + 1e-6));
  await backends.prefer("auto", null, opens(gpu));
  assert.deepEqual(backends.verdict, { outcome: "chosen", ratio: 4 });
  assert.equal(await answeredBy(), "gpu");
  assert.deepEqual(told, ["webgpu chosen"]);
});

for (const [what, gpu, outcome] of /** @type {[string, FakeSession, string][]} */ ([
  ["no faster", new FakeSession("gpu", (40 / CLEARLY_FASTER) * 1.01), "slow"],
  ["fast, but one logit is off", new FakeSession("gpu", 1, (value, i) => value + (i === 5 ? 1 : 0)), "wrong"],
  ["fast, but gives no numbers", new FakeSession("gpu", 1, () => Number.NaN), "wrong"],
  ["right but for the masks' edges", new FakeSession("gpu", 1, (v) => (Math.abs(v) < 1 ? 0.03 : v)), "wrong"],
])) {
  test(`what is ${what} is refused`, async () => {
    await backends.prefer("auto", null, opens(gpu));
    assert.equal(backends.verdict?.outcome, outcome);
    assert.ok(gpu.disposed);
    assert.equal(await answeredBy(), "wasm");
  });
}

test("what does not start, or throws, is refused, and an absent card is told apart", async () => {
  const failing = new FakeSession("gpu", 1);
  failing.failing = new Error("a shader does not compile");
  await backends.prefer("auto", null, opens(failing));
  assert.deepEqual(backends.verdict, { outcome: "failed", ratio: null });
  assert.ok(failing.disposed);
  await backends.prefer("auto", null, () => Promise.reject(new Error("no memory")));
  assert.equal(backends.verdict?.outcome, "failed");
  await backends.prefer("auto", null, () => Promise.reject(new DecoderError("gpu_absent", "none")));
  assert.equal(backends.verdict?.outcome, "absent");
  assert.equal(await answeredBy(), "wasm");
});

test("a click that the card fails is answered all the same, and all that follow", async () => {
  const gpu = new FakeSession("gpu", 1);
  await backends.prefer("auto", null, opens(gpu));
  gpu.failing = new Error("device lost");
  assert.equal(await answeredBy(), "wasm");
  assert.ok(gpu.disposed);
  assert.equal(backends.verdict?.outcome, "lost");
  const { clicks } = gpu;
  assert.equal(await answeredBy(), "wasm");
  assert.equal(gpu.clicks, clicks, "it is not asked again");
  assert.deepEqual(told, ["webgpu chosen", "wasm lost"]);
});

test("a card that is lost between clicks is told at once", async () => {
  const gpu = new FakeSession("gpu", 1);
  await backends.prefer("auto", null, opens(gpu));
  gpu.tellLost();
  await gpu.lost;
  assert.deepEqual(told, ["webgpu chosen", "wasm lost"]);
});

test("what was found out before is not measured again, but a card has to be right each time", async () => {
  const opened = mock.fn(opens(new FakeSession("gpu", 1)));
  await backends.prefer("auto", { outcome: "slow", ratio: 0.5 }, opened);
  assert.equal(opened.mock.callCount(), 0);
  assert.deepEqual(told, ["wasm slow"]);
  const slowToday = new FakeSession("gpu", 100);
  await backends.prefer("auto", { outcome: "chosen", ratio: 3 }, opens(slowToday));
  assert.deepEqual(backends.verdict, { outcome: "chosen", ratio: 3 });
  assert.equal(slowToday.clicks, 1);
  await backends.prefer("auto", { outcome: "chosen", ratio: 3 }, opens(new FakeSession("gpu", 1, () => 1)));
  assert.equal(backends.verdict?.outcome, "wrong");
});

test("a person's word counts more than speed, and less than right masks", async () => {
  const slow = new FakeSession("gpu", 400);
  await backends.prefer("webgpu", { outcome: "slow", ratio: 0.1 }, opens(slow));
  assert.equal(await answeredBy(), "gpu");
  await backends.prefer("wasm", null, opens(slow));
  assert.ok(slow.disposed);
  assert.equal(backends.verdict, null);
  assert.equal(await answeredBy(), "wasm");
  await backends.prefer("webgpu", null, opens(new FakeSession("gpu", 1, (value) => -value)));
  assert.equal(await answeredBy(), "wasm");
});

test("a choice that is made while another is tried counts alone", async () => {
  const gpu = new FakeSession("gpu", 1);
  /** @type {(gpu: any) => void} */
  let open = () => {};
  const first = backends.prefer("webgpu", null, () => new Promise((resolve) => (open = resolve)));
  await new Promise((resolve) => setTimeout(resolve));
  await backends.prefer("wasm", null, opens(gpu));
  open(gpu);
  await first;
  assert.ok(gpu.disposed);
  assert.equal(await answeredBy(), "wasm");
  assert.deepEqual(told, ["wasm -"]);
});

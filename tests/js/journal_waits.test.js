import assert from "node:assert/strict";
import test from "node:test";
import { createBitmap } from "../../static/js/core/bitmap.js";
import { encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

const [WIDTH, HEIGHT] = [40, 30];

/** An editor whose model answers when told, under a clock that moves when told. @param {test.TestContext} context */
function desk(context) {
  let now = 0;
  /** @type {{at: number, task: () => void}[]} */
  let timers = [];
  context.mock.method(performance, "now", () => now);
  context.mock.method(globalThis, "setTimeout", (/** @type {() => void} */ task, /** @type {number} */ ms) =>
    timers.push({ at: now + ms, task }),
  );
  const written = /** @type {any[]} */ ([]);
  const editor = new Editor({ put: () => {}, remove: () => {}, draft: (_, work) => void written.push(work) });
  /** @type {(answer: null) => void} */
  let answer = () => {};
  const decoder = { modelDigest: "f".repeat(64), decode: () => new Promise((resolve) => (answer = resolve)) };
  editor.open(/** @type {any} */ ({ id: 7, width: WIDTH, height: HEIGHT }), []);
  editor.attachDecoder(/** @type {any} */ (decoder));
  const pass = (/** @type {number} */ ms) => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { task } of due) task();
  };
  return { editor, written, pass, answer: () => answer(null) };
}

test("the journal is written when the model has answered, not while a click waits", async (context) => {
  const { editor, written, pass, answer } = desk(context);
  editor.addPoint(10, 10, 1);
  pass(300);
  assert.equal(written.length, 0);
  answer();
  await editor.idle();
  pass(300);
  assert.equal(written.length, 1);
  assert.deepEqual(written[0].draft.prompts.points, [[10, 10]]);
});

test("a model that does not answer keeps nothing out of the journal", (context) => {
  const { editor, written, pass } = desk(context);
  editor.addPoint(10, 10, 1);
  for (let waited = 0; waited < 2400; waited += 300) pass(300);
  assert.equal(written.length, 1);
});

test("a mask is looked for only where the logits show it", async (context) => {
  const { editor, written, pass } = desk(context);
  const mask = createBitmap(WIDTH, HEIGHT);
  mask.data[5 * WIDTH + 6] = 1;
  const shown = encode(mask.data, WIDTH, HEIGHT);
  mask.data[20 * WIDTH + 30] = 1;
  const box = () => ({ x0: 4, y0: 4, x1: 10, y1: 10 });
  const candidates = [{ candidate: 1, iou: 0.9, stability: 0.9, logits: Float32Array.of(1) }];
  const decoded = { candidates, mask: () => mask, timings: { decode: 1, upsample: 1 }, sketch: { box } };
  editor.attachDecoder(/** @type {any} */ ({ modelDigest: "f".repeat(64), decode: async () => decoded }));
  editor.addPoint(6, 5, 1);
  await editor.idle();
  editor.cancel();
  pass(300);
  const [{ snapshot }] = written[0].history.moments.filter((/** @type {any} */ row) => row.snapshot?.counts);
  assert.equal(snapshot.counts, shown);
});

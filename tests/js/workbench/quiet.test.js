import assert from "node:assert/strict";
import test from "node:test";
import { Quiet } from "../../../static/js/views/workbench/quiet.js";

/** A clock that only moves when told. @param {import("node:test").TestContext} context */
function clockOf(context) {
  let now = 0;
  context.mock.method(performance, "now", () => now);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  return async (/** @type {number} */ ms) => {
    for (let step = 0; step < ms; step += 10) {
      now += 10;
      context.mock.timers.tick(10);
      await Promise.resolve();
      await Promise.resolve();
    }
  };
}

/** What has become of a wait. @param {Promise<void>} wait */
function watched(wait) {
  const seen = { state: "waits" };
  wait.then(
    () => Object.assign(seen, { state: "went on" }),
    () => Object.assign(seen, { state: "given up" }),
  );
  return seen;
}

test("work waits for the pointer to rest and for the model's answer", async (context) => {
  const pass = clockOf(context);
  const host = new EventTarget();
  const editor = { decoding: false };
  const quiet = new Quiet(/** @type {any} */ (host), editor);
  const seen = watched(quiet.wait(new AbortController().signal));
  for (let moves = 0; moves < 5; moves++) {
    await pass(200);
    host.dispatchEvent(new Event("pointermove"));
  }
  assert.equal(seen.state, "waits");
  editor.decoding = true;
  await pass(1000);
  assert.equal(seen.state, "waits");
  editor.decoding = false;
  await pass(100);
  assert.equal(seen.state, "went on");
});

test("a pointer that never rests does not hold work up for good, and another image ends the wait", async (context) => {
  const pass = clockOf(context);
  const host = new EventTarget();
  const quiet = new Quiet(/** @type {any} */ (host), { decoding: false });
  const elsewhere = new AbortController();
  const [kept, left] = [
    watched(quiet.wait(new AbortController().signal)),
    watched(quiet.wait(elsewhere.signal)),
  ];
  for (let moves = 0; moves < 40; moves++) {
    await pass(100);
    host.dispatchEvent(new Event("pointermove"));
  }
  elsewhere.abort();
  await pass(300);
  assert.equal(left.state, "given up");
  for (let moves = 0; moves < 70; moves++) {
    host.dispatchEvent(new Event("pointermove"));
    await pass(100);
  }
  assert.equal(kept.state, "went on");
});

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = /** @type {any} */ ({ getElementById: () => null, querySelectorAll: () => [] });
globalThis.window = /** @type {any} */ (new EventTarget());
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
const { backendText, milliseconds, quantile } = await import(
  "../../static/js/views/workbench/status_details.js"
);
const { Connection } = await import("../../static/js/views/workbench/connection.js");
const { reach } = await import("../../static/js/api.js");

test("quantiles are values that were measured", () => {
  assert.equal(quantile([30, 10, 20], 0.5), 20);
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2);
  assert.equal(
    quantile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.95,
    ),
    95,
  );
  assert.equal(quantile([7], 0.95), 7);
  assert.equal(quantile([], 0.5), 0);
});

test("times and backends read as people say them", () => {
  assert.equal(milliseconds(4.26), "4.3");
  assert.equal(milliseconds(126.4), "126");
  assert.equal(
    backendText({ backend: "wasm", threads: 1, isolated: false, webgpu: null }),
    "WASM × 1 thread",
  );
  assert.equal(
    backendText({ backend: "wasm", threads: 4, isolated: true, webgpu: null }),
    "WASM × 4 threads",
  );
});

test("a server that is away is asked again at growing intervals until it answers", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  let asked = 0;
  context.mock.method(globalThis, "fetch", () => {
    asked++;
    return new Promise(() => {});
  });
  Object.assign(window, { setTimeout, setInterval });
  const connection = new Connection();
  let back = 0;
  connection.addEventListener("back", () => back++);
  assert.equal(connection.retryIn, null);

  reach.dispatchEvent(new Event("unanswered"));
  assert.equal(connection.state, "unreachable");
  assert.equal(connection.retryIn, 2);
  context.mock.timers.tick(1000);
  assert.equal(connection.retryIn, 1);
  reach.dispatchEvent(new Event("unanswered"));
  assert.equal(connection.retryIn, 1, "other failures do not put the attempt off");
  context.mock.timers.tick(1000);
  assert.equal(asked, 1);
  reach.dispatchEvent(new Event("unanswered"));
  assert.equal(connection.retryIn, 4);

  connection.retry();
  assert.equal(asked, 2, "at once on request");
  reach.dispatchEvent(new Event("answered"));
  assert.equal(connection.state, "online");
  assert.equal(back, 1);
  context.mock.timers.tick(60_000);
  assert.equal(asked, 2, "and then no more");
});

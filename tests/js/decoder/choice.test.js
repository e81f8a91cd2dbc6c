import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
  readChoice,
  recallVerdict,
  rememberVerdict,
  writeChoice,
} from "../../../static/js/decoder/choice.js";

/** @type {Map<string, string>} */
let stored;

/** @param {string} userAgent */
function browser(userAgent) {
  Object.defineProperty(globalThis, "navigator", { value: { userAgent }, configurable: true });
}

beforeEach(() => {
  stored = new Map();
  Object.assign(globalThis, {
    localStorage: {
      getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
      removeItem: (/** @type {string} */ key) => stored.delete(key),
    },
  });
  browser("Browser/1");
});

afterEach(() => {
  for (const name of ["localStorage", "navigator"]) delete (/** @type {any} */ (globalThis)[name]);
});

test("the choice is kept, and anything else is automatic", () => {
  assert.equal(readChoice(), "auto");
  writeChoice("webgpu");
  assert.equal(readChoice(), "webgpu");
  for (const odd of ['"gpu"', "{", "7"]) {
    stored.set("annotator.decoder", odd);
    assert.equal(readChoice(), "auto");
  }
});

test("a verdict holds for its model, browser and runtime", () => {
  rememberVerdict("d1", "/v1/ort.mjs", { outcome: "slow", ratio: 0.4 });
  assert.deepEqual(recallVerdict("d1", "/v1/ort.mjs"), { outcome: "slow", ratio: 0.4 });
  assert.equal(recallVerdict("d2", "/v1/ort.mjs"), null);
  assert.equal(recallVerdict("d1", "/v2/ort.mjs"), null);
  browser("Browser/2");
  assert.equal(recallVerdict("d1", "/v1/ort.mjs"), null);
});

test("a card that was lost is measured again; one that was absent is looked for again", () => {
  for (const outcome of /** @type {const} */ (["lost", "absent"])) {
    rememberVerdict("d", "/ort.mjs", { outcome: "chosen", ratio: 2 });
    rememberVerdict("d", "/ort.mjs", { outcome, ratio: null });
    assert.equal(recallVerdict("d", "/ort.mjs"), null);
  }
});

test("a browser without storage finds out each time", () => {
  Object.assign(globalThis, { localStorage: undefined });
  writeChoice("wasm");
  rememberVerdict("d", "/ort.mjs", { outcome: "slow", ratio: 1 });
  assert.equal(readChoice(), "auto");
  assert.equal(recallVerdict("d", "/ort.mjs"), null);
});

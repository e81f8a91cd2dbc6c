import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../../static/js/core/history.js";

/** @param {string[]} log @param {string} label @param {number} [bytes] */
function command(log, label, bytes) {
  return { label, bytes, undo: () => log.push(`undo ${label}`), redo: () => log.push(`redo ${label}`) };
}

test("steps are taken back in reverse and brought again in order", () => {
  /** @type {string[]} */
  const log = [];
  const history = new History();
  assert.equal(history.undo(), null);
  history.push(command(log, "a"));
  history.push(command(log, "b"));
  assert.equal(history.undoLabel, "b");
  history.undo();
  history.undo();
  assert.equal(history.undo(), null);
  assert.equal(history.redoLabel, "a");
  history.redo();
  history.redo();
  assert.equal(history.redo(), null);
  assert.deepEqual(log, ["undo b", "undo a", "redo a", "redo b"]);
});

test("a new step drops what had been undone, and its memory", () => {
  const history = new History();
  history.push(command([], "a", 10));
  history.push(command([], "b", 20));
  history.undo();
  history.push(command([], "c", 5));
  assert.equal(history.canRedo, false);
  assert.equal(history.bytes, 15);
});

test("the oldest steps go when memory or count is exceeded, the newest stays", () => {
  const history = new History({ maxBytes: 100, maxSteps: 3 });
  for (const [label, bytes] of /** @type {[string, number][]} */ ([
    ["a", 60],
    ["b", 60],
    ["c", 500],
  ])) {
    history.push(command([], label, bytes));
  }
  assert.equal(history.bytes, 500);
  history.undo();
  assert.equal(history.canUndo, false);
  const short = new History({ maxSteps: 2 });
  for (const label of ["a", "b", "c"]) short.push(command([], label));
  short.undo();
  short.undo();
  assert.equal(short.canUndo, false);
});

test("clearing forgets everything", () => {
  const history = new History();
  history.push(command([], "a", 10));
  history.undo();
  history.clear();
  assert.deepEqual([history.canUndo, history.canRedo, history.bytes], [false, false, 0]);
});

test("a history that was written down goes on where it stood", () => {
  /** @type {string[]} */
  const log = [];
  const history = new History();
  const steps = ["a", "b", "c"].map((label) => command(log, label, 10));
  history.restore(steps, 2);
  assert.deepEqual(
    history.steps.map(({ label }) => label),
    ["a", "b", "c"],
  );
  assert.deepEqual([history.position, history.bytes], [2, 30]);
  assert.deepEqual([history.undoLabel, history.redoLabel], ["b", "c"]);
  history.redo();
  history.undo();
  history.undo();
  assert.deepEqual(log, ["redo c", "undo c", "undo b"]);
  assert.deepEqual(history.steps, steps);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acknowledge,
  click,
  counts,
  DIGEST,
  disc,
  editor,
  journal,
  open,
  reload,
  sent,
  shown,
  stroke,
} from "./editing_desk.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */

/** Everything a person can see of the image. */
const seen = () => ({
  draft: editor.draft?.isBlank ? null : shown(),
  points: editor.prompts.points,
  draftLabel: editor.draft?.categoryId ?? null,
  objects: [...editor.objects.values()]
    .map(({ body }) => [body.segmentation.counts, body.category_id])
    .sort(),
});

test("undo and redo walk through prompts, candidates and strokes alike", async () => {
  /** @type {(string | null)[]} */
  const states = [shown()];
  await click(10, 10);
  states.push(shown());
  editor.cycleCandidate(1);
  states.push(shown());
  stroke(false, [
    [25, 20],
    [30, 22],
  ]);
  states.push(shown());
  stroke(true, [[10, 10]]);
  states.push(shown());
  await click(12, 12);
  states.push(shown());
  editor.cancel();
  states.push(shown());
  assert.equal(new Set(states.slice(1, 6)).size, 5, "every step shows something else");
  for (let at = states.length - 2; at >= 0; at--) {
    editor.undo();
    assert.equal(shown(), states[at], `undo to step ${at}`);
  }
  assert.equal(editor.canUndo, false);
  for (let at = 1; at < states.length; at++) {
    editor.redo();
    assert.equal(shown(), states[at], `redo to step ${at}`);
  }
  assert.equal(editor.canRedo, false);
});

test("an answer that comes after undo changes nothing", async () => {
  await click(10, 10);
  const before = shown();
  editor.addPoint(20, 20, 1);
  editor.undo();
  await editor.idle();
  assert.equal(shown(), before);
  assert.equal(editor.decoding, false);
  editor.redo();
  await editor.idle();
  assert.equal(shown(), counts(disc(20, 20, 6)));
});

test("undo of accept reopens the draft and deletes; redo brings it back", async () => {
  await click(10, 10);
  const mask = shown();
  await editor.accept();
  const [id] = editor.objects.keys();
  acknowledge(id, 1);
  editor.undo();
  assert.equal(shown(), mask);
  assert.deepEqual(sent.at(-1), { remove: id, imageId: 7, revision: 1 });
  editor.redo();
  assert.equal(sent.at(-1).put, id);
  assert.equal(sent.at(-1).revive, true);
  assert.equal(editor.objects.size, 1);
});

test("delete and undo bring back the same object", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  const mask = sent[0].body.segmentation.counts;
  await editor.select(id);
  editor.deleteSelected();
  assert.equal(editor.objects.size, 0);
  editor.undo();
  assert.equal(editor.objects.size, 1);
  assert.equal(sent.at(-1).body.segmentation.counts, mask);
  assert.equal(sent.at(-1).put, id);
  assert.equal(sent.at(-1).revive, true);
});

test("the draft survives a reload", async () => {
  await click(10, 10);
  stroke(false, [[30, 20]]);
  editor.flushDraft();
  const [mask, left] = [shown(), journal];
  open([], JSON.parse(JSON.stringify(left)));
  assert.equal(shown(), mask);
  assert.deepEqual(editor.prompts.points, [[10, 10]]);
  await editor.accept();
  assert.equal(sent.at(-1).body.segmentation.counts, mask);
  assert.notEqual(sent.at(-1).body.model_segmentation, null);
  assert.equal(sent.at(-1).body.model_digest, DIGEST);
  editor.flushDraft();
  assert.equal(journal.draft, null, "an accepted draft leaves the journal");
});

test("undo and redo go on after a reload, wherever it happens", async () => {
  const work = [
    () => click(10, 10),
    async () => editor.cycleCandidate(1),
    async () => stroke(false, [[30, 20]], 3),
    async () => stroke(true, [[10, 10]], 1),
    async () => editor.setCategory(2),
    () => editor.accept(),
    async () => stroke(false, [[5, 25]], 2),
    () => click(8, 22),
    () => editor.accept(),
    async () => editor.deleteObject([...editor.objects.keys()][0]),
    () => click(20, 20),
  ];
  const states = [seen()];
  for (const each of work) {
    await each();
    states.push(seen());
  }
  assert.equal(editor.position, work.length);
  const labels = editor.steps.map(({ label }) => label);
  for (let at = work.length - 1; at >= 0; at--) {
    reload();
    assert.deepEqual(
      editor.steps.map(({ label }) => label),
      labels,
    );
    editor.undo();
    await editor.idle();
    assert.deepEqual(seen(), states[at], `undo to step ${at}`);
  }
  for (let at = 1; at <= work.length; at++) {
    reload();
    editor.redo();
    await editor.idle();
    assert.deepEqual(seen(), states[at], `redo to step ${at}`);
  }
  reload();
  editor.goTo(4);
  assert.deepEqual(seen(), states[4]);
  editor.goTo(work.length);
  await editor.idle();
  assert.deepEqual(seen(), states[work.length]);
});

test("a deleted object comes back after a reload, as an undo of the delete", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  acknowledge(id, 2);
  editor.deleteObject(id);
  reload();
  editor.undo();
  assert.equal(editor.objects.size, 1);
  assert.deepEqual([sent.at(-1).put, sent.at(-1).revive], [id, true]);
});

test("a selected object that was painted on and cleared is open again, and its stroke can be repeated", async () => {
  stroke(false, [[20, 20]], 4);
  await editor.accept();
  await editor.select([...editor.objects.keys()][0]);
  stroke(false, [[30, 20]], 3);
  const painted = shown();
  editor.undo();
  reload();
  editor.redo();
  assert.equal(shown(), painted);
});

test("steps that speak of another state are forgotten, the draft is not", async () => {
  await click(10, 10);
  await editor.accept();
  await click(30, 20);
  const mask = shown();
  editor.flushDraft();
  const left = structuredClone(journal);
  const [id, object] = [...editor.objects.entries()][0];
  const changed = /** @type {Annotation} */ ({ ...object.body, id, revision: 2, category_id: 2 });
  open([changed], left);
  assert.equal(editor.canUndo, false);
  assert.equal(shown(), mask);
  open([], { ...left, history: /** @type {any} */ ({ steps: "?" }) });
  assert.equal(shown(), mask, "a journal that cannot be read costs the steps only");
});

test("a step is told to be kept only when the journal has it", async () => {
  stroke(false, [[20, 20]], 4);
  assert.equal(editor.kept, 0);
  editor.flushDraft();
  assert.equal(editor.kept, 0);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(editor.kept, 1);
});

test("a long day's history stays small in the journal", () => {
  for (let at = 0; at < 260; at++) stroke(at % 2 === 1, [[20, 15]], 6);
  editor.flushDraft();
  assert.equal(journal.history.steps.length, 200);
  assert.equal(journal.history.position, 200);
  assert.ok(JSON.stringify(journal).length < 2 ** 18);
  reload();
  const before = shown();
  editor.goTo(0);
  editor.goTo(200);
  assert.equal(shown(), before);
});

test("a draft that was accepted before the page went away does not come back", async () => {
  await click(10, 10);
  editor.flushDraft();
  const left = JSON.parse(JSON.stringify(journal));
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  const annotation = /** @type {Annotation} */ ({ ...object.body, id, revision: 1 });
  open([annotation], left);
  assert.equal(editor.draft, null);
});

test("removing the only point leaves no draft, and undo brings it back", async () => {
  await click(10, 10);
  const mask = shown();
  editor.removePoint(0);
  assert.equal(editor.draft, null);
  editor.undo();
  assert.equal(shown(), mask);
  assert.deepEqual(editor.prompts.points, [[10, 10]]);
});

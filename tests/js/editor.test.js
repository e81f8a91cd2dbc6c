import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { decode as decodeRle, encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").Image} Image */

const [WIDTH, HEIGHT] = [40, 30];
const DIGEST = "f".repeat(64);

/** @type {any[]} what the editor sent to its store */
let sent = [];
/** @type {any} the last draft it wrote */
let journal = null;
/** @type {Editor} */
let editor;
/** @type {any[]} what the model was asked */
let asked = [];

/** A mask whose shape tells which prompts and candidate made it. */
function disc(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ radius) {
  const bitmap = createBitmap(WIDTH, HEIGHT);
  fillCapsule(bitmap, x, y, x, y, radius, 1);
  return bitmap;
}

/** A model that answers a disc around the last point; candidates have growing radii. */
function fakeDecoder() {
  return {
    modelDigest: DIGEST,
    decode: async (/** @type {any} */ prompts, /** @type {any} */ options) => {
      asked.push({ prompts, ...options });
      const [x, y] = prompts.points.at(-1) ?? prompts.boxes[0];
      const radii = [4, 6, 8].map((radius) => radius + prompts.points.length);
      return {
        candidates: radii.map((radius, index) => ({
          candidate: index + 1,
          iou: 0.9 - index / 10,
          stability: 0.95,
          logits: Float32Array.of(radius),
        })),
        mask: (/** @type {number} */ index) => disc(x, y, radii[index]),
        timings: { decode: 1, upsample: 1 },
      };
    },
  };
}

function image() {
  return /** @type {Image} */ (/** @type {unknown} */ ({ id: 7, width: WIDTH, height: HEIGHT }));
}

beforeEach(() => {
  sent = [];
  asked = [];
  journal = null;
  editor = new Editor({
    put: (id, body, revision, { revive }) => sent.push({ put: id, body, revision, revive }),
    remove: (id, imageId, revision) => sent.push({ remove: id, imageId, revision }),
    draft: (_, draft) => {
      journal = draft;
    },
  });
  editor.setCategories(
    /** @type {any} */ ([
      { id: 1, name: "cat", color: "#ff0000", position: 0 },
      { id: 2, name: "dog", color: "#00ff00", position: 1 },
    ]),
  );
  editor.open(image(), []);
  editor.attachDecoder(fakeDecoder());
});

async function click(/** @type {number} */ x, /** @type {number} */ y, /** @type {0 | 1} */ label = 1) {
  editor.addPoint(x, y, label);
  await editor.idle();
}

function stroke(/** @type {boolean} */ erase, /** @type {[number, number][]} */ path, radius = 2) {
  assert.equal(editor.beginStroke(erase), true);
  for (const [x, y] of path) editor.strokeTo(x, y, radius);
  editor.endStroke();
}

/** The server's answer to what was sent. */
function acknowledge(/** @type {string} */ id, /** @type {number} */ revision) {
  editor.acknowledge(/** @type {Annotation} */ ({ ...editor.objects.get(id)?.body, id, revision }));
}

/** The draft's mask as RLE, or null. */
const shown = () => (editor.draft ? editor.draft.counts : null);
const counts = (/** @type {import("../../static/js/core/bitmap.js").Bitmap} */ bitmap) =>
  encode(bitmap.data, WIDTH, HEIGHT);

test("a click gives a mask, a second one sends the chosen logits back", async () => {
  await click(10, 10);
  assert.equal(shown(), counts(disc(10, 10, 5)));
  assert.equal(asked[0].maskInput, null);
  editor.cycleCandidate(1);
  assert.equal(shown(), counts(disc(10, 10, 7)));
  await click(20, 15, 0);
  assert.deepEqual(asked[1].maskInput, Float32Array.of(7));
  assert.deepEqual(asked[1].prompts.labels, [1, 0]);
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

test("one more click after painting leaves the strokes alone", async () => {
  await click(10, 10);
  stroke(false, [[30, 20]], 3);
  stroke(true, [[10, 10]], 1);
  await click(12, 10);
  const mask = editor.draft?.mask.data ?? new Uint8Array();
  assert.equal(mask[20 * WIDTH + 30], 1, "painted pixel stays");
  assert.equal(mask[10 * WIDTH + 10], 0, "erased pixel stays erased");
  assert.equal(mask[10 * WIDTH + 17], 1, "the model's new part is there");
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

test("accept sends prompts, scores and the untouched model mask", async () => {
  await click(10, 10);
  const model = shown();
  stroke(false, [[30, 20]]);
  const painted = shown();
  await editor.accept();
  assert.equal(editor.draft, null);
  assert.equal(sent.length, 1);
  const { body, revision } = sent[0];
  assert.equal(revision, 0);
  assert.deepEqual(body.segmentation, { size: [HEIGHT, WIDTH], counts: painted });
  assert.deepEqual(body.model_segmentation, { size: [HEIGHT, WIDTH], counts: model });
  assert.deepEqual(body.prompts, { points: [[10, 10]], labels: [1], boxes: [] });
  assert.equal(body.source, "assisted");
  assert.equal(body.candidate, 1);
  assert.equal(body.predicted_iou, 0.9);
  assert.equal(body.model_digest, DIGEST);
  assert.equal(body.category_id, 1);
});

test("a painted object is manual and needs no model", async () => {
  editor.attachDecoder(null);
  stroke(false, [[20, 20]], 4);
  await editor.accept();
  assert.equal(sent[0].body.source, "manual");
  assert.equal(sent[0].body.prompts, null);
  assert.equal(sent[0].body.model_segmentation, null);
  assert.equal(sent[0].body.model_digest, null);
});

test("nothing empty is saved", async () => {
  /** @type {string[]} */
  const notices = [];
  editor.addEventListener("notice", (event) =>
    notices.push(/** @type {CustomEvent} */ (event).detail.message),
  );
  stroke(false, [[20, 20]], 3);
  stroke(true, [[20, 20]], 8);
  await editor.accept();
  assert.deepEqual(sent, []);
  assert.equal(notices.length, 1);
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

test("a saved object reopens with its prompts and keeps its revision chain", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  acknowledge(id, 4);
  await editor.select(id);
  assert.deepEqual(editor.prompts.points, [[10, 10]]);
  assert.equal(editor.draft?.dirty, false);
  await click(14, 10);
  assert.equal(asked.at(-1).maskInput, null);
  assert.equal(asked.at(-1).prompts.points.length, 2);
  await editor.accept();
  assert.equal(sent.at(-1).put, id);
  assert.equal(sent.at(-1).revision, 4);
  const changed = sent.at(-1).body.segmentation.counts;
  editor.undo();
  assert.notEqual(sent.at(-1).body.segmentation.counts, changed, "the server gets the earlier mask back");
  assert.equal(shown(), changed, "the change is a draft again");
});

test("a label on a selected object is saved at once and can be undone", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  await editor.select(id);
  editor.setCategory(2);
  assert.equal(sent.at(-1).body.category_id, 2);
  editor.undo();
  assert.equal(sent.at(-1).body.category_id, 1);
  assert.equal(editor.categoryId, 1);
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

test("a revision of something else does not count as seen", async () => {
  await click(10, 10);
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  editor.acknowledge(/** @type {Annotation} */ ({ ...object.body, category_id: 2, id, revision: 9 }));
  assert.equal(object.revision, 0);
});

test("the draft survives a reload", async () => {
  await click(10, 10);
  stroke(false, [[30, 20]]);
  editor.flushDraft();
  const [mask, left] = [shown(), journal];
  editor.open(image(), [], JSON.parse(JSON.stringify(left)));
  editor.attachDecoder(fakeDecoder());
  assert.equal(shown(), mask);
  assert.deepEqual(editor.prompts.points, [[10, 10]]);
  await editor.accept();
  assert.equal(sent.at(-1).body.segmentation.counts, mask);
  assert.notEqual(sent.at(-1).body.model_segmentation, null);
  assert.equal(sent.at(-1).body.model_digest, DIGEST);
  editor.flushDraft();
  assert.equal(journal.draft, null, "an accepted draft leaves the journal");
});

/** The page goes away and comes back: what was on the server and in the journal is all that there is. */
function reload() {
  editor.flushDraft();
  const annotations = [...editor.objects.values()].map(
    ({ id, body, revision }) => /** @type {Annotation} */ ({ ...body, id, revision }),
  );
  const left = structuredClone(journal);
  editor.open(image(), annotations, left);
  editor.attachDecoder(fakeDecoder());
}

/** Everything a person can see of the image. */
const seen = () => ({
  draft: editor.draft?.isBlank ? null : shown(),
  points: editor.prompts.points,
  draftLabel: editor.draft?.categoryId ?? null,
  objects: [...editor.objects.values()]
    .map(({ body }) => [body.segmentation.counts, body.category_id])
    .sort(),
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
  editor.open(image(), [changed], left);
  assert.equal(editor.canUndo, false);
  assert.equal(shown(), mask);
  editor.open(image(), [], { ...left, history: /** @type {any} */ ({ steps: "?" }) });
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

test("a saved object's runs equal its mask", async () => {
  await click(10, 10);
  const mask = decodeRle(/** @type {string} */ (shown()), WIDTH, HEIGHT);
  await editor.accept();
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) assert.equal(editor.objectAt(x, y) !== null, mask[y * WIDTH + x] === 1);
  }
});

test("idle time is not work", async () => {
  editor.activity(1_000_000);
  editor.activity(1_004_000);
  editor.activity(1_064_000);
  editor.activity(1_065_000);
  await click(10, 10);
  await editor.accept();
  assert.equal(sent[0].body.active_ms, 5000);
});

test("a draft that was accepted before the page went away does not come back", async () => {
  await click(10, 10);
  editor.flushDraft();
  const left = JSON.parse(JSON.stringify(journal));
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  const annotation = /** @type {Annotation} */ ({ ...object.body, id, revision: 1 });
  editor.open(image(), [annotation], left);
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

test("a dragged point is decoded afresh, without the old mask", async () => {
  await click(10, 10);
  await click(20, 20);
  editor.movePoint(1, 22, 18);
  await editor.idle();
  assert.equal(asked.at(-1).maskInput, null);
  assert.deepEqual(asked.at(-1).prompts.points, [
    [10, 10],
    [22, 18],
  ]);
});

test("proposals are accepted as they are, and keep their source", async () => {
  stroke(false, [[20, 20]], 4);
  await editor.accept();
  const [id, object] = [...editor.objects.entries()][0];
  const proposal = {
    ...object.body,
    id,
    revision: 3,
    state: "proposal",
    source: "proposal",
    model_digest: DIGEST,
  };
  editor.open(image(), [/** @type {Annotation} */ (/** @type {unknown} */ (proposal))]);
  await editor.select(id);
  await editor.accept();
  assert.equal(sent.at(-1).body.state, "accepted");
  assert.equal(sent.at(-1).body.source, "proposal");
  assert.equal(sent.at(-1).body.model_digest, DIGEST);
  assert.equal(sent.at(-1).revision, 3);
});

test("opening another object accepts the draft first", async () => {
  await click(10, 10);
  await editor.accept();
  const [id] = editor.objects.keys();
  await click(30, 20);
  await editor.select(id);
  assert.equal(editor.objects.size, 2);
  assert.equal(editor.selectedId, id);
});

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap } from "../../static/js/core/bitmap.js";
import { makeFrame } from "../../static/js/core/geometry.js";
import { combineCounts, countsArea } from "../../static/js/core/mask_sets.js";
import { encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").Image} Image */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1, half-open */

const [WIDTH, HEIGHT] = [40, 30];
/** @type {any[]} what the editor sent to its store */
let sent = [];
/** @type {any} the last work it wrote down */
let journal = null;
/** @type {string[]} what people were told */
let told = [];
/** @type {Editor} */
let editor;

/** A mask of rectangles. @param {...Box} boxes */
function counts(...boxes) {
  const mask = createBitmap(WIDTH, HEIGHT);
  for (const [x0, y0, x1, y1] of boxes)
    for (let y = y0; y < y1; y++) mask.data.fill(1, y * WIDTH + x0, y * WIDTH + x1);
  return encode(mask.data, WIDTH, HEIGHT);
}

/** @param {string} id @param {number} z @param {...Box} boxes @returns {Annotation} */
function annotation(id, z, ...boxes) {
  const more = { revision: 3, category_id: z, state: "accepted", source: "manual", active_ms: 100, note: id };
  const mask = {
    segmentation: { size: [HEIGHT, WIDTH], counts: counts(...boxes) },
    model_segmentation: null,
  };
  const rest = {
    prompts: null,
    candidate: null,
    predicted_iou: null,
    stability_score: null,
    model_digest: null,
  };
  return /** @type {any} */ ({ id, z, image_id: 7, attributes: {}, ...more, ...mask, ...rest });
}

const A = annotation("a", 1, [0, 0, 10, 10]);
const B = annotation("b", 2, [5, 5, 15, 15]);
const C = annotation("c", 3, [20, 20, 25, 25], [30, 0, 34, 4]);

function newEditor(
  /** @type {Annotation[]} */ annotations,
  stored = null,
  id = 7,
  [width, height] = [WIDTH, HEIGHT],
) {
  const fresh = new Editor({
    put: (id, body, revision, revive) => sent.push({ put: id, body, revision, revive }),
    remove: (id) => sent.push({ remove: id }),
    draft: (_, work) => {
      journal = structuredClone(work);
    },
  });
  fresh.setCategories(
    /** @type {any} */ ([1, 2, 3].map((id) => ({ id, name: `label ${id}`, color: "#ff0000", position: id }))),
  );
  fresh.addEventListener("notice", (event) => told.push(/** @type {CustomEvent} */ (event).detail.message));
  fresh.open(/** @type {Image} */ (/** @type {unknown} */ ({ id, width, height })), annotations, stored);
  return fresh;
}

beforeEach(() => {
  [sent, told, journal] = [[], [], null];
  editor = newEditor([A, B, C]);
});

const countsOf = (/** @type {string} */ id) => editor.objects.get(id)?.body.segmentation.counts;
const ids = () => editor.listedObjects().map(({ id }) => id);
const chosen = () => editor.selection.map(({ id }) => id);
/** A call, so that what one assertion learnt does not hold for the next one. */
const opened = () => editor.selectedId;

/** Undo brings back what was, redo what is. @param {() => unknown} state */
function walksBack(state, /** @type {unknown} */ before, label = editor.undoLabel) {
  const after = state();
  editor.undo();
  assert.deepEqual(state(), before, `${label} is taken back`);
  editor.redo();
  assert.deepEqual(state(), after, `${label} is brought back`);
  editor.undo();
}

const everything = () =>
  [...editor.objects.values()]
    .map(({ id, body }) => [id, body])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

// ---- selecting -----------------------------------------------------------------------------------------------------

test("one object is opened; several are chosen in their order, ranges as the list shows them", async () => {
  await editor.choose(["b"]);
  assert.equal(opened(), "b");
  await editor.toggleChosen("a");
  assert.deepEqual([opened(), chosen()], [null, ["b", "a"]]);
  await editor.toggleChosen("b");
  assert.deepEqual([opened(), chosen()], ["a", ["a"]]);
  await editor.choose(["c"]);
  await editor.chooseRange("a");
  assert.deepEqual(chosen(), ["c", "b", "a"]);
  await editor.chooseRange("b");
  assert.deepEqual(chosen(), ["c", "b"]);
  await editor.chooseAll();
  assert.deepEqual(chosen().sort(), ["a", "b", "c"]);
  editor.cancel();
  assert.deepEqual(chosen(), []);
  assert.equal(editor.canUndo, false, "selecting is no step");
});

test("a rectangle finds what it touches, pixel by pixel", () => {
  const found = (/** @type {Box} */ [x0, y0, x1, y1]) =>
    editor.objectsIn({ x0, y0, x1, y1 }).map(({ id }) => id);
  assert.deepEqual(found([9, 9, 21, 21]), ["a", "b", "c"]);
  assert.deepEqual(found([26, 5, 29, 19]), [], "inside the box of c, beside its parts");
  assert.deepEqual(found([10, 10, 11, 11]), ["b"]);
});

test("locked objects are passed over on the image and refuse changes", async () => {
  editor.setLocked(["b"], true);
  assert.equal(editor.objectAt(7, 7)?.id, "a");
  assert.deepEqual(
    editor.objectsIn({ x0: 0, y0: 0, x1: 40, y1: 30 }).map(({ id }) => id),
    ["a", "c"],
  );
  await editor.choose(["b"]);
  assert.deepEqual([opened(), chosen()], [null, ["b"]], "chosen, to be unlocked, not opened");
  editor.deleteSelected();
  editor.deleteObject("b");
  editor.setCategory(1);
  editor.reorder("front");
  editor.describe("b", { note: "other", attributes: {} });
  assert.equal(sent.length, 0);
  assert.equal(told.length, 3);
  await editor.choose(["a", "b"]);
  assert.equal(editor.tryCombination("merge", "Merge"), null);
  await editor.toggleLocked(["a", "b"]);
  assert.deepEqual([...editor.locked].sort(), ["a", "b"], "locked when not all are");
  await editor.toggleLocked(["a", "b"]);
  assert.equal(editor.locked.size, 0);
});

test("solo shows nothing else, and ends with its object", () => {
  const shown = () => editor.visibleObjects().map(({ id }) => id);
  editor.setHidden("c", true);
  assert.deepEqual(shown(), ["a", "b"]);
  editor.toggleSolo(["c"]);
  assert.deepEqual(shown(), ["c"], "even a hidden one");
  editor.deleteObject("c");
  assert.deepEqual(shown(), ["a", "b"]);
  editor.undo();
  editor.toggleSolo(["c"]);
  assert.deepEqual(shown(), ["a", "b"]);
});

test("label and delete mean all that is chosen, in one step", async () => {
  const before = everything();
  await editor.choose(["a", "c"]);
  editor.setCategory(2);
  assert.deepEqual(
    ["a", "b", "c"].map((id) => editor.objects.get(id)?.body.category_id),
    [2, 2, 2],
  );
  walksBack(everything, before);
  await editor.choose(["a", "c"]);
  editor.deleteSelected();
  assert.deepEqual(ids(), ["b"]);
  walksBack(everything, before);
});

// ---- combining -----------------------------------------------------------------------------------------------------

test("merging is seen first, then one step: the first one's label, the pixels of all", async () => {
  const before = everything();
  await editor.choose(["b", "a"]);
  assert.deepEqual(editor.tryCombination("merge", "Merge"), { objects: -1, pixels: -25 });
  assert.deepEqual(
    editor.visibleObjects().map(({ id, runs }) => [id, runs.area]),
    [
      ["b", 175],
      ["c", 41],
    ],
  );
  assert.equal(sent.length, 0, "nothing is done yet");
  assert.equal(editor.objects.size, 3);
  editor.dropCombination();
  assert.equal(editor.visibleObjects().length, 3);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  const merged = editor.objects.get("b")?.body;
  assert.equal(merged?.segmentation.counts, counts([0, 0, 10, 10], [5, 5, 15, 15]));
  assert.deepEqual([merged?.category_id, merged?.note, merged?.active_ms], [2, "b", 200]);
  assert.deepEqual(
    sent.map(({ put, remove }) => put ?? remove),
    ["b", "a"],
  );
  assert.equal(editor.steps.length, 1);
  walksBack(everything, before);
  assert.deepEqual(
    new Map(sent.slice(-2).map(({ put, revive }) => [put, revive])),
    new Map([
      ["a", true],
      ["b", false],
    ]),
  );
});

test("subtracting takes from the first what the others cover, unless nothing would be left", async () => {
  const before = everything();
  await editor.choose(["a", "b"]);
  assert.deepEqual(editor.tryCombination("subtract", "Subtract"), { objects: 0, pixels: -25 });
  editor.chooseFirst("b");
  assert.deepEqual(editor.tryCombination("subtract", "Subtract"), { objects: 0, pixels: -25 });
  await editor.keepCombination();
  assert.equal(countsOf("a"), counts([0, 0, 10, 10]));
  assert.equal(countsOf("b"), combineCounts(counts([5, 5, 15, 15]), counts([0, 0, 10, 10]), "subtract"));
  walksBack(everything, before);
  editor = newEditor([A, annotation("whole", 4, [0, 0, 40, 30])]);
  await editor.choose(["a", "whole"]);
  assert.equal(editor.tryCombination("subtract", "Subtract"), null);
});

test("parts become objects; the largest stays what it was", async () => {
  const before = everything();
  await editor.choose(["a", "c"]);
  assert.deepEqual(editor.tryCombination("split", "Split"), { objects: 1, pixels: 0 });
  await editor.keepCombination();
  assert.equal(countsOf("c"), counts([20, 20, 25, 25]));
  const [part] = editor.listedObjects();
  assert.equal(part.body.segmentation.counts, counts([30, 0, 34, 4]));
  assert.deepEqual([part.body.category_id, part.body.z, part.body.source], [3, 4, "manual"]);
  assert.deepEqual(chosen().sort(), ["c", part.id].sort());
  walksBack(everything, before);
});

test("what is open is closed when undo changes its mask under it", async () => {
  await editor.choose(["a", "b"]);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  await editor.select("a");
  assert.equal(opened(), "a");
  editor.undo();
  assert.equal(opened(), null);
});

// ---- order ---------------------------------------------------------------------------------------------------------

test("objects change places in the order, with as few saves as it takes", async () => {
  const before = everything();
  for (const [move, expected, saves] of /** @type {const} */ ([
    ["front", ["a", "c", "b"], 1],
    ["forward", ["c", "a", "b"], 2],
    ["back", ["c", "b", "a"], 0],
    ["backward", ["c", "b", "a"], 0],
  ])) {
    sent = [];
    await editor.choose(["a"]);
    editor.reorder(move);
    assert.deepEqual(ids(), expected, move);
    assert.equal(sent.length, saves, move);
    if (saves) walksBack(everything, before);
  }
  await editor.choose(["a", "b"]);
  editor.reorder("front");
  assert.deepEqual(ids(), ["b", "a", "c"], "they keep their own order");
});

test("objects that share a place can be told apart by moving one", async () => {
  editor = newEditor([
    annotation("x", 0, [0, 0, 5, 5]),
    annotation("y", 0, [0, 0, 5, 5]),
    annotation("w", 0, [1, 1, 2, 2]),
  ]);
  const listed = ids();
  await editor.choose([listed[2]]);
  editor.reorder("forward");
  assert.deepEqual(ids(), [listed[0], listed[2], listed[1]]);
});

// ---- copies --------------------------------------------------------------------------------------------------------

test("a copy lies beside its original, pixel for pixel, and again beside that one", async () => {
  await editor.choose(["c"]);
  await editor.duplicate();
  await editor.duplicate();
  const copies = editor.listedObjects().filter(({ id }) => !["a", "b", "c"].includes(id));
  assert.equal(copies.length, 2);
  for (const { body, runs } of copies) {
    assert.equal(runs.area, 41);
    assert.equal(body.note, "c");
  }
  assert.equal(
    new Set([...copies, ...editor.objects.values()].map(({ body }) => body.segmentation.counts)).size,
    5,
  );
  assert.equal(editor.steps.length, 2);
});

test("another image gets the same pixels, what lies outside is told", async () => {
  await editor.choose(["a", "c"]);
  const clipping = editor.copy();
  assert.ok(clipping);
  const roomy = newEditor([], null, 8, [50, 60]);
  await roomy.paste(clipping);
  assert.deepEqual(
    roomy.listedObjects().map(({ runs, body }) => [...runs.bbox, runs.area, body.category_id, body.image_id]),
    [
      [20, 0, 14, 25, 41, 3, 8],
      [0, 0, 10, 10, 100, 1, 8],
    ],
  );
  assert.deepEqual(told, []);
  const small = newEditor([], null, 9, [8, 20]);
  await small.paste(clipping);
  assert.deepEqual(
    small.listedObjects().map(({ runs }) => runs.bbox),
    [[0, 0, 8, 10]],
  );
  assert.equal(told.length, 2);
});

// ---- no overlaps ---------------------------------------------------------------------------------------------------

test("without overlaps, what is accepted takes its pixels from unlocked objects, in one step", () => {
  const locked = annotation("l", 4, [0, 0, 4, 4]);
  const proposal = { ...annotation("p", 5, [0, 0, 4, 4]), state: /** @type {const} */ ("proposal") };
  const covered = annotation("v", 6, [6, 6, 8, 8]);
  editor = newEditor([A, B, locked, proposal, covered]);
  const before = everything();
  editor.setLocked(["l"], true);
  editor.setNoOverlaps(true);
  editor.fillPolygon(
    [
      [-0.5, -0.5],
      [7.5, -0.5],
      [7.5, 7.5],
      [-0.5, 7.5],
    ],
    false,
  );
  return editor.accept().then(() => {
    const cut = counts([0, 0, 8, 8]);
    assert.equal(countsOf("a"), combineCounts(A.segmentation.counts, cut, "subtract"));
    assert.equal(countsOf("b"), combineCounts(B.segmentation.counts, cut, "subtract"));
    assert.equal(countsOf("l"), locked.segmentation.counts);
    assert.equal(countsOf("p"), proposal.segmentation.counts);
    assert.equal(countsOf("v"), undefined, "covered wholly");
    assert.equal(editor.steps.length, 2);
    editor.undo();
    assert.deepEqual(everything(), before);
    assert.equal(editor.draft?.isBlank, false, "the draft is back as well");
  });
});

// ---- many objects at once ------------------------------------------------------------------------------------------

/** A model that sees a square of nine pixels around the last included point, without the excluded ones. */
function fakeDecoder() {
  return {
    modelDigest: "f".repeat(64),
    frame: makeFrame([HEIGHT, WIDTH], 40, [10, 10]),
    decode: async (/** @type {any} */ { points, labels, boxes }) => {
      const [x, y] = boxes[0] ?? points[0];
      const mask = createBitmap(WIDTH, HEIGHT);
      for (let row = y - 1; row <= y + 1; row++) mask.data.fill(1, row * WIDTH + x - 1, row * WIDTH + x + 2);
      points.forEach((/** @type {number[]} */ [px, py], /** @type {number} */ index) => {
        if (!labels[index]) mask.data[py * WIDTH + px] = 0;
      });
      const logits = new Float32Array(100).fill(-1);
      const candidates = [{ candidate: 1, iou: 0.9, stability: 0.9, logits }];
      return { candidates, mask: () => structuredClone(mask), timings: { decode: 1, upsample: 1 } };
    },
  };
}

async function clickMany() {
  editor.attachDecoder(fakeDecoder());
  await editor.setManyObjects(true);
  editor.addPoint(5, 20, 1);
  editor.addPoint(15, 20, 1);
  editor.addBox([30, 10, 33, 13], 0);
  await editor.idle();
}

test("each click is an object that only this browser has, until all are accepted in one step", async () => {
  await clickMany();
  assert.equal(editor.draft, null);
  assert.equal(editor.pendingObjects().length, 3);
  assert.equal(sent.length, 0);
  editor.undo();
  assert.equal(editor.pendingObjects().length, 2);
  editor.redo();
  editor.setCategory(2);
  await editor.accept();
  assert.deepEqual(
    sent.map(({ body, revive }) => [body.state, body.category_id, body.source, revive]),
    Array(3).fill(["accepted", 2, "assisted", false]),
  );
  assert.equal(editor.steps.length, 4);
  sent = [];
  editor.undo();
  assert.equal(editor.pendingObjects().length, 3);
  assert.deepEqual(
    sent.map(({ remove }) => typeof remove),
    Array(3).fill("string"),
  );
  sent = [];
  editor.redo();
  assert.deepEqual(
    sent.map(({ revive }) => revive),
    [true, true, true],
  );
});

test("an excluded click refines the nearest pending object", async () => {
  await clickMany();
  editor.addPoint(16, 21, 0);
  editor.addPoint(6, 22, 0);
  await editor.idle();
  const areas = editor.pendingObjects().map(({ runs }) => runs.area);
  assert.deepEqual(areas, [9, 8, 9]);
  const prompts = editor.pendingObjects().map(({ body }) => body.prompts?.labels);
  assert.deepEqual(prompts, [[1, 0], [1, 0], []]);
  editor.undo();
  assert.deepEqual(editor.pendingObjects()[0].body.prompts?.labels, [1]);
});

test("Esc discards what is pending, undo brings it back, and a reload keeps it", async () => {
  await clickMany();
  const pending = editor.pendingObjects().map(({ id, body }) => [id, body]);
  editor.cancel();
  assert.equal(editor.pendingObjects().length, 0);
  editor.undo();
  assert.equal(editor.pendingObjects().length, 3);
  editor.flushDraft();
  editor = newEditor([A, B, C], journal);
  assert.deepEqual(
    editor.pendingObjects().map(({ id, body }) => [id, body]),
    pending,
  );
  assert.equal(editor.steps.length, 4, "with its steps");
  editor.undo();
  assert.equal(editor.pendingObjects().length, 2);
});

test("undo while the model answers gives the question up", async () => {
  await clickMany();
  editor.addPoint(20, 5, 1);
  editor.undo();
  await editor.idle();
  assert.equal(editor.pendingObjects().length, 3);
  assert.equal(editor.decoding, false);
});

test("more like an object are found where the features are alike, not where one lies already", async () => {
  const decoder = fakeDecoder();
  /** Ten by ten cells of four pixels: three places of one kind, the rest another. */
  const values = new Float32Array(2 * 100);
  values.fill(1, 100, 200);
  for (const cell of [11, 15, 62]) [values[cell], values[100 + cell]] = [1, 0];
  const logits = new Float32Array(100).fill(-1);
  editor = newEditor([annotation("x", 1, [4, 4, 8, 8]), annotation("q", 2, [30, 20, 32, 22])]);
  editor.attachDecoder({
    ...decoder,
    features: async () => ({ values, shape: [2, 10, 10] }),
    decode: async (/** @type {any} */ prompts) => {
      const answer = await decoder.decode(prompts);
      const [x, y] = prompts.points[0];
      const own = logits.slice();
      own[Math.floor(y / 4) * 10 + Math.floor(x / 4)] = 1;
      return { ...answer, candidates: [{ ...answer.candidates[0], logits: own }] };
    },
  });
  await editor.choose(["x"]);
  await editor.findSimilar();
  assert.deepEqual(
    editor.pendingObjects().map(({ body }) => body.prompts?.points),
    [[[22, 6]], [[10, 26]]],
  );
  assert.equal(editor.steps.length, 1);
  await editor.findSimilar();
  assert.equal(editor.pendingObjects().length, 2, "what is pending is not found again");
  assert.equal(told.length, 1);
});

test("masks of one to three pixels can be arranged like any other", async () => {
  editor = newEditor([annotation("one", 1, [3, 3, 4, 4]), annotation("two", 2, [6, 3, 8, 4])]);
  await editor.choose(["one", "two"]);
  editor.tryCombination("merge", "Merge");
  await editor.keepCombination();
  assert.equal(countsArea(countsOf("one") ?? ""), 3);
});

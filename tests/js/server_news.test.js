import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { encode } from "../../static/js/core/rle.js";
import { bodyOf } from "../../static/js/editor/objects.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").Image} Image */

const [WIDTH, HEIGHT] = [40, 30];
/** @type {any[]} what the editor sent to its store */
let sent = [];
/** @type {Editor} */
let editor;

/** A disc's run lengths. */
function disc(/** @type {number} */ x, /** @type {number} */ radius) {
  const bitmap = createBitmap(WIDTH, HEIGHT);
  fillCapsule(bitmap, x, 15, x, 15, radius, 1);
  return encode(bitmap.data, WIDTH, HEIGHT);
}

const [OLD, THEIRS] = [disc(10, 4), disc(20, 6)];

/** @returns {Annotation} */
function annotation(/** @type {string} */ counts, revision = 1) {
  return /** @type {any} */ ({
    id: "a",
    image_id: 7,
    category_id: 1,
    state: "accepted",
    segmentation: { size: [HEIGHT, WIDTH], counts },
    source: "manual",
    prompts: null,
    active_ms: 5,
    z: 1,
    revision,
  });
}

/** What waits in the outbox. */
const body = (/** @type {string} */ counts) => /** @type {any} */ (bodyOf(annotation(counts)));
const shown = (id = "a") => editor.objects.get(id)?.body.segmentation.counts ?? null;

/** The draft's mask. */
const drawn = () => editor.draft?.counts ?? null;

/** The person has painted beside the disc and accepted. */
async function paintMore() {
  await editor.select("a");
  editor.beginStroke(false);
  editor.strokeTo(30, 15, 3);
  editor.endStroke();
  await editor.accept();
  sent = [];
  return /** @type {string} */ (shown());
}

beforeEach(() => {
  sent = [];
  editor = new Editor({
    put: (id, body, revision, { revive }) => sent.push({ put: id, body, revision, revive }),
    remove: (id, imageId, revision) => sent.push({ remove: id, imageId, revision }),
    draft: () => {},
  });
  const image = /** @type {unknown} */ ({ id: 7, width: WIDTH, height: HEIGHT });
  editor.open(/** @type {Image} */ (image), [annotation(OLD)]);
});

test("theirs: nothing is sent, undo sends mine on top of it", async () => {
  const mine = await paintMore();
  editor.settleConflict("a", { mine: body(mine), theirs: annotation(THEIRS, 2) }, "theirs");
  assert.equal(shown(), THEIRS);
  assert.equal(sent.length, 0);
  editor.undo();
  assert.equal(shown(), mine);
  assert.deepEqual([sent[0].put, sent[0].revision], ["a", 2]);
});

test("mine: nothing is sent here, undo brings theirs back, and once more redo mine", async () => {
  const mine = await paintMore();
  editor.settleConflict("a", { mine: body(mine), theirs: annotation(THEIRS, 2) }, "mine");
  assert.equal(shown(), mine);
  assert.equal(sent.length, 0);
  editor.undo();
  assert.equal(shown(), THEIRS);
  assert.equal(sent[0].revision, 2);
  editor.redo();
  assert.equal(shown(), mine);
});

test("both: mine becomes an object of its own, and one undo takes it and theirs back", async () => {
  const mine = await paintMore();
  editor.settleConflict("a", { mine: body(mine), theirs: annotation(THEIRS, 2) }, "both");
  assert.equal(shown(), THEIRS);
  assert.equal(editor.objects.size, 2);
  const copy = [...editor.objects.keys()].find((id) => id !== "a") ?? "";
  assert.equal(shown(copy), mine);
  assert.deepEqual(
    sent.map(({ put }) => put),
    [copy],
  );
  editor.undo();
  assert.equal(editor.objects.size, 1);
  assert.equal(shown(), mine);
});

test("deleted elsewhere: agreed to, and brought back by undo", async () => {
  const mine = await paintMore();
  editor.settleConflict("a", { mine: body(mine), theirs: null }, "theirs");
  assert.equal(shown(), null);
  assert.equal(sent.length, 0);
  editor.undo();
  assert.equal(shown(), mine);
  assert.equal(sent[0].revive, true);
});

test("an open draft of the object is given up with theirs, and undo opens it again", async () => {
  const mine = await paintMore();
  await editor.select("a");
  editor.beginStroke(false);
  editor.strokeTo(5, 5, 2);
  editor.endStroke();
  const draft = drawn();
  editor.settleConflict("a", { mine: body(mine), theirs: annotation(THEIRS, 2) }, "theirs");
  assert.equal(drawn(), null);
  editor.undo();
  assert.equal(drawn(), draft);
});

test("what another tab has done is a step here; an unsaved draft of the same object stays", async () => {
  const { revision: _, id, ...theirs } = annotation(THEIRS);
  const change = /** @type {any} */ ({
    id,
    imageId: 7,
    kind: "put",
    body: theirs,
    revision: 1,
    revive: false,
  });
  editor.hear(change);
  assert.equal(shown(), THEIRS);
  assert.equal(sent.length, 0);
  editor.hear({ ...change, id: "b" });
  assert.equal(shown("b"), THEIRS);
  editor.hear({ ...change, id: "b", kind: "delete", body: null });
  assert.equal(shown("b"), null);
  assert.equal(sent.length, 0);
  editor.hear({ ...change, imageId: 8, id: "c" });
  assert.equal(shown("c"), null);
  editor.undo();
  assert.equal(shown("b"), THEIRS);
  await editor.select("a");
  editor.beginStroke(false);
  editor.strokeTo(5, 5, 2);
  editor.endStroke();
  editor.hear({ ...change, body: { ...theirs, segmentation: { size: [HEIGHT, WIDTH], counts: OLD } } });
  assert.equal(shown(), THEIRS);
  assert.ok(editor.draft?.dirty);
});

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

const [WIDTH, HEIGHT] = [40, 30];

/** How often a full-size mask was made from the model's answer. */
let made = 0;
/** @type {any} what was written down last */
let journal = null;
/** @type {Editor} */
let editor;

const decoder = {
  modelDigest: "f".repeat(64),
  decode: async (/** @type {any} */ { points }) => ({
    candidates: [4, 6, 8].map((radius, index) => ({
      candidate: index + 1,
      iou: 0.9 - index / 10,
      stability: 0.95,
      logits: Float32Array.of(radius),
    })),
    mask: (/** @type {number} */ index) => {
      made++;
      const bitmap = createBitmap(WIDTH, HEIGHT);
      const [x, y] = points.at(-1);
      fillCapsule(bitmap, x, y, x, y, 4 + 2 * index, 1);
      return bitmap;
    },
    timings: { decode: 1, upsample: 1 },
    crop: null,
  }),
};

beforeEach(() => {
  editor = new Editor({
    put: () => {},
    remove: () => {},
    draft: (_, work) => {
      journal = work;
    },
  });
  editor.open(/** @type {any} */ ({ id: 7, width: WIDTH, height: HEIGHT }), []);
  editor.attachDecoder(/** @type {any} */ (decoder));
  made = 0;
});

async function click(/** @type {number} */ x, /** @type {number} */ y) {
  editor.addPoint(x, y, 1);
  await editor.answer;
}

/** The draft's mask as RLE, looked up in its pixels. */
function shown() {
  const { mask } = /** @type {import("../../static/js/editor/draft.js").Draft} */ (editor.draft);
  return encode(mask.data, mask.width, mask.height);
}

test("an accepted object comes back without being made anew", async () => {
  await click(12, 12);
  const [mask, before] = [shown(), made];
  await editor.accept();
  assert.equal(editor.draft, null);
  editor.undo();
  assert.equal(shown(), mask);
  assert.equal(made, before);
  assert.equal(journal.draft.counts, mask);
  editor.redo();
  editor.undo();
  assert.equal(shown(), mask);
  assert.equal(made, before);
});

test("what was painted comes back as it was", async () => {
  await click(12, 12);
  editor.beginStroke(false);
  editor.strokeTo(25, 20, 3);
  editor.endStroke();
  const mask = shown();
  await editor.accept();
  editor.undo();
  assert.equal(shown(), mask);
  assert.equal(journal.draft.counts, mask);
  editor.undo();
  assert.notEqual(shown(), mask);
});

test("once the next object has begun its bitmap is let go and made again when it is needed", async () => {
  await click(12, 12);
  const mask = shown();
  await editor.accept();
  await click(28, 18);
  const before = made;
  editor.undo();
  editor.undo();
  assert.equal(shown(), mask);
  assert.ok(made > before, "it was not kept");
});

test("what is written down is the candidate that is shown", async () => {
  await click(12, 12);
  editor.flushDraft();
  for (const index of [1, 2, 0, 1]) {
    editor.chooseCandidate(index);
    editor.flushDraft();
    assert.equal(journal.draft.counts, shown());
  }
});

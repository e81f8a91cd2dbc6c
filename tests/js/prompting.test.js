import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { makeFrame } from "../../static/js/core/geometry.js";
import { Editor } from "../../static/js/editor.js";
import { mountHoverPreview } from "../../static/js/views/workbench/hover_preview.js";

/** @typedef {import("../../static/js/types.js").Image} Image */

const [WIDTH, HEIGHT] = [40, 30];
/** Areas of the three candidates' logits, in the order of their scores. */
const AREAS = [5, 2, 8];
/** @type {any[]} what the model was asked */
let asked = [];
/** @type {Editor} */
let editor;

function fakeDecoder(decodeMs = 1) {
  return {
    modelDigest: "f".repeat(64),
    decode: async (/** @type {any} */ prompts, /** @type {any} */ options) => {
      asked.push({ prompts, ...options });
      const mask = createBitmap(WIDTH, HEIGHT);
      fillCapsule(mask, 10, 10, 10, 10, 3, 1);
      return {
        candidates: AREAS.map((area, index) => ({
          candidate: index + 1,
          iou: 0.9 - index / 100,
          stability: 0.95,
          logits: Float32Array.from({ length: 9 }, (_, at) => (at < area ? 4 : -4)),
        })),
        mask: () => structuredClone(mask),
        timings: { decode: decodeMs, upsample: 1 },
      };
    },
  };
}

function openEditor(decodeMs = 1) {
  const fresh = new Editor({ put: () => {}, remove: () => {}, draft: () => {} });
  fresh.open(/** @type {Image} */ (/** @type {unknown} */ ({ id: 7, width: WIDTH, height: HEIGHT })), []);
  fresh.attachDecoder(fakeDecoder(decodeMs));
  return fresh;
}

beforeEach(() => {
  asked = [];
  editor = openEditor();
});

test("queued prompts are shown at once, decoded once, and are one step", async () => {
  editor.holdQueue();
  editor.addPoint(10, 10, 1);
  editor.addPoint(20, 20, 0);
  editor.addBox([5, 5, 15, 15], 0);
  assert.deepEqual(editor.prompts.labels, [1, 0]);
  assert.equal(editor.prompts.boxes.length, 1);
  assert.equal(asked.length, 0);
  assert.equal(editor.draft, null);
  editor.releaseQueue();
  await editor.idle();
  assert.equal(asked.length, 1);
  assert.deepEqual(asked[0].prompts, editor.prompts);
  assert.equal(editor.steps.length, 1);
  editor.undo();
  assert.equal(editor.draft, null);
});

test("undo drops what is queued and keeps the step before", async () => {
  editor.addPoint(10, 10, 1);
  await editor.idle();
  editor.holdQueue();
  editor.addPoint(20, 20, 0);
  editor.undo();
  assert.equal(editor.queueing, false);
  assert.deepEqual(editor.prompts.labels, [1]);
  editor.releaseQueue();
  assert.equal(asked.length, 1, "nothing is left to ask for");
  assert.equal(editor.position, 1);
});

test("accepting, cancelling or leaving forgets the queue", () => {
  editor.holdQueue();
  editor.addPoint(20, 20, 1);
  editor.open(/** @type {any} */ ({ id: 8, width: WIDTH, height: HEIGHT }), []);
  assert.equal(editor.queueing, false);
  assert.equal(editor.prompts.points.length, 0);
});

test("a flipped point is asked anew, without the old mask", async () => {
  editor.addPoint(10, 10, 1);
  editor.addPoint(20, 20, 1);
  await editor.idle();
  editor.flipPoint(1);
  await editor.idle();
  assert.deepEqual(asked.at(-1).prompts.labels, [1, 0]);
  assert.equal(asked.at(-1).maskInput, null);
  editor.undo();
  assert.deepEqual(editor.prompts.labels, [1, 1]);
});

test("size steps go from small to large and stop at the ends", async () => {
  editor.addPoint(10, 10, 1);
  await editor.idle();
  const chosen = () => editor.draft?.chosen;
  assert.equal(chosen(), 0);
  editor.stepSize(1);
  assert.equal(chosen(), 2);
  editor.stepSize(1);
  assert.equal(chosen(), 2);
  editor.stepSize(-1);
  editor.stepSize(-1);
  assert.equal(chosen(), 1);
  editor.stepSize(-1);
  assert.equal(chosen(), 1);
});

test("the preview is on where decodes are measured to be quick, and off where they are not", async () => {
  for (const [decodeMs, expected] of /** @type {const} */ ([
    [20, true],
    [59, true],
    [60, false],
    [200, false],
  ])) {
    const fresh = openEditor(decodeMs);
    let on = false;
    mountHoverPreview(fresh, (value) => {
      on = value;
    });
    await fresh.measureDecode();
    await Promise.resolve();
    assert.equal(fresh.decodeMs, decodeMs);
    assert.equal(on, expected, `${decodeMs} ms`);
    assert.equal(fresh.draft, null);
  }
});

test("a choice beats the measure", async () => {
  const fresh = openEditor(20);
  let on = false;
  const toggle = mountHoverPreview(fresh, (value) => {
    on = value;
  });
  await fresh.measureDecode();
  await Promise.resolve();
  assert.equal(toggle(), false);
  await fresh.measureDecode();
  await Promise.resolve();
  assert.equal(on, false);
});

const FRAME = makeFrame([HEIGHT, WIDTH], 64, [16, 16]);

test("snapping sends the painted mask and a point in its middle, and is one step", async () => {
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  editor.beginStroke(false);
  editor.strokeTo(25, 15, 6);
  editor.endStroke();
  const painted = editor.draft?.counts;
  await editor.snap();
  await editor.idle();
  const { prompts, maskInput } = asked.at(-1);
  assert.deepEqual(prompts.labels, [1]);
  const [x, y] = prompts.points[0];
  assert.ok(Math.hypot(x - 25, y - 15) < 4, `${x}, ${y} is in the middle`);
  assert.equal(maskInput.length, 16 * 16);
  assert.equal(Math.max(...maskInput), 4);
  assert.equal(editor.draft?.edited, false);
  assert.notEqual(editor.draft?.counts, painted);
  editor.undo();
  assert.equal(editor.draft?.counts, painted);
  assert.equal(editor.draft?.edited, true);
  editor.undo();
  assert.equal(editor.draft, null);
});

test("snapping once more brings the strokes back, and what the model leaves out is told", async () => {
  /** @type {string[]} */
  const told = [];
  editor.addEventListener("notice", (event) => {
    told.push(/** @type {CustomEvent} */ (event).detail.message);
  });
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  editor.beginStroke(false);
  editor.strokeTo(25, 15, 6); // the model answers with a disc around (10, 10)
  editor.endStroke();
  const painted = editor.draft?.counts;
  await editor.snap();
  assert.match(told.join(), /left out \d+ % of your paint/);
  assert.equal(editor.canUnsnap, true);
  assert.equal(editor.given?.logits.length, 16 * 16);
  await editor.snap();
  assert.equal(editor.draft?.counts, painted);
  assert.equal(editor.given, null);
  assert.equal(editor.canUnsnap, false);
  await editor.snap();
  assert.notEqual(editor.draft?.counts, painted);
  editor.setCategory(3);
  assert.equal(editor.canUnsnap, false, "the last step is the label");
});

test("a scribble sets several points at once, one step; the right button excludes", async () => {
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  editor.addScribble(
    [
      [5, 5],
      [30, 5],
    ],
    1,
  );
  await editor.idle();
  assert.equal(editor.steps.length, 1);
  assert.ok(editor.prompts.points.length >= 2);
  assert.ok(editor.prompts.labels.every((label) => label === 1));
  assert.deepEqual(
    asked.map(({ maskInput }) => maskInput !== null),
    [false, true],
    "the first answer goes back with the points",
  );
  editor.addScribble(
    [
      [5, 20],
      [6, 20],
    ],
    0,
  );
  await editor.idle();
  assert.equal(editor.prompts.labels.at(-1), 0);
  assert.equal(asked.length, 3);
  assert.ok(asked.at(-1).maskInput, "the earlier answer goes along");
  editor.undo();
  editor.undo();
  assert.equal(editor.draft, null);
});

test("a lasso gives its box and its inside, keeps strokes, and outlines what it gave", async () => {
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  editor.beginStroke(false);
  editor.strokeTo(35, 25, 2);
  editor.endStroke();
  /** @type {[number, number][]} */
  const outline = [
    [4, 4],
    [20, 4],
    [20, 18],
    [4, 18],
  ];
  editor.addLasso(outline, 1);
  await editor.idle();
  const { prompts, maskInput } = asked.at(-1);
  assert.equal(prompts.boxes.length, 1);
  assert.equal(prompts.labels.length, 1);
  assert.equal(editor.given?.logits, maskInput);
  assert.equal(editor.draft?.mask.data[25 * WIDTH + 35], 1, "the stroke stays");
  editor.addLasso(outline, 0);
  await editor.idle();
  assert.equal(asked.at(-1).prompts.labels.at(-1), 0);
  assert.equal(editor.given, null);
});

test("every stroke snaps when asked to, and clean-ups do not", async () => {
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  editor.snapStrokes = true;
  editor.beginStroke(false);
  editor.strokeTo(25, 15, 6);
  editor.endStroke();
  await Promise.resolve();
  await editor.idle();
  assert.deepEqual(
    editor.steps.map(({ label }) => label),
    ["Brush", "Snap"],
  );
  assert.equal(editor.tryCleanup("grow", 1, "Grow"), true);
  editor.endStroke();
  await Promise.resolve();
  await editor.idle();
  assert.equal(asked.length, 1);
});

test("snapping without a mask asks nothing", async () => {
  editor.attachDecoder({ ...fakeDecoder(), frame: FRAME });
  await editor.snap();
  assert.equal(asked.length, 0);
  assert.equal(editor.draft, null);
});

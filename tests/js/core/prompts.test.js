import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFrame } from "../../../static/js/core/geometry.js";
import {
  addBox,
  addPoint,
  emptyLast,
  expectedIou,
  isAmbiguous,
  isEmpty,
  labelPoint,
  moveBox,
  movePoint,
  NO_PROMPTS,
  packPrompts,
  promptsFromJson,
  rankCandidates,
  removeBox,
  removePoint,
  samePrompts,
} from "../../../static/js/core/prompts.js";
import { goldenJson } from "../golden.js";

test("packing agrees with Python", () => {
  const { cases } = goldenJson("prompts");
  assert.ok(cases.length > 10);
  for (const item of cases) {
    const frame = makeFrame(item.original, item.image_size);
    const { coords, labels, count } = packPrompts(promptsFromJson(item), frame);
    assert.equal(count, item.coords.length);
    assert.deepEqual([...labels], item.packed_labels);
    item.coords.flat().forEach((/** @type {number} */ wanted, /** @type {number} */ i) => {
      assert.ok(Math.abs(coords[i] - wanted) < 1e-3, `coordinate ${i}: ${coords[i]} instead of ${wanted}`);
    });
  }
});

test("edits make new values and leave the old ones alone", () => {
  const one = addPoint(NO_PROMPTS, 3, 4, 1);
  const two = addPoint(one, 5, 6, 0);
  const moved = movePoint(two, 0, 7, 8);
  const turned = labelPoint(moved, 1, 1);
  const rest = removePoint(turned, 0);
  assert.deepEqual(JSON.parse(JSON.stringify(two)), {
    points: [
      [3, 4],
      [5, 6],
    ],
    labels: [1, 0],
    boxes: [],
  });
  assert.deepEqual(JSON.parse(JSON.stringify(moved.points)), [
    [7, 8],
    [5, 6],
  ]);
  assert.deepEqual([...turned.labels], [1, 1]);
  assert.deepEqual(JSON.parse(JSON.stringify(rest)), { points: [[5, 6]], labels: [1], boxes: [] });
  assert.ok(isEmpty(NO_PROMPTS) && !isEmpty(one));
  assert.throws(() => /** @type {any} */ (two.points).push([1, 1]), TypeError);
  assert.throws(() => {
    /** @type {any} */ (two.points[0])[0] = 9;
  }, TypeError);
});

test("boxes are kept with their top-left corner first", () => {
  const boxed = addBox(NO_PROMPTS, 30, 5, 10, 20);
  assert.deepEqual([...boxed.boxes[0]], [10, 5, 30, 20]);
  const moved = moveBox(addBox(boxed, 0, 0, 1, 1), 1, 4, 3, 2, 1);
  assert.deepEqual([...moved.boxes[1]], [2, 1, 4, 3]);
  assert.deepEqual([...removeBox(moved, 0).boxes[0]], [2, 1, 4, 3]);
});

test("only a lone point is ambiguous", () => {
  const point = addPoint(NO_PROMPTS, 1, 1, 1);
  assert.equal(isAmbiguous(point, false), true);
  assert.equal(isAmbiguous(point, true), false, "with an earlier mask");
  assert.equal(isAmbiguous(addPoint(point, 2, 2, 1), false), false, "two points");
  assert.equal(isAmbiguous(addBox(point, 0, 0, 3, 3), false), false, "with a box");
  assert.equal(isAmbiguous(addBox(NO_PROMPTS, 0, 0, 3, 3), false), false, "box alone");
});

test("candidates are ranked by predicted IoU, mask 0 first when the prompt is clear", () => {
  const iou = Float32Array.of(0.4, 0.2, 0.9, 0.5);
  assert.deepEqual(rankCandidates(true, iou, false), [2, 3, 1]);
  assert.deepEqual(rankCandidates(false, iou, false), [0, 2, 3, 1]);
  assert.deepEqual(rankCandidates(false, iou, true), [0, 2, 3, 1]);
});

test("where mask 0 has learned single points, it takes the place of the least if it is the best", () => {
  assert.deepEqual(rankCandidates(true, [0.95, 0.2, 0.9, 0.5], true), [0, 2, 3]);
  assert.deepEqual(rankCandidates(true, [0.6, 0.2, 0.9, 0.5], true), [2, 3, 1]);
});

test("the IoU expected of a mask is what it shares with the likely ones", () => {
  const logits = [
    [1, 1, 1, -1, -1, -1],
    [1, -1, -1, -1, -1, -1],
    [1, 1, 1, 1, -1, -1],
    [-1, -1, -1, -1, -1, 1],
  ];
  const close = (/** @type {number[]} */ found, /** @type {number[]} */ wanted) => {
    for (const [i, value] of found.entries()) assert.ok(Math.abs(value - wanted[i]) < 1e-5, `${i}: ${value}`);
  };
  close(expectedIou([0.5, 0.5, 0.5, 0.5], logits, 0), [25 / 48, 19 / 48, 1 / 2, 1 / 4]);
  close(expectedIou([0.2, 0.2, 0.2, 0.8], logits, 0), [0.200531, 0.152404, 0.19251, 0.711235]);
  close(expectedIou([0.5, 0.5, 0.5, 0.5], logits, 2), [0, 0, 0, 0]);
});

test("masks without a pixel are offered last", () => {
  const logits = new Map([
    [0, Float32Array.of(-1, -2)],
    [2, Float32Array.of(-1, 0.5)],
    [3, Float32Array.of(-3, -3)],
    [1, Float32Array.of(2, -1)],
  ]);
  assert.deepEqual(emptyLast([0, 2, 3, 1], logits, 0), [2, 1, 0, 3]);
  assert.deepEqual(emptyLast([0, 3], logits, 0), [0, 3], "nothing better is there");
});

test("prompts compare by value and travel as JSON", () => {
  const prompts = addBox(addPoint(NO_PROMPTS, 1.5, 2, 0), 0, 0, 4, 4);
  assert.ok(samePrompts(prompts, promptsFromJson(JSON.parse(JSON.stringify(prompts)))));
  assert.ok(!samePrompts(prompts, labelPoint(prompts, 0, 1)));
  assert.ok(samePrompts(promptsFromJson(null), NO_PROMPTS));
  assert.throws(() => promptsFromJson({ points: [[1, 2]], labels: [] }), RangeError);
});

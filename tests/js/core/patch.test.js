import assert from "node:assert/strict";
import { test } from "node:test";
import { capsuleRect, cloneBitmap, equals, fillCapsule } from "../../../static/js/core/bitmap.js";
import { Patch, PatchRecorder } from "../../../static/js/core/patch.js";
import { noise, randomNumbers } from "../masks.js";

test("a stroke is taken back and brought again, pixel for pixel", () => {
  const random = randomNumbers(8);
  const bitmap = noise(300, 277, 4, 0.2);
  for (let round = 0; round < 20; round++) {
    const before = cloneBitmap(bitmap);
    const recorder = new PatchRecorder(bitmap);
    for (let step = 0; step < 5; step++) {
      const [ax, ay, bx, by] = Array.from({ length: 4 }, () => random() * 340 - 20);
      recorder.touch(capsuleRect(ax, ay, bx, by, 9));
      fillCapsule(bitmap, ax, ay, bx, by, 9, round % 2 ? 1 : 0);
    }
    const patch = recorder.finish();
    const after = cloneBitmap(bitmap);
    assert.equal(patch.isEmpty, equals(before, after));
    patch.undo(bitmap);
    assert.ok(equals(bitmap, before), "undo");
    patch.redo(bitmap);
    assert.ok(equals(bitmap, after), "redo");
  }
});

test("memory follows what changed, not the image", () => {
  const bitmap = noise(4000, 3000, 1, 0);
  const recorder = new PatchRecorder(bitmap);
  recorder.touch({ x0: 0, y0: 0, x1: 1000, y1: 1000 });
  fillCapsule(bitmap, 20, 20, 30, 30, 5, 1);
  const patch = recorder.finish();
  assert.ok(patch.bytes > 0 && patch.bytes < 10_000, `${patch.bytes} bytes`);
});

test("an edit that changes nothing leaves nothing", () => {
  const bitmap = noise(200, 100, 2, 1);
  const recorder = new PatchRecorder(bitmap);
  recorder.touch({ x0: -5, y0: -5, x1: 50, y1: 50 });
  fillCapsule(bitmap, 10, 10, 30, 30, 5, 1);
  const patch = recorder.finish();
  assert.ok(patch.isEmpty);
  assert.equal(patch.bytes, 0);
});

test("a patch that was written down does the same", () => {
  const bitmap = noise(300, 277, 4, 0.3);
  const before = cloneBitmap(bitmap);
  const recorder = new PatchRecorder(bitmap);
  recorder.touch(capsuleRect(-5, 100, 290, 270, 20));
  fillCapsule(bitmap, -5, 100, 290, 270, 20, 1);
  const after = cloneBitmap(bitmap);
  const stored = recorder.finish().stored();
  const patch = Patch.from(JSON.parse(JSON.stringify(stored)));
  assert.deepEqual(patch.stored(), stored);
  patch.undo(bitmap);
  assert.ok(equals(bitmap, before), "undo");
  patch.redo(bitmap);
  assert.ok(equals(bitmap, after), "redo");
  assert.throws(() => Patch.from([{ ...stored[0], counts: "?" }]), RangeError);
});

import assert from "node:assert/strict";
import test from "node:test";
import {
  applyLocalTones,
  applyTable,
  isNeutral,
  localTones,
  NEUTRAL,
  toneTable,
} from "../../../static/js/core/adjust.js";

/** RGBA of a grey picture. @param {number} width @param {number} height @param {(x: number, y: number) => number} grey */
function picture(width, height, grey) {
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = grey(x, y);
      pixels.set([value, value, value, 255], 4 * (y * width + x));
    }
  }
  return pixels;
}

/** @param {Uint8ClampedArray} pixels */
const greys = (pixels) => Array.from({ length: pixels.length / 4 }, (_, index) => pixels[4 * index]);

/** @param {number[]} values */
const spread = (values) => Math.max(...values) - Math.min(...values);

test("nothing set leaves every value", () => {
  assert.ok(isNeutral(NEUTRAL));
  assert.deepEqual([...toneTable(NEUTRAL)], [...Array(256).keys()]);
});

test("each control does what it says, and never runs backwards", () => {
  const brighter = toneTable({ ...NEUTRAL, brightness: 0.2 });
  assert.equal(brighter[0], 51);
  assert.equal(brighter[255], 255);
  const flat = toneTable({ ...NEUTRAL, contrast: -1 });
  assert.equal(flat[0], flat[255]);
  const hard = toneTable({ ...NEUTRAL, contrast: 0.5 });
  assert.equal(hard[32], 0);
  assert.equal(hard[100] + hard[155], 255);
  assert.ok(hard[155] > 175);
  const lifted = toneTable({ ...NEUTRAL, gamma: 2.2 });
  assert.ok(lifted[20] > 70 && lifted[0] === 0 && lifted[255] === 255);
  for (const table of [brighter, hard, lifted]) {
    for (let value = 1; value < 256; value++) assert.ok(table[value] >= table[value - 1]);
  }
});

test("a table changes colours and leaves transparency", () => {
  const pixels = Uint8ClampedArray.of(10, 20, 30, 40);
  applyTable(
    pixels,
    Uint8Array.from({ length: 256 }, (_, value) => 255 - value),
  );
  assert.deepEqual([...pixels], [245, 235, 225, 40]);
});

test("local contrast pulls a dark picture apart, more with more strength", () => {
  const dark = () => picture(64, 64, (x, y) => 20 + ((x * 7 + y * 3) % 12));
  const before = spread(greys(dark()));
  let last = before;
  for (const strength of [0.3, 0.6, 1]) {
    const pixels = dark();
    const tones = localTones(pixels, 64, 64, strength);
    applyLocalTones(pixels, 64, 64, tones, { x: 0, y: 0, width: 64, height: 64 });
    const after = spread(greys(pixels));
    assert.ok(after > last, `${after} > ${last} at ${strength}`);
    last = after;
  }
});

test("at strength 0 local contrast leaves the picture", () => {
  const pixels = picture(32, 24, (x, y) => (x * 5 + y * 4) % 256);
  const before = greys(pixels);
  applyLocalTones(pixels, 32, 24, localTones(pixels, 32, 24, 0), { x: 0, y: 0, width: 32, height: 24 });
  greys(pixels).forEach((value, index) => {
    assert.ok(Math.abs(value - before[index]) <= 1);
  });
});

test("brighter stays brighter in every tile", () => {
  // Nothing is cut from this histogram, and nothing is brighter than 63: white must still be white.
  const even = picture(64, 64, (x, y) => (x % 8) + 8 * (y % 8));
  const uneven = picture(48, 48, (x, y) => (y < 24 ? 255 : (x * x + 3 * y) % 256));
  for (const { tables } of [localTones(even, 64, 64, 1), localTones(uneven, 48, 48, 1)]) {
    for (let at = 1; at < tables.length; at++) {
      if (at % 256) assert.ok(tables[at] >= tables[at - 1], `tile ${at >> 8}, brightness ${at % 256}`);
    }
  }
});

test("a part of the view is toned as in the whole view", () => {
  const whole = picture(40, 40, (x, y) => 30 + ((3 * x + y) % 40));
  const tones = localTones(whole, 40, 40, 0.8);
  const part = picture(20, 15, (x, y) => 30 + ((3 * (x + 12) + (y + 9)) % 40));
  applyLocalTones(whole, 40, 40, tones, { x: 0, y: 0, width: 40, height: 40 });
  applyLocalTones(part, 20, 15, tones, { x: -12, y: -9, width: 40, height: 40 });
  const expected = greys(picture(20, 15, (x, y) => whole[4 * ((y + 9) * 40 + x + 12)]));
  assert.deepEqual(greys(part), expected);
});

test("a picture of one pixel is no trouble", () => {
  const pixels = picture(1, 1, () => 90);
  const tones = localTones(pixels, 1, 1, 1);
  assert.equal(tones.tables.length, 256);
  applyLocalTones(pixels, 1, 1, tones, { x: 0, y: 0, width: 1, height: 1 });
  assert.equal(pixels[3], 255);
});

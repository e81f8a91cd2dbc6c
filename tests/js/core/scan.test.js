import assert from "node:assert/strict";
import { test } from "node:test";
import { firstSet, lastSet } from "../../../static/js/core/scan.js";

/** @param {Uint8Array} data @param {number} from @param {number} to */
function plain(data, from, to) {
  const set = [...data.keys()].filter((at) => at >= from && at < to && data[at]);
  return [set[0] ?? -1, set.at(-1) ?? -1];
}

test("the first and the last set pixel of any stretch, wherever it begins in memory", () => {
  for (let offset = 0; offset < 9; offset++) {
    for (let length = 0; length < 40; length++) {
      for (const set of [[], [0], [7], [8, 20], [length - 1]]) {
        const data = new Uint8Array(new ArrayBuffer(64), offset, length);
        for (const at of set) if (at >= 0 && at < length) data[at] = 1;
        for (const [from, to] of [
          [0, length],
          [1, length],
          [3, Math.max(3, length - 2)],
          [9, Math.max(9, length - 9)],
        ]) {
          const [first, last] = plain(data, from, to);
          const where = `offset ${offset}, length ${length}, set ${set}, [${from}, ${to})`;
          assert.equal(firstSet(data, from, Math.min(to, length)), first, where);
          assert.equal(lastSet(data, from, Math.min(to, length)), last, where);
        }
      }
    }
  }
});

test("pixels outside of the stretch do not count", () => {
  const data = new Uint8Array(64).fill(1);
  data.fill(0, 10, 50);
  assert.equal(firstSet(data, 10, 50), -1);
  assert.equal(lastSet(data, 10, 50), -1);
  assert.equal(firstSet(data, 10, 51), 50);
  assert.equal(lastSet(data, 9, 50), 9);
});

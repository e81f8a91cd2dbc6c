import assert from "node:assert/strict";
import { test } from "node:test";
import { ByLength, MANY } from "../../../static/js/decoder/by_length.js";

const VALUES = Float32Array.of(1, 2);

/** A decoder that says who answered, and from what. @param {string} name */
function named(name) {
  return /** @type {any} */ ({
    prepare: async (/** @type {Float32Array} */ values) => ({ name, values }),
    run: async (/** @type {any} */ prepared, /** @type {any} */ prompts) => ({ by: name, prepared, prompts }),
  });
}

/** @param {number} count */
const prompts = (count) => ({
  coords: new Float32Array(2 * count),
  labels: new Float32Array(count),
  count,
});

/** @param {ByLength<any, any>} decoder @param {number} count @returns {Promise<any>} */
async function answer(decoder, count) {
  return decoder.run(await decoder.prepare(VALUES, [2, 1, 1]), prompts(count), null);
}

test("few prompts never fetch the whole decoder", async () => {
  const decoder = new ByLength(named("graphs"), () => assert.fail("not needed"));
  const found = await answer(decoder, MANY - 1);
  assert.deepEqual([found.by, found.prepared.name], ["graphs", "graphs"]);
});

test("many prompts are answered by the whole decoder as soon as it is there, and nobody waits for it", async () => {
  /** @type {(whole: any) => void} */
  let open = () => {};
  let opened = 0;
  const decoder = new ByLength(named("graphs"), () => {
    opened++;
    return new Promise((resolve) => {
      open = resolve;
    });
  });
  assert.equal((await answer(decoder, MANY)).by, "graphs");
  assert.equal((await answer(decoder, MANY + 9)).by, "graphs");
  assert.equal(opened, 1);
  open(named("whole"));
  await new Promise((resolve) => setTimeout(resolve));
  const found = await answer(decoder, MANY);
  assert.deepEqual([found.by, found.prepared], ["whole", { name: "whole", values: VALUES }]);
  assert.equal((await answer(decoder, MANY - 1)).by, "graphs");
});

test("where it cannot be fetched the graphs go on, and the next long prompt tries again", async () => {
  let tried = 0;
  const decoder = new ByLength(named("graphs"), async () => {
    if (++tried === 1) throw new Error("no network");
    return named("whole");
  });
  for (const by of ["graphs", "graphs", "whole"]) {
    assert.equal((await answer(decoder, MANY)).by, by);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.equal(tried, 2);
});

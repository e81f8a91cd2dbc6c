/**
 * Whether another way of running the decoder is right, and clearly faster: measured on a click of its own, in turns with the
 * one that is in use. No name of a device or a browser decides.
 */

/** @typedef {import("./messages.js").ModelInfo} ModelInfo */
/** @typedef {import("./messages.js").Verdict} Verdict */
/** @typedef {import("./session.js").Packed} Packed */
/** @typedef {import("./windows.js").Window} Window */

/** How many times as fast it has to be: less is not worth a second runtime in memory. */
export const CLEARLY_FASTER = 1.3;
/** Largest difference, of the largest logit. Both compute in float32, in another order. */
const TOLERANCE = 2e-3;
const AGREEMENT = 0.999;
const ROUNDS = 5;
const MASKS = [0, 1, 2, 3];
/** What a click that offers its readings draws. */
const OFFERED = [1, 2, 3];

/**
 * The click that is measured: always the same, on an embedding that no image has.
 * @typedef {{values: Float32Array, shape: number[], prompts: Packed, window: Window}} Sample
 */

/** @param {ModelInfo} model @param {number} channels of an embedding @returns {Sample} */
export function sampleFor({ imageSize, embeddingSize: [height, width] }, channels) {
  const values = Float32Array.from(
    { length: channels * height * width },
    (_, i) => Math.sin(i * 0.37) * Math.cos(i * 0.011),
  );
  // In the middle of a photograph in landscape format: the lower third is padding.
  const coords = Float32Array.of(imageSize / 2, imageSize / 3, 0, 0);
  return {
    values,
    shape: [channels, height, width],
    prompts: { coords, labels: Float32Array.of(1, -1), count: 2 },
    window: [0, Math.round((2 * height) / 3), 0, width],
  };
}

/**
 * @template Mine, Other
 * @param {object} options
 * @param {import("./session.js").DecoderSession<Mine>} options.mine in use
 * @param {import("./session.js").DecoderSession<Other>} options.other
 * @param {Sample} options.sample
 * @param {<Result>(work: () => Promise<Result>) => Promise<Result>} options.inTurn does a piece of work when nobody waits
 *   for `mine`
 * @param {boolean} options.fasterOnly it has to be clearly faster, too
 * @returns {Promise<Verdict>}
 * @throws whatever `other` throws
 */
export async function probe({ mine, other, sample, inTurn, fasterOnly }) {
  const click = clicker(sample);
  const first = await inTurn(() => click(mine));
  const expected = await inTurn(() => first(MASKS));
  const second = await click(other);
  const found = await second(MASKS);
  if (!agree(expected, found)) return { outcome: "wrong", ratio: null };
  if (!fasterOnly) return { outcome: "chosen", ratio: null };
  const [mineTook, otherTook] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let round = 0; round < ROUNDS; round++) {
    mineTook.push(await inTurn(() => timed(first)));
    otherTook.push(await timed(second));
  }
  const ratio = median(mineTook) / median(otherTook);
  return { outcome: ratio >= CLEARLY_FASTER ? "chosen" : "slow", ratio };
}

/** Prepares the sample once, then clicks. @param {Sample} sample */
function clicker({ values, shape, prompts, window }) {
  return async (/** @type {import("./session.js").DecoderSession<any>} */ session) => {
    const prepared = await session.prepare(values, shape);
    return async (/** @type {number[]} */ masks) => {
      const answer = await session.run(prepared, prompts, null);
      return { iou: answer.iou, logits: await answer.draw(masks, window) };
    };
  };
}

/** @param {(masks: number[]) => Promise<unknown>} click @returns {Promise<number>} milliseconds */
async function timed(click) {
  const started = performance.now();
  await click(OFFERED);
  return performance.now() - started;
}

/** @param {number[]} values of odd number */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** @param {{iou: Float32Array, logits: Float32Array}} expected @param {{iou: Float32Array, logits: Float32Array}} found */
function agree(expected, found) {
  return (
    close(expected.iou, found.iou) &&
    close(expected.logits, found.logits) &&
    overlap(expected.logits, found.logits) >= AGREEMENT
  );
}

/** @param {Float32Array} expected @param {Float32Array} found */
function close(expected, found) {
  if (expected.length !== found.length) return false;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // Not `>`: whatever is no number differs.
  return expected.every((value, i) => Math.abs(value - found[i]) <= TOLERANCE * largest);
}

/** IoU of what lies above zero. @param {Float32Array} a @param {Float32Array} b */
function overlap(a, b) {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] > 0 && b[i] > 0) both++;
    if (a[i] > 0 || b[i] > 0) either++;
  }
  return either === 0 ? 1 : both / either;
}

/** Times clicks in the workbench's own editor, stage and decoder, and the released export under the same editor. */

import { ImagePyramid } from "/static/js/canvas/pyramid.js";
import { Stage } from "/static/js/canvas.js";
import { iou } from "/static/js/core/bitmap.js";
import { makeFrame } from "/static/js/core/geometry.js";
import { addPoint, NO_PROMPTS } from "/static/js/core/prompts.js";
import { DecoderClient } from "/static/js/decoder/client.js";
import { Editor } from "/static/js/editor.js";
import { denseMask, measureMasks } from "./masks.js";
import { ReleasedClient } from "./released_client.js";

/** @typedef {{decode: number, upsample: number, paint: number, total: number}} Timings */

/** Of the largest logit. Both compute in float32, in another order. */
const TOLERANCE = 1e-5;
const SMALLEST_LEVEL = 1024;
/** IoU of the full-resolution masks. */
const AGREEMENT = 0.9999;

/** Points around the middle, so that no click repeats the one before. @param {number} i */
function offset(i) {
  return ((i * 37) % 100) / 100 - 0.5;
}

/** @param {number} width @param {number} height @returns {ImageBitmap} */
function shaded(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gave no 2D canvas");
  const shade = context.createLinearGradient(0, 0, width, height);
  shade.addColorStop(0, "#234");
  shade.addColorStop(1, "#cba");
  context.fillStyle = shade;
  context.fillRect(0, 0, width, height);
  return canvas.transferToImageBitmap();
}

/** A photograph of that size and its halves. @param {number} width @param {number} height */
function photograph(width, height) {
  const levels = [shaded(width, height)];
  for (let side = Math.min(width, height); side > SMALLEST_LEVEL; side >>= 1) {
    const { width: across, height: down } = levels[levels.length - 1];
    levels.push(shaded(across >> 1, down >> 1));
  }
  return new ImagePyramid(levels);
}

/** @param {any} contender @param {number} threads
 * @returns {Promise<any>} something with loadEmbedding, decode, dispose and backend */
function startDecoder({ kind, model }, threads) {
  return kind === "own" ? DecoderClient.start(model, { threads }) : ReleasedClient.start(model, { threads });
}

/** Fast and wrong is no gain. @param {any} ours @param {any} released decoders of the same weights and embedding
 * @param {[number, number]} size */
async function assertAgree(ours, released, [height, width]) {
  const prompts = addPoint(NO_PROMPTS, width / 3, height / 2, 1);
  const decoded = await ours.decode(prompts);
  await ours.decode(prompts); // by then the padding's logits are there too
  const [found] = decoded.candidates;
  const [expected] = (await released.decode(prompts)).candidates;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < expected.logits.length; i++) {
    worst = Math.max(worst, Math.abs(found.logits[i] - expected.logits[i]));
    largest = Math.max(largest, Math.abs(expected.logits[i]));
  }
  if (found.candidate !== expected.candidate || !(worst <= TOLERANCE * largest)) {
    throw new Error(
      `our mask ${found.candidate} is off by ${worst} of ${largest} from ${expected.candidate}`,
    );
  }
  // The released graph crops the padding as of the image that it was traced with: of others only its logits are right.
  const overlap = iou(decoded.mask(0), denseMask(expected.logits, ours.frame));
  if (!(overlap >= AGREEMENT)) throw new Error(`our mask has an IoU of ${overlap} with the released one`);
}

/** @param {any} decoder @param {any} contender @param {[number, number]} size @param {string} sha256 */
async function loadEmbedding(decoder, contender, size, sha256) {
  const [height, width] = size;
  const response = await fetch(contender.embeddings[`${height}x${width}`]);
  const image = { imageSha256: sha256, width, height };
  const { image_size, mask_size } = contender.model.config;
  await decoder.loadEmbedding(await response.arrayBuffer(), image, makeFrame(size, image_size, mask_size));
}

/** One fresh click, from the event to the painted mask. @param {Editor} editor @param {number} i
 * @returns {Promise<Timings>} */
async function click(editor, i) {
  const { width, height } = /** @type {any} */ (editor.image);
  editor.cancel();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const painted = new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      observer.disconnect();
      resolve(/** @type {PerformanceMeasure} */ (list.getEntries()[0]).detail);
    });
    observer.observe({ entryTypes: ["measure"] });
  });
  editor.addPoint(
    width * (0.5 + 0.1 * offset(i)),
    height * (0.5 + 0.1 * offset(3 * i)),
    1,
    performance.now(),
  );
  return /** @type {Promise<Timings>} */ (painted);
}

/** @param {string} text @returns {Promise<string>} hexadecimal */
async function sha256(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One click of the bundled model in the middle, all its masks. @param {any} decoder @param {[number, number]} size */
async function realLogits(decoder, [height, width]) {
  const { candidates } = await decoder.decode(addPoint(NO_PROMPTS, width / 2, height / 2, 1));
  return candidates.map((/** @type {any} */ { logits }) => logits.slice());
}

/** @param {{size: [number, number], threads: number, clicks: number, slow_clicks: number}} setting
 * @param {any[]} contenders @param {boolean} withMasks
 * @returns {Promise<{times: Record<string, Timings[]>, masks: object | null, backend: string}>} */
async function measureIn({ size, threads, clicks, slow_clicks }, contenders, withMasks) {
  const [height, width] = size;
  const hash = await sha256(`${height}x${width}`);
  const editor = new Editor({ put() {}, remove() {}, draft() {} });
  const host = /** @type {HTMLElement} */ (document.getElementById("stage"));
  const stage = new Stage(host, editor);
  stage.setImage(photograph(width, height));
  editor.open(/** @type {any} */ ({ id: 1, width, height, sha256: hash }), []);
  const decoders = await Promise.all(contenders.map((contender) => startDecoder(contender, threads)));
  for (const [i, contender] of contenders.entries()) await loadEmbedding(decoders[i], contender, size, hash);
  const own = decoders[contenders.findIndex(({ kind }) => kind === "own")];
  const named = (/** @type {string} */ name) => decoders[contenders.findIndex((one) => one.name === name)];
  await assertAgree(named("own vit_b"), named("released vit_b"), size);
  if (!own.backend.isolated) throw new Error("the page is not cross-origin isolated");
  /** @type {Record<string, Timings[]>} */
  const times = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  // In turns, so that whatever else the machine does falls on all of them. The first two clicks are warm-up:
  // compilation and first allocations happen once a session.
  for (let round = -2; round < clicks; round++) {
    for (const [i, { name, kind }] of contenders.entries()) {
      if (kind !== "own" && round >= slow_clicks) continue;
      editor.attachDecoder(decoders[i]);
      const timings = await click(editor, round + 2);
      if (round >= 0) times[name].push(timings);
    }
  }
  editor.attachDecoder(null);
  const { image_size, mask_size } = contenders[0].model.config;
  const frame = makeFrame(size, image_size, mask_size);
  const masks = withMasks ? measureMasks(await realLogits(own, size), frame) : null;
  for (const decoder of decoders) decoder.dispose();
  stage.destroy();
  return { times, masks, backend: `${own.backend.backend}, ${own.backend.threads} threads` };
}

Object.assign(window, {
  /** @param {any} task */
  measure: (task) => measureIn(task.setting, task.contenders, task.masks),
});

/**
 * Decodes photographs and makes their smaller copies where it holds nobody up: on the page's own thread a photograph of 12
 * megapixels would stop clicks and strokes for a tenth of a second.
 */

/** Images up to this many pixels are drawn directly. */
const DIRECT_PIXELS = 2_500_000;

/** @param {Blob} file @returns {Promise<ImageBitmap[]>} the image itself first; each next one has half the sides */
async function levelsOf(file) {
  const levels = [await createImageBitmap(file)];
  for (let last = levels[0]; last.width * last.height > DIRECT_PIXELS; last = levels[levels.length - 1]) {
    const resizeWidth = Math.max(1, Math.round(last.width / 2));
    const resizeHeight = Math.max(1, Math.round(last.height / 2));
    levels.push(await createImageBitmap(last, { resizeWidth, resizeHeight, resizeQuality: "medium" }));
  }
  return levels;
}

self.addEventListener("message", async (/** @type {MessageEvent<{id: number, file: Blob}>} */ event) => {
  const { id, file } = event.data;
  try {
    const levels = await levelsOf(file);
    self.postMessage({ id, levels }, { transfer: levels });
  } catch {
    self.postMessage({ id, levels: null });
  }
});

/** What a run would propose, seen on one image before thousands: the photograph with the masks over it, their number and time. */

import { previewAutomask } from "../../api/proposals.js";
import { cancelJob, getFile, getJob } from "../../api.js";
import { colourLabels, labelRuns } from "../../canvas/overlay.js";
import { stringToLengths } from "../../core/rle.js";
import { runsFromLengths } from "../../core/runs.js";
import { t, tn } from "../../core/translate.js";
import { tintColor } from "../../editor/colors.js";
import { busy } from "../../ui/dialog.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { formatNumber } from "../../ui/format.js";
import { ImageChoice } from "./automask_image.js";

/** @typedef {import("../../api/proposals.js").AutomaskChoice} AutomaskChoice */
/** @typedef {import("../../api/proposals.js").Preview} Preview */
/** @typedef {import("../../api/proposals.js").PreviewedProposal} PreviewedProposal */
/** @typedef {import("../../types.js").Image} Image */

const POLL_MS = 500;
const OPEN = ["queued", "running"];
/** Device pixels of the drawing's longer side, outline, and opacity inside. */
const [SIDE, OUTLINE, FILL] = [1200, 3, 0.35];

/**
 * @param {number} projectId
 * @param {() => AutomaskChoice | null} choice what is to be tried; null while a field is wrong
 * @param {(error: unknown) => void} refused
 */
export function createPreview(projectId, choice, refused) {
  const images = new ImageChoice(projectId, refused);
  const go = button(t("Preview"), { icon: "play", onclick: () => busy(go, run) });
  const canvas = h("canvas", {
    class: "automask-canvas",
    role: "img",
    "aria-label": t("Proposals on the image"),
  });
  const said = h("p", { class: "hint tabular", role: "status" });
  const waiting = h("div", { class: "automask-waiting", hidden: true }, h("span", { class: "spinner" }));
  const element = h(
    "div",
    { class: "automask-preview" },
    h("div", { class: "row" }, images.element, go),
    h("div", { class: "automask-picture" }, canvas, waiting),
    said,
  );
  /** @type {ImageBitmap | null} */
  let photograph = null;
  let closed = false;
  const open = async () => {
    const { image } = images;
    go.disabled = !image;
    if (!image) return;
    delete element.dataset.proposals;
    replace(said, t("Try it on one image first."));
    const thumbnail = await createImageBitmap(new Blob([await getFile(image.urls.thumbnail)]));
    if (images.image !== image) return;
    photograph = thumbnail;
    draw(canvas, image, photograph, []);
    await sharpen(image);
  };
  const sharpen = async (/** @type {Image} */ image) => {
    if (image.tiles) return;
    const file = new Blob([await getFile(image.urls.file)]);
    const whole = await createImageBitmap(file, {
      resizeWidth: Math.min(SIDE, image.width),
    });
    if (images.image !== image || element.dataset.proposals) return;
    photograph = whole;
    draw(canvas, image, photograph, []);
  };
  const run = async () => {
    const { image } = images;
    const wanted = choice();
    if (!image || !wanted) return;
    waiting.hidden = false;
    replace(said, icon("loader", "small"), " ", t("Looking at every place …"));
    try {
      const result = await finished((await previewAutomask(image.id, wanted)).id, () => closed);
      if (!result || images.image !== image || !photograph) return;
      draw(canvas, image, photograph, result.proposals);
      element.dataset.proposals = String(result.proposals.length);
      replace(said, sentence(result));
    } catch (error) {
      replace(said, "");
      refused(error);
    } finally {
      waiting.hidden = true;
    }
  };
  images.addEventListener("change", () => open().catch(refused));
  return {
    element,
    close: () => {
      closed = true;
    },
  };
}

/** @param {number} id @param {() => boolean} unwanted @returns {Promise<Preview | null>} null: nobody waits any more */
async function finished(id, unwanted) {
  for (;;) {
    const job = await getJob(id);
    if (job.error) throw new Error(job.error.message);
    if (!OPEN.includes(job.state)) return /** @type {Preview | null} */ (job.result);
    if (unwanted()) {
      await cancelJob(id);
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {Preview} preview */
function sentence({ proposals, seconds }) {
  if (!proposals.length)
    return t("Nothing was found in {seconds} s. Lower pred_iou_thresh or stability_score_thresh.", {
      seconds: formatNumber(seconds),
    });
  const found = tn(proposals.length, "{number} proposal", "{number} proposals");
  return t("{found} in {seconds} s.", { found, seconds: formatNumber(Math.round(seconds * 10) / 10) });
}

/** @param {HTMLCanvasElement} canvas @param {Image} image @param {ImageBitmap} photograph
 * @param {readonly PreviewedProposal[]} proposals */
function draw(canvas, image, photograph, proposals) {
  const scale = SIDE / Math.max(image.width, image.height);
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  context.drawImage(photograph, 0, 0, width, height);
  const labels = new Uint16Array(width * height);
  const styles = new Map();
  const view = { scale, x: 0, y: 0, width, height };
  // The largest lie at the bottom, so that small ones are seen.
  [...proposals]
    .sort((a, b) => b.area - a.area)
    .forEach(({ rle }, index) => {
      labelRuns(
        labels,
        view,
        runsFromLengths(stringToLengths(rle.counts), rle.size[1], rle.size[0]),
        index + 1,
      );
      styles.set(index + 1, { color: tintColor(index), fill: FILL, outline: 1 });
    });
  const layer = new OffscreenCanvas(width, height);
  const picture = new ImageData(width, height);
  colourLabels(labels, width, height, styles, new Uint32Array(picture.data.buffer), OUTLINE);
  layer.getContext("2d")?.putImageData(picture, 0, 0);
  context.drawImage(layer, 0, 0);
}

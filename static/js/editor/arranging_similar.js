/**
 * More objects like some that are there already: places of the image whose features are alike are given to the model, and
 * what it answers becomes pending, to be accepted or discarded.
 *
 * 1. Examples are the selected objects, else all accepted ones with the current label.
 * 2. The look of an example is the mean of its cells of the embedding (core/similar.js). A cell is as alike as the example that it
 *    is most like.
 * 3. Cells that are local maxima, reach THRESHOLD × the median likeness of the examples' own cells, and lie on no object are
 *    decoded with one point each, the most alike first, at most LIMIT of them.
 * 4. Of the masks offered for a point, the one with the best predicted IoU among those of the examples' size (SIZES times the
 *    median area) is taken, if its own cells reach the threshold too.
 * 5. One that overlaps an object, or one found before it, with an IoU of SAME or more is dropped.
 */

import { countsIou } from "../core/mask_sets.js";
import * as promptSet from "../core/prompts.js";
import * as similar from "../core/similar.js";
import { phrase, t } from "../core/translate.js";
import { Pending } from "./arranging_pending.js";

/** @typedef {import("../core/geometry.js").Frame} Frame */
/** @typedef {import("./draft.js").Decoded} Decoded */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./objects.js").SavedObject} SavedObject */

const THRESHOLD = 0.6;
const LIMIT = 48;
const SIZES = /** @type {const} */ ([1 / 3, 3]);
const SAME = 0.5;

export class Similar extends Pending {
  /** Propose more objects like the examples: one step, however many are found. */
  async findSimilar() {
    const examples = this.#examples();
    if (this.isPainting) return;
    if (!examples.length)
      return this.tell(t("Accept one object first, or select some: more like them are looked for."));
    if (!this.decoder?.frame || !this.decoder.features) return this.refusePrompt();
    await this.select(null);
    if (examples[0].body.category_id !== null) this.useCategory(examples[0].body.category_id);
    this.inTurn(async (decoder, image) => {
      const bodies = await this.#search(examples, decoder, image);
      return () => this.#propose(bodies);
    });
    await this.idle();
  }

  /** @returns {SavedObject[]} */
  #examples() {
    const selected = this.selection.filter((object) => !object.isPending);
    if (selected.length) return selected;
    return [...this.objects.values()].filter(
      ({ body }) => body.state === "accepted" && body.category_id === this.categoryId,
    );
  }

  #propose(/** @type {AnnotationBody[]} */ bodies) {
    if (!bodies.length) return this.tell(t("Nothing similar was found on this image."));
    for (const body of bodies) this.putPending({ ...body, z: this.top + 1 });
    this.record({ label: phrase("Find similar") });
  }

  /**
   * @param {readonly SavedObject[]} examples
   * @param {import("./prompting.js").Decoder} decoder
   * @param {import("../types.js").Image} image
   * @returns {Promise<AnnotationBody[]>}
   */
  async #search(examples, decoder, image) {
    const [frame, features] = [decoder.frame, await decoder.features?.()];
    if (!frame || !features) return [];
    const grid = similar.gridOf(features, frame);
    const covers = examples.map(({ runs }) => similar.coverage(runs, grid));
    const map = similar.likeness(
      grid,
      covers.map((weights) => similar.lookOf(grid, weights)),
    );
    const threshold = THRESHOLD * median(covers.map((weights) => similar.weightedMean(map, weights)));
    const area = median(examples.map(({ runs }) => runs.area));
    const taken = new Float32Array(map.length);
    const present = this.listedObjects();
    for (const { runs } of present) add(taken, similar.coverage(runs, grid));
    const masks = present.map(({ body }) => body.segmentation.counts);
    /** @type {AnnotationBody[]} */
    const found = [];
    for (const peak of similar.peaks(map, grid, { threshold, limit: LIMIT, taken })) {
      const prompts = promptSet.addPoint(promptSet.NO_PROMPTS, ...placeOf(peak, grid, image), 1);
      const decoded = await decoder.decode(prompts, { maskInput: null, hover: false });
      if (!decoded) return found;
      const fits = (/** @type {Float32Array} */ logits) => {
        const own = similar.coverageOfLogits(logits, frame, grid);
        const size = own.area / area;
        return size >= SIZES[0] && size <= SIZES[1] && similar.weightedMean(map, own.weights) >= threshold;
      };
      const chosen = bestOf(decoded, fits);
      const body = chosen === null ? null : this.pendingBody(prompts, decoded, decoder, image, chosen);
      const counts = body?.segmentation.counts;
      if (!body || !counts || masks.some((other) => countsIou(other, counts) >= SAME)) continue;
      masks.push(counts);
      found.push(body);
    }
    return found;
  }
}

/** The offered mask with the best score among those that fit. @param {Decoded} decoded
 * @param {(logits: Float32Array) => boolean} fits */
function bestOf({ candidates }, fits) {
  const order = candidates.map((_, index) => index).sort((a, b) => candidates[b].iou - candidates[a].iou);
  return order.find((index) => fits(candidates[index].logits)) ?? null;
}

/** The pixel in the middle of a cell. @param {similar.Peak} peak @param {similar.Grid} grid
 * @param {import("../types.js").Image} image @returns {[number, number]} */
function placeOf({ row, column }, { size }, { width, height }) {
  return [
    Math.min(Math.floor((column + 0.5) * size[0]), width - 1),
    Math.min(Math.floor((row + 0.5) * size[1]), height - 1),
  ];
}

/** @param {readonly number[]} values at least one */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function add(/** @type {Float32Array} */ sum, /** @type {Float32Array} */ more) {
  for (let i = 0; i < sum.length; i++) sum[i] += more[i];
}

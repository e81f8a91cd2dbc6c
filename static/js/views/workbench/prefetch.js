/**
 * The next images, fetched while the person works on this one: data, annotations, embedding, and the nearest photograph decoded.
 * Bounded, and dropped when the person goes elsewhere; files also stay in the HTTP cache, because their URLs never change.
 */

import { getFile, getImage, listAnnotations } from "../../api.js";
import { TiledPicture } from "../../canvas/tiles.js";
import { prepareMask } from "../../editor/objects.js";
import { loadPicture } from "./photograph.js";

/** @typedef {import("../../types.js").Annotation} Annotation */
/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../../types.js").ImageFilter} ImageFilter */

/**
 * @typedef {object} Ahead
 * @property {Image} image
 * @property {Promise<Annotation[]>} annotations
 * @property {Promise<import("../../canvas/adjuster.js").Picture> | null} picture
 * @property {Promise<ArrayBuffer> | null} embedding
 * @property {AbortController} fetching
 */

const AHEAD = 3;
/** Work between two looks at what else is to be done. */
const SLICE_MS = 6;
/** Decoded photographs kept in memory: 4 bytes a pixel. */
const BITMAP_PIXELS = 16_000_000;

export class Prefetch {
  /** @type {Map<number, Ahead>} */
  #ahead = new Map();
  #walk = new AbortController();
  #firstView;
  #prepare;
  #whenQuiet;

  /**
   * @param {object} options
   * @param {(image: Image) => import("../../canvas/overlay.js").DeviceView} options.firstView how an image is seen at first
   * @param {(image: Image, embedding: ArrayBuffer) => Promise<void>} options.prepare gets the decoder ready for an image
   * @param {(signal: AbortSignal) => Promise<void>} options.whenQuiet before work that would stand in a click's way; rejects
   *   when given up
   */
  constructor({ firstView, prepare, whenQuiet }) {
    this.#firstView = firstView;
    this.#prepare = prepare;
    this.#whenQuiet = whenQuiet;
  }

  /** How many images are here, complete. */
  ready = 0;

  /**
   * What is already here of an image; the caller owns it from now on.
   *
   * @param {number} id
   * @returns {Ahead | null}
   */
  take(id) {
    this.#walk.abort();
    const found = this.#ahead.get(id) ?? null;
    this.#ahead.delete(id);
    return found;
  }

  /**
   * Fetch the images after this one.
   *
   * @param {Image} image
   * @param {ImageFilter | undefined} filter whose neighbours
   * @returns {Promise<boolean>} all that can be fetched is here; false when the person has gone elsewhere meanwhile
   */
  async around(image, filter) {
    this.#walk.abort();
    this.#walk = new AbortController();
    this.ready = 0;
    const { signal } = this.#walk;
    const wanted = new Set();
    let complete = 0;
    let next = image.next_id ?? null;
    try {
      for (let step = 0; step < AHEAD && next !== null && !signal.aborted; step++) {
        wanted.add(next);
        const neighbour = await getImage(next, { signal, filter });
        const ahead = this.#refreshed(neighbour) ?? this.#fetch(neighbour);
        this.#ahead.set(next, ahead);
        if (await this.#complete(neighbour, ahead, step === 0, signal)) complete++;
        next = neighbour.next_id ?? null;
      }
      if (!signal.aborted) this.#keep(wanted);
    } catch {
      // A neighbour that cannot be fetched ahead is fetched when it is opened, and says then what is wrong. While the server is
      // away, those that are here already stay.
    }
    if (!signal.aborted) this.ready = complete;
    return !signal.aborted;
  }

  /**
   * @param {Image} image
   * @param {Ahead} ahead
   * @param {boolean} nearest the next one is also made ready to draw and to click
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} all of it has come
   */
  async #complete(image, ahead, nearest, signal) {
    const { embedding, annotations } = ahead;
    const parts = [embedding, annotations];
    await Promise.allSettled(parts);
    if (nearest) {
      await this.#whenQuiet(signal);
      ahead.picture ??= this.#pictureAhead(image);
      await prepareMasks(await annotations.catch(() => []), signal);
      await ahead.picture?.catch(() => {}); // tried again when the image is opened
      await this.#whenQuiet(signal);
      const prepared = embedding?.then((buffer) => this.#prepare(image, buffer));
      const outcome = await Promise.allSettled([ahead.picture, prepared]);
      if (outcome.some(({ status }) => status === "rejected")) return false;
    }
    const outcome = await Promise.allSettled(parts);
    return embedding !== null && outcome.every(({ status }) => status === "fulfilled");
  }

  /** An entry from an earlier walk, with the image and annotations as they are now. @returns {Ahead | null} */
  #refreshed(/** @type {Image} */ image) {
    const known = this.#ahead.get(image.id);
    if (!known?.embedding) return null;
    const annotations = listAnnotations(image.id, { signal: known.fetching.signal });
    annotations.catch(() => {}); // told when the image is opened
    return { ...known, image, annotations };
  }

  /** @returns {Ahead} */
  #fetch(/** @type {Image} */ image) {
    const fetching = new AbortController();
    const { signal } = fetching;
    new Image().src = image.tiles ? image.urls.thumbnail : image.urls.file; // into the HTTP cache
    const { url } = image.embedding;
    const embedding = url ? getFile(url, { signal, priority: "low" }) : null;
    const annotations = listAnnotations(image.id, { signal });
    for (const part of [embedding, annotations]) part?.catch(() => this.#ahead.delete(image.id));
    return { image, annotations, picture: null, embedding, fetching };
  }

  #keep(/** @type {Set<number>} */ wanted) {
    for (const [id, { picture, fetching }] of this.#ahead) {
      if (wanted.has(id)) continue;
      fetching.abort();
      picture?.then((each) => each.close()).catch(() => {});
      this.#ahead.delete(id);
    }
  }

  /** The photograph, ready to draw as it is seen at first, unless it is too large to keep. */
  #pictureAhead(/** @type {Image} */ image) {
    if (!image.tiles && image.width * image.height > BITMAP_PIXELS) return null;
    const picture = loadPicture(image);
    picture.then(
      (each) => each instanceof TiledPicture && each.prepare(this.#firstView(image)),
      () => {}, // tried again when the image is opened
    );
    return picture;
  }
}

/** Masks of hundreds of objects, worked out a few at a time. @param {Annotation[]} annotations @param {AbortSignal} signal */
async function prepareMasks(annotations, signal) {
  let pause = performance.now() + SLICE_MS;
  for (const { segmentation } of annotations) {
    prepareMask(segmentation);
    if (performance.now() < pause) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (signal.aborted) return;
    pause = performance.now() + SLICE_MS;
  }
}

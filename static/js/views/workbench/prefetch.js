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
/** Work between two looks at what the person does. */
const SLICE_MS = 6;
/** Decoded photographs kept in memory: 4 bytes a pixel. */
const BITMAP_PIXELS = 16_000_000;

export class Prefetch {
  /** @type {Map<number, Ahead>} */
  #ahead = new Map();
  #walk = new AbortController();
  #firstView;
  #prepare;

  /**
   * @param {object} options
   * @param {(image: Image) => import("../../canvas/overlay.js").DeviceView} options.firstView how an image is seen at first
   * @param {(image: Image, embedding: ArrayBuffer) => Promise<void>} options.prepare gets the decoder ready for an image
   */
  constructor({ firstView, prepare }) {
    this.#firstView = firstView;
    this.#prepare = prepare;
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
   */
  async around(image, filter) {
    this.#walk.abort();
    this.#walk = new AbortController();
    this.ready = 0;
    const { signal } = this.#walk;
    const wanted = new Set();
    let next = image.next_id ?? null;
    try {
      for (let step = 0; step < AHEAD && next !== null && !signal.aborted; step++) {
        wanted.add(next);
        const neighbour = await getImage(next, { signal, filter });
        const ahead = this.#refreshed(neighbour) ?? this.#fetch(neighbour);
        if (step === 0) ahead.picture ??= this.#pictureAhead(neighbour);
        this.#ahead.set(next, ahead);
        if (step === 0) await prepareMasks(await ahead.annotations.catch(() => []), signal);
        const prepared = step === 0 && ahead.embedding?.then((buffer) => this.#prepare(neighbour, buffer));
        const parts = [ahead.picture, ahead.embedding, ahead.annotations, prepared];
        const outcome = await Promise.allSettled(parts);
        if (ahead.embedding && outcome.every(({ status }) => status === "fulfilled")) this.ready++;
        next = neighbour.next_id ?? null;
      }
    } catch {
      // A neighbour that cannot be fetched ahead is fetched when it is opened, and says then what is wrong. While the server is
      // away, those that are here already stay.
      return;
    }
    if (!signal.aborted) this.#keep(wanted);
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

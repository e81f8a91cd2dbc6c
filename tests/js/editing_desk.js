/** An editor over an empty image of 40 × 30 pixels with a model that answers discs, made anew before each test. */

import assert from "node:assert/strict";
import { beforeEach } from "node:test";
import { createBitmap, fillCapsule } from "../../static/js/core/bitmap.js";
import { encode } from "../../static/js/core/rle.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */
/** @typedef {import("../../static/js/types.js").Image} Image */
/** @typedef {import("../../static/js/core/bitmap.js").Bitmap} Bitmap */

export const [WIDTH, HEIGHT] = [40, 30];
export const DIGEST = "f".repeat(64);

/** @type {any[]} what the editor sent to its store */
export let sent = [];
/** @type {any} the last work it wrote down */
export let journal = null;
/** @type {Editor} */
export let editor;
/** @type {any[]} what the model was asked */
export let asked = [];

/** A mask whose shape tells which prompts and candidate made it. */
export function disc(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ radius) {
  const bitmap = createBitmap(WIDTH, HEIGHT);
  fillCapsule(bitmap, x, y, x, y, radius, 1);
  return bitmap;
}

/** A model that answers a disc around the last point; candidates have growing radii. */
function fakeDecoder() {
  return {
    modelDigest: DIGEST,
    decode: async (/** @type {any} */ prompts, /** @type {any} */ options) => {
      asked.push({ prompts, ...options });
      const [x, y] = prompts.points.at(-1) ?? prompts.boxes[0];
      const radii = [4, 6, 8].map((radius) => radius + prompts.points.length);
      return {
        candidates: radii.map((radius, index) => ({
          candidate: index + 1,
          iou: 0.9 - index / 10,
          stability: 0.95,
          logits: Float32Array.of(radius),
        })),
        mask: (/** @type {number} */ index) => disc(x, y, radii[index]),
        timings: { decode: 1, upsample: 1 },
      };
    },
  };
}

beforeEach(() => {
  [sent, asked, journal] = [[], [], null];
  editor = new Editor({
    put: (id, body, revision, { revive }) => sent.push({ put: id, body, revision, revive }),
    remove: (id, imageId, revision) => sent.push({ remove: id, imageId, revision }),
    draft: (_, draft) => {
      journal = draft;
    },
  });
  editor.setCategories(
    /** @type {any} */ ([
      { id: 1, name: "cat", color: "#ff0000", position: 0 },
      { id: 2, name: "dog", color: "#00ff00", position: 1 },
    ]),
  );
  open([]);
});

/** Open the image with these objects and the work that was written down. @param {Annotation[]} annotations @param {any} [stored] */
export function open(annotations, stored = null) {
  const image = /** @type {unknown} */ ({ id: 7, width: WIDTH, height: HEIGHT });
  editor.open(/** @type {Image} */ (image), annotations, stored);
  editor.attachDecoder(fakeDecoder());
}

/** The page goes away and comes back: what was on the server and in the journal is all that there is. */
export function reload() {
  editor.flushDraft();
  const annotations = [...editor.objects.values()].map(
    ({ id, body, revision }) => /** @type {Annotation} */ ({ ...body, id, revision }),
  );
  open(annotations, structuredClone(journal));
}

export async function click(
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {0 | 1} */ label = 1,
) {
  editor.addPoint(x, y, label);
  await editor.idle();
}

export function stroke(/** @type {boolean} */ erase, /** @type {[number, number][]} */ path, radius = 2) {
  assert.equal(editor.beginStroke(erase), true);
  for (const [x, y] of path) editor.strokeTo(x, y, radius);
  editor.endStroke();
}

/** The server's answer to what was sent. */
export function acknowledge(/** @type {string} */ id, /** @type {number} */ revision) {
  editor.acknowledge(/** @type {Annotation} */ ({ ...editor.objects.get(id)?.body, id, revision }));
}

/** The draft's mask as RLE, or null. */
export const shown = () => editor.draft?.counts ?? null;
export const counts = (/** @type {Bitmap} */ bitmap) => encode(bitmap.data, WIDTH, HEIGHT);

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createBitmap } from "../../static/js/core/bitmap.js";
import { placed } from "../../static/js/core/crop.js";
import { makeFrame } from "../../static/js/core/geometry.js";
import { CloserLook } from "../../static/js/editor/closer_look.js";
import { Editor } from "../../static/js/editor.js";

/** @typedef {import("../../static/js/core/crop.js").Crop} Crop */

const [WIDTH, HEIGHT] = [200, 150];
/** @type {Crop} */
const CROP = [64, 32, 128, 96];
/** @type {any[]} what the model was asked */
let asked = [];
/** @type {string[]} requests to the server */
let requests = [];
/** Jobs by id. @type {Map<number, {state: string, error: any}>} */
let jobs = new Map();
let ready = false;
/** @type {any[]} */
let loaded = [];
/** @type {any[]} */
let stored = [];
/** @type {Editor} */
let editor;
/** @type {CloserLook} */
let look;

/** The model covers everything that it is shown: the crop, or the image. */
const decoder = {
  modelDigest: "f".repeat(64),
  frame: makeFrame([HEIGHT, WIDTH], 64, [16, 16]),
  cropFrame: {
    ...makeFrame([64, 64], 64, [16, 16]),
    origin: /** @type {[number, number]} */ ([CROP[0], CROP[1]]),
  },
  decode: async (/** @type {any} */ prompts, /** @type {any} */ options) => {
    asked.push({ prompts, ...options });
    const { crop = null } = prompts;
    const candidates = [1, 2].map((candidate) => ({
      candidate,
      iou: 0.9,
      stability: 0.9,
      logits: new Float32Array(9).fill(candidate),
    }));
    const mask = (/** @type {number} */ index) => {
      const [width, height] = crop ? [crop[2] - crop[0], crop[3] - crop[1]] : [WIDTH, HEIGHT];
      const part = createBitmap(width, height);
      part.data.fill(1, 0, index ? width : undefined);
      return crop ? placed(part, crop, { width: WIDTH, height: HEIGHT }) : part;
    };
    return { candidates, mask, timings: { decode: 1, upsample: 1 }, crop };
  },
};

function answer(/** @type {string} */ method, /** @type {string} */ path) {
  const json = (/** @type {object} */ body, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  const job = /^\/api\/v1\/jobs\/(\d+)/.exec(path);
  if (job && method === "POST") jobs.set(Number(job[1]), { state: "cancelled", error: null });
  if (job) return json({ id: Number(job[1]), ...jobs.get(Number(job[1])) });
  if (path.endsWith("/crops")) {
    const job_id = ready ? null : jobs.size + 1;
    if (job_id) jobs.set(job_id, { state: "queued", error: null });
    return json({ box: CROP, state: ready ? "ready" : "queued", url: ready ? "/crop.bin" : null, job_id });
  }
  return path.endsWith("/me") ? json({ csrf_token: "x", user: {} }) : new Response(new ArrayBuffer(8));
}

/** Until the look is in that state. */
async function until(/** @type {string} */ state) {
  for (let i = 0; i < 500 && look.state !== state; i++) await new Promise((go) => setTimeout(go, 2));
  assert.equal(look.state, state, look.message);
}

/** Until the server has queued a job. */
async function untilAsked() {
  for (let i = 0; i < 500 && !jobs.size; i++) await new Promise((go) => setTimeout(go, 2));
}

function openImage(/** @type {any[]} */ annotations = [], work = null) {
  const image = { id: 7, sha256: "b", width: WIDTH, height: HEIGHT, embedding: { model_digest: "f" } };
  editor.open(/** @type {any} */ (image), annotations, work);
  editor.attachDecoder(decoder);
}

beforeEach(() => {
  [asked, requests, loaded, stored] = [[], [], [], []];
  jobs = new Map();
  ready = false;
  Object.assign(globalThis, {
    fetch: async (/** @type {string} */ url, /** @type {RequestInit} */ { method = "GET" } = {}) => {
      const path = new URL(url, "http://test").pathname;
      requests.push(`${method} ${path}`);
      return answer(method, path);
    },
  });
  const put = (/** @type {string} */ id, /** @type {any} */ body) => stored.push({ id, body });
  editor = new Editor({ put, remove: () => {}, draft: () => {} });
  const loadCrop = async (/** @type {any} */ _, /** @type {any} */ part) => {
    loaded.push(part);
  };
  look = new CloserLook(editor, { start: async () => ({ loadCrop }) }, 2);
  openImage();
});

test("the look waits, is encoded, loaded and ready; only then prompts inside are answered closely", async () => {
  look.open(CROP);
  assert.equal(look.state, "waiting");
  editor.addPoint(100, 60, 1);
  await editor.idle();
  assert.equal(asked.at(-1).prompts.crop ?? null, null, "work goes on meanwhile");
  editor.undo();
  await untilAsked();
  jobs.set(1, { state: "running", error: null });
  await until("encoding");
  ready = true;
  jobs.set(1, { state: "done", error: null });
  await until("ready");
  assert.deepEqual(loaded, [{ imageSha256: "b", crop: CROP }]);
  assert.deepEqual(editor.crop, CROP);
  editor.addPoint(100, 60, 1);
  await editor.idle();
  assert.deepEqual(asked.at(-1).prompts.crop, CROP);
  assert.deepEqual(editor.draft?.bounds, { x0: 64, y0: 32, x1: 128, y1: 96 });
  await editor.accept();
  assert.deepEqual(stored.at(-1).body.prompts.crop_box, CROP);
});

test("prompts outside ask the whole image, without the closer look's logits", async () => {
  ready = true;
  await look.open(CROP);
  editor.addPoint(100, 60, 1);
  await editor.idle();
  editor.addPoint(100, 70, 1);
  await editor.idle();
  assert.equal(asked.at(-1).maskInput.length, 9, "refined within one look");
  editor.addPoint(10, 10, 0);
  await editor.idle();
  assert.equal(asked.at(-1).prompts.crop ?? null, null);
  assert.equal(asked.at(-1).maskInput, null);
});

test("a draft inside is answered anew when the look is ready: one step, undone in one", async () => {
  editor.addPoint(100, 60, 1);
  await editor.idle();
  assert.equal(editor.draft?.mask.data[0], 1);
  ready = true;
  await look.open(CROP);
  await editor.idle();
  assert.equal(editor.steps.length, 2);
  assert.equal(editor.draft?.mask.data[0], 0);
  assert.deepEqual(editor.prompts.crop, CROP);
  editor.undo();
  assert.equal(editor.draft?.mask.data[0], 1);
  assert.equal(editor.prompts.crop ?? null, null);
});

/** An object that covers the whole image. */
const WHOLE = {
  id: "11111111-1111-4111-8111-111111111111",
  image_id: 7,
  category_id: null,
  state: "accepted",
  revision: 1,
  segmentation: { size: [HEIGHT, WIDTH], counts: "" },
  source: "assisted",
  prompts: { points: [[100, 60]], labels: [1], boxes: [] },
  candidate: 1,
  predicted_iou: 0.9,
  stability_score: 0.9,
  model_digest: "f",
  model_segmentation: null,
  active_ms: 0,
  z: 0,
  note: "",
  attributes: {},
};

/** The object in the API's form, after the model covered the whole image. */
async function wholeObject() {
  editor.addPoint(100, 60, 1);
  await editor.idle();
  await editor.accept();
  return { ...WHOLE, segmentation: stored.at(-1).body.segmentation };
}

test("refining an existing object keeps its pixels outside, whatever candidate, through undo and redo", async () => {
  openImage([await wholeObject()]);
  await editor.select(WHOLE.id);
  ready = true;
  await look.open(CROP);
  await editor.idle();
  const at = (/** @type {number} */ x, /** @type {number} */ y) => editor.draft?.mask.data[y * WIDTH + x];
  const seen = () => [at(0, 0), at(199, 149), at(64, 32), at(64, 60), at(63, 60), at(128, 60)];
  assert.deepEqual(seen(), [1, 1, 1, 1, 1, 1]);
  editor.chooseCandidate(1); // only the first row of the crop
  assert.deepEqual(seen(), [1, 1, 1, 0, 1, 1]);
  editor.undo();
  assert.deepEqual(seen(), [1, 1, 1, 1, 1, 1]);
  editor.redo();
  assert.deepEqual(seen(), [1, 1, 1, 0, 1, 1]);
  editor.undo();
  editor.undo();
  editor.redo();
  assert.deepEqual(seen(), [1, 1, 1, 1, 1, 1]);
});

test("an object made with a closer look brings it back when it is opened, and its next click waits for it", async () => {
  const object = { ...(await wholeObject()), prompts: { ...WHOLE.prompts, crop_box: CROP } };
  openImage([object]);
  asked = [];
  await editor.select(WHOLE.id);
  await untilAsked();
  editor.addPoint(100, 70, 1);
  await editor.idle();
  assert.equal(asked.length, 0);
  ready = true;
  jobs.set(1, { state: "done", error: null });
  await until("ready");
  await editor.idle();
  assert.deepEqual(
    asked.map(({ prompts }) => prompts.crop),
    [CROP],
  );
  assert.equal(asked[0].prompts.points.length, 2);
});

test("leaving gives the server's work up, and what waited asks the whole image", async () => {
  const object = { ...(await wholeObject()), prompts: { ...WHOLE.prompts, crop_box: CROP } };
  openImage([object]);
  await editor.select(WHOLE.id);
  await untilAsked();
  editor.addPoint(100, 70, 1);
  await new Promise((go) => setTimeout(go, 10));
  asked = [];
  look.close();
  await editor.idle();
  assert.ok(requests.includes("POST /api/v1/jobs/1/cancel"));
  assert.equal(look.state, "off");
  assert.equal(asked.length, 1);
  assert.equal(asked[0].prompts.crop ?? null, null);
});

test("paint and lassos within the look are given to it; those beyond, to the whole image", async () => {
  ready = true;
  await look.open(CROP);
  const paint = (/** @type {number} */ x, /** @type {number} */ y) => {
    editor.beginStroke(false);
    editor.strokeTo(x, y, 6);
    editor.endStroke();
  };
  paint(100, 60);
  await editor.snap();
  await editor.idle();
  assert.deepEqual(asked.at(-1).prompts.crop, CROP);
  assert.deepEqual(asked.at(-1).prompts.points.length, 1);
  const cell = Math.floor((60 - CROP[1]) / 4) * 16 + Math.floor((100 - CROP[0]) / 4);
  assert.ok(asked.at(-1).maskInput[cell] > 0, "drawn where the look sees it");
  assert.equal(editor.given?.frame, decoder.cropFrame);
  editor.cancel();
  paint(20, 20);
  await editor.snap();
  await editor.idle();
  assert.equal(asked.at(-1).prompts.crop ?? null, null);
  assert.equal(editor.given?.frame, decoder.frame);
  editor.cancel();
  for (const [right, crop] of /** @type {const} */ ([
    [120, CROP],
    [140, null],
  ])) {
    editor.addLasso(
      [
        [80, 40],
        [right, 40],
        [right, 80],
        [80, 80],
      ],
      1,
    );
    await editor.idle();
    assert.deepEqual(asked.at(-1).prompts.crop ?? null, crop);
    editor.cancel();
  }
});

test("another image ends the look", async () => {
  ready = true;
  await look.open(CROP);
  const image = { id: 8, sha256: "c", width: WIDTH, height: HEIGHT, embedding: { model_digest: "f" } };
  editor.open(/** @type {any} */ (image), []);
  await Promise.resolve();
  assert.equal(look.state, "off");
  assert.equal(editor.crop, null);
});

test("a failure is told and can be tried again; somebody else's cancelling only asks again", async () => {
  look.open(CROP);
  await untilAsked();
  jobs.set(1, { state: "failed", error: { message: "out of memory" } });
  await until("failed");
  assert.equal(look.message, "out of memory");
  look.retry();
  await until("waiting");
  await new Promise((go) => setTimeout(go, 10));
  jobs.set(jobs.size, { state: "cancelled", error: null });
  ready = true;
  await until("ready");
});

/** Pages of one browser over a server that can be made to fail, both new before each test. */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";
import { ApiError } from "../../static/js/api.js";
import { Tab } from "../../static/js/outbox/tab.js";
import { Outbox } from "../../static/js/outbox.js";
import { FakeServer } from "./fake_server.js";

/** @type {FakeServer} */
export let server;
/** @type {Outbox[]} */
let open = [];
let name = "";
let round = 0;

/** The locks that tabs hold: as many of Web Locks as is used. */
const held = new Set();
const locks = {
  async request(
    /** @type {string} */ key,
    /** @type {object} */ _options,
    /** @type {() => Promise<void>} */ work,
  ) {
    await new Promise((resolve) => setTimeout(resolve)); // who lets go of it does so meanwhile
    if (held.has(key)) throw new DOMException("held elsewhere", "TimeoutError");
    held.add(key);
    await work();
    held.delete(key);
  },
  query: async () => ({ held: [...held].map((key) => ({ name: key })) }),
};

/** One lock for all pages of the browser, as Web Locks are. */
let queue = Promise.resolve();
/** @param {string} _name @param {() => Promise<void>} work */
function lock(_name, work) {
  queue = queue.then(work, work);
  return queue;
}

beforeEach(() => {
  server = new FakeServer();
  open = [];
  name = `outbox-${++round}`;
  queue = Promise.resolve();
});

afterEach(async () => {
  await Promise.all(open.map((outbox) => outbox.close()));
});

/** A page. @param {number} [userId] @returns {Promise<Outbox>} */
export async function page(userId = 1) {
  const tab = new Tab(/** @type {any} */ (locks));
  const outbox = await Outbox.open({ api: /** @type {any} */ (server), userId, name, lock, tab });
  open.push(outbox);
  return outbox;
}

/** The page goes away without goodbye; nothing is sent any more. @param {Outbox} outbox */
export async function leave(outbox) {
  await outbox.close();
  open = open.filter((other) => other !== outbox);
}

/** @param {string} counts @param {Partial<import("../../static/js/types.js").AnnotationBody>} [more]
 * @returns {any} */
export function body(counts, more = {}) {
  return {
    image_id: 9,
    category_id: 1,
    segmentation: { size: [1, 1], counts },
    active_ms: 5,
    candidate: 0,
    ...more,
  };
}

/** @param {Outbox} outbox @param {string} type @returns {any[]} */
export function record(outbox, type) {
  /** @type {any[]} */
  const events = [];
  outbox.addEventListener(type, (event) => events.push(/** @type {CustomEvent} */ (event).detail));
  return events;
}

/** Let requests wait until the function that this returns is called. */
export function closeGate() {
  let open = () => {};
  server.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

/** @param {() => boolean} condition */
export async function until(condition) {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`timed out waiting for ${condition}`);
}

export const offline = () => new ApiError({ status: 0, code: "offline", message: "no answer" });
export const counts = (/** @type {string} */ id) => server.rows.get(id)?.segmentation.counts;

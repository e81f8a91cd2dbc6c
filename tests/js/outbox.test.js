import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ApiError } from "../../static/js/api.js";
import { backoff } from "../../static/js/outbox/journal.js";
import { Tab } from "../../static/js/outbox/tab.js";
import { Outbox } from "../../static/js/outbox.js";
import { FakeServer } from "./fake_server.js";

/** @type {FakeServer} */
let server;
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
async function page(userId = 1) {
  const tab = new Tab(/** @type {any} */ (locks));
  const outbox = await Outbox.open({ api: /** @type {any} */ (server), userId, name, lock, tab });
  open.push(outbox);
  return outbox;
}

/** The page goes away without goodbye; nothing is sent any more. @param {Outbox} outbox */
async function leave(outbox) {
  await outbox.close();
  open = open.filter((other) => other !== outbox);
}

/** @param {string} counts @param {Partial<import("../../static/js/types.js").AnnotationBody>} [more]
 * @returns {any} */
function body(counts, more = {}) {
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
function record(outbox, type) {
  /** @type {any[]} */
  const events = [];
  outbox.addEventListener(type, (event) => events.push(/** @type {CustomEvent} */ (event).detail));
  return events;
}

/** Let requests wait until the function that this returns is called. */
function closeGate() {
  let open = () => {};
  server.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

/** @param {() => boolean} condition */
async function until(condition) {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`timed out waiting for ${condition}`);
}

const offline = () => new ApiError({ status: 0, code: "offline", message: "no answer" });
const counts = (/** @type {string} */ id) => server.rows.get(id)?.segmentation.counts;

test("a change is saved and said to be", async () => {
  const outbox = await page();
  const saved = record(outbox, "saved");
  const states = record(outbox, "state");
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  assert.equal(counts("u"), "a");
  assert.equal(saved[0].annotation.revision, 1);
  assert.deepEqual([states[0].state, outbox.status.state, outbox.status.pending], ["saving", "saved", 0]);
  assert.ok(outbox.status.lastSavedAt);
});

test("changes made while the first is on its way are merged into one, on the new revision", async () => {
  const outbox = await page();
  const open = closeGate();
  await outbox.put("u", body("a"), null);
  await until(() => server.log.length === 1);
  await outbox.put("u", body("b"), null);
  await outbox.put("u", body("c"), null);
  open();
  await outbox.flush();
  assert.deepEqual(server.log, ["put u null", "put u 1"]);
  assert.deepEqual([counts("u"), server.rows.get("u")?.revision], ["c", 2]);
});

test("an edit that still names the old revision goes on from this page's own save", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  await outbox.put("u", body("b"), null);
  await outbox.flush();
  assert.deepEqual([counts("u"), outbox.status.state], ["b", "saved"]);
});

test("a delete wins over what was queued, and a create that never left is simply forgotten", async () => {
  const outbox = await page();
  await outbox.put("kept", body("a"), null);
  await outbox.flush();
  const open = closeGate();
  await outbox.put("kept", body("b"), 1);
  await until(() => server.log.length === 2);
  await outbox.put("never", body("x"), null);
  await outbox.remove("never", 9, null);
  await outbox.remove("kept", 9, 1);
  await outbox.put("kept", body("late autosave"), 1);
  open();
  await outbox.flush();
  assert.equal(server.rows.get("kept")?.deleted, true);
  assert.equal(
    server.log.some((line) => line.includes("never")),
    false,
  );
  assert.equal(outbox.status.pending, 0);
});

test("deleting something whose creation may have arrived asks the server first", async () => {
  const outbox = await page();
  server.trouble = ["lost", offline()];
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  await outbox.remove("u", 9, null);
  await outbox.flush();
  assert.deepEqual(server.log.slice(-2), ["get u", "delete u 1"]);
  assert.equal(server.rows.get("u")?.deleted, true);
});

test("undo of a delete brings the annotation back, before and after the server knew", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  await outbox.remove("u", 9, 1);
  await outbox.flush();
  await outbox.put("u", body("b"), 1, { revive: true });
  await outbox.flush();
  assert.deepEqual([counts("u"), server.rows.get("u")?.deleted ?? false], ["b", false]);
  server.trouble = [offline()];
  await outbox.remove("u", 9, server.rows.get("u")?.revision ?? 0);
  await outbox.flush();
  await outbox.put("u", body("c"), 1, { revive: true });
  await outbox.flush();
  assert.deepEqual([counts("u"), outbox.status.state], ["c", "saved"]);
});

test("without a server everything waits, survives a reload and arrives by itself", async () => {
  const first = await page();
  server.trouble = [offline(), offline()];
  await first.put("u", body("a"), null);
  await first.flush();
  assert.deepEqual([first.status.state, first.status.pending], ["offline", 1]);
  assert.equal(first.status.message, "no answer");
  await leave(first);
  const second = await page();
  assert.deepEqual(
    (await second.pendingFor(9)).map((entry) => entry.body?.segmentation.counts),
    ["a"],
  );
  assert.deepEqual(await second.pendingFor(8), []);
  await until(() => counts("u") === "a");
  await until(() => second.status.state === "saved");
});

test("an answer that got lost is no conflict, whatever was edited since", async () => {
  const outbox = await page();
  server.trouble = ["lost", offline()];
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  assert.equal(counts("u"), "a");
  await outbox.put("u", body("b"), null);
  await outbox.flush();
  assert.deepEqual([counts("u"), outbox.status.state], ["b", "saved"]);
});

test("a lost answer is remembered over a reload", async () => {
  const first = await page();
  server.trouble = ["lost", offline(), offline()];
  await first.put("u", body("a"), null);
  await first.flush();
  await leave(first);
  server.trouble = [offline()];
  const second = await page();
  await second.put("u", body("b"), null);
  await second.flush();
  await second.flush();
  assert.deepEqual([counts("u"), second.status.state], ["b", "saved"]);
});

test("server errors of one annotation do not hold up the others", async () => {
  const outbox = await page();
  server.trouble = [new ApiError({ status: 500, code: "internal", message: "broken" })];
  await outbox.put("bad", body("a"), null);
  await outbox.flush();
  assert.equal(outbox.status.state, "saving");
  await outbox.put("good", body("b"), null);
  await outbox.flush();
  assert.equal(counts("good"), "b");
  await until(() => counts("bad") === "a");
});

test("an expired sign-in keeps everything, and saving goes on after signing in", async () => {
  const outbox = await page();
  server.user = null;
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  assert.deepEqual([outbox.status.state, outbox.status.pending], ["signed_out", 1]);
  await outbox.flush();
  assert.deepEqual(server.log.slice(-1), ["me"], "nothing is sent before it is known who is there");
  server.user = 1;
  await outbox.flush();
  await until(() => outbox.status.state === "saved");
  assert.equal(counts("u"), "a");
});

test("an expired sign-in is said before there is anything to save, and is over by itself", async () => {
  const outbox = await page();
  server.session.dispatchEvent(new Event("signed-out"));
  await until(() => outbox.status.state === "signed_out");
  await outbox.flush();
  assert.equal(outbox.status.state, "saved");
});

test("signing in as somebody else sends nothing in their name", async () => {
  const outbox = await page();
  server.user = null;
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  server.user = 2;
  await outbox.flush();
  await until(() => outbox.status.state === "saved");
  assert.equal(server.rows.size, 0);
  server.user = 1;
  await server.getMe();
  await outbox.flush();
  assert.equal(counts("u"), "a", "it was kept for its author");
});

test("a conflict is set aside with both sides, and mine replaces theirs", async () => {
  const outbox = await page();
  const conflicts = record(outbox, "conflict");
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  server.meddle("u", { segmentation: { size: [1, 1], counts: "theirs" } });
  await outbox.put("u", body("mine"), 1);
  await outbox.flush();
  assert.deepEqual([outbox.status.state, outbox.status.conflicts, counts("u")], ["conflict", 1, "theirs"]);
  assert.deepEqual(
    [conflicts[0].body.segmentation.counts, conflicts[0].current.segmentation.counts],
    ["mine", "theirs"],
  );
  await outbox.put("u", body("mine too"), 1);
  await outbox.flush();
  assert.equal(counts("u"), "theirs", "later edits wait for the decision as well");
  assert.equal((await outbox.aside()).length, 1);
  await outbox.resolve("u", "mine");
  await outbox.flush();
  assert.deepEqual([counts("u"), outbox.status.state], ["mine too", "saved"]);
});

test("a conflict can be decided for the server's state", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  server.meddle("u", { category_id: 5 });
  await outbox.put("u", body("mine"), 1);
  await outbox.flush();
  const current = await outbox.resolve("u", "theirs");
  assert.equal(current?.category_id, 5);
  assert.deepEqual([outbox.status.state, outbox.status.pending, counts("u")], ["saved", 0, "a"]);
});

test("editing what somebody deleted is a conflict; mine brings it back", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  await server.deleteAnnotation("u", 1);
  await outbox.put("u", body("b"), 1);
  await outbox.flush();
  assert.equal(outbox.status.state, "conflict");
  await outbox.resolve("u", "mine");
  await outbox.flush();
  assert.deepEqual([counts("u"), server.rows.get("u")?.deleted], ["b", undefined]);
});

test("deleting what somebody changed is a conflict too", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  server.meddle("u", { note: "look here" });
  await outbox.remove("u", 9, 1);
  await outbox.flush();
  assert.equal(outbox.status.state, "conflict");
  await outbox.resolve("u", "mine");
  await outbox.flush();
  assert.equal(server.rows.get("u")?.deleted, true);
});

test("what the server will not take is kept and said, and new content tries again", async () => {
  const outbox = await page();
  const refused = record(outbox, "refused");
  server.trouble = [new ApiError({ status: 422, code: "empty_mask", message: "The mask is empty." })];
  await outbox.put("u", body(""), null);
  await outbox.flush();
  assert.deepEqual([outbox.status.state, outbox.status.message], ["refused", "The mask is empty."]);
  assert.equal(refused[0].error.code, "empty_mask");
  await outbox.put("u", body("a"), null);
  await outbox.flush();
  assert.deepEqual([counts("u"), outbox.status.state], ["a", "saved"]);
});

test("an annotation that the server has lost is made anew", async () => {
  const outbox = await page();
  await outbox.put("u", body("a"), 4);
  await outbox.flush();
  assert.deepEqual(server.log, ["put u 4", "put u null"]);
  assert.equal(counts("u"), "a");
});

test("two pages send each change once and tell each other", async () => {
  const [one, two] = [await page(), await page()];
  const heard = record(two, "saved");
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).put(`u${i}`, body(`c${i}`), null)),
  );
  await Promise.all([one.flush(), two.flush()]);
  assert.equal(server.rows.size, 10);
  assert.equal(server.log.length, 10);
  await until(() => new Set(heard.map(({ id }) => id)).size === 10);
  await until(() => one.status.state === "saved" && two.status.state === "saved");
});

test("a page that did not see another page's save runs into a conflict instead of overwriting it", async () => {
  const [one, two] = [await page(), await page()];
  await one.put("u", body("a"), null);
  await one.flush();
  await two.put("u", body("b"), 1);
  await two.flush();
  await one.put("u", body("c"), 1);
  await one.flush();
  assert.equal(one.status.state, "conflict");
  assert.equal(counts("u"), "b");
});

test("drafts are kept for each image and person", async () => {
  const first = await page();
  await first.saveDraft(9, { prompts: { points: [[1, 2]] } });
  await leave(first);
  const second = await page();
  assert.deepEqual(await second.openDraft(9), { prompts: { points: [[1, 2]] } });
  assert.equal(await second.openDraft(8), null);
  assert.equal(await (await page(2)).openDraft(9), null);
  await second.clearDraft(9);
  assert.equal(await second.openDraft(9), null);
});

test("two tabs on one image keep their own drafts; who comes next continues what a tab that is gone has left", async () => {
  const [first, second] = [await page(), await page()];
  await first.openDraft(9);
  await first.saveDraft(9, { draft: "one" });
  assert.equal(await second.openDraft(9), null, "it is open in the first tab");
  await second.saveDraft(9, { draft: "two" });
  assert.deepEqual(await first.openDraft(9), { draft: "one" });
  await leave(first);
  assert.deepEqual(await second.openDraft(9), { draft: "two" }, "its own goes first");
  const third = await page();
  assert.deepEqual(await third.openDraft(9), { draft: "one" });
  await third.saveDraft(9, { draft: null, history: { steps: [] } });
  await leave(second);
  assert.deepEqual(await third.openDraft(9), { draft: "two" }, "unsaved work goes before mere steps");
  assert.equal(await (await page()).openDraft(9), null, "it has been taken");
});

test("a draft is free once its tab shows another image", async () => {
  const [first, second] = [await page(), await page()];
  await first.openDraft(9);
  await first.saveDraft(9, { draft: "one" });
  await first.openDraft(10);
  assert.deepEqual(await second.openDraft(9), { draft: "one" });
  assert.equal(await first.openDraft(9), null);
});

test("other tabs of the same person hear what was done", async () => {
  const [first, second, stranger] = [await page(), await page(), await page(2)];
  const [heard, strange] = [record(second, "elsewhere"), record(stranger, "elsewhere")];
  await first.put("u", body("a"), null);
  await until(() => heard.length > 0);
  assert.deepEqual(
    heard[0].changes.map((/** @type {any} */ change) => [change.id, change.body.segmentation.counts]),
    [["u", "a"]],
  );
  assert.equal(strange.length, 0);
});

test("a step is written down whole or not at all", async () => {
  const first = await page();
  const changes = ["a", "b"].map((id) => ({
    ...{ id, imageId: 9, kind: /** @type {const} */ ("put"), revision: null, revive: false },
    body: body(id),
  }));
  const notToBeCopied = new Map([[9, { draft: () => {} }]]);
  await assert.rejects(first.keep(changes, notToBeCopied));
  assert.deepEqual(await first.pendingFor(9), []);
  await first.keep(changes, new Map([[9, { draft: { id: "u" } }]]));
  assert.deepEqual(await first.openDraft(9), { draft: { id: "u" } });
  await first.flush();
  assert.deepEqual([counts("a"), counts("b")], ["a", "b"]);
});

test("of many images, the steps of the latest are kept, and every unsaved draft", async () => {
  const first = await page();
  await first.saveDraft(1000, { draft: { id: "unsaved" }, history: null });
  for (let id = 1; id <= 55; id++) {
    await first.saveDraft(id, { draft: null, history: { steps: [] } });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await leave(first);
  const second = await page();
  assert.equal(await second.openDraft(1), null);
  assert.notEqual(await second.openDraft(55), null);
  assert.notEqual(await second.openDraft(1000), null);
});

test("pauses double up to half a minute and are spread", () => {
  assert.deepEqual(
    [1, 2, 3].map((n) => backoff(n, 0.5)),
    [500, 1000, 2000],
  );
  assert.equal(backoff(50, 0.5), 30_000);
  assert.ok(backoff(1, 0) < backoff(1, 1));
});

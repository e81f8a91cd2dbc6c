import assert from "node:assert/strict";
import { test } from "node:test";
import { body, closeGate, counts, leave, offline, page, record, server, until } from "./outbox_desk.js";

/** @typedef {import("../../static/js/outbox.js").Outbox} Outbox */

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

/** Two pages that show what the server has of an object. */
async function twoOnOne() {
  const [one, two] = [await page(), await page()];
  await one.put("u", body("first"), null);
  await one.flush();
  return [one, two];
}

/** What a page that still sees the first state changes it to. @param {Outbox} outbox @param {string} counts */
const change = (outbox, counts) => outbox.put("u", body(counts), 1, { seen: body("first") });

test("two tabs change one object while the server is away: none is lost, and the later one is asked about", async () => {
  const [one, two] = await twoOnOne();
  const conflicts = record(one, "conflict");
  server.trouble = [offline(), offline(), offline()];
  await change(one, "ones");
  const heard = record(one, "elsewhere");
  await change(two, "twos");
  assert.equal(two.status.pending, 2);
  assert.deepEqual(
    (await two.pendingFor(9)).map(({ body: waiting }) => waiting?.segmentation.counts),
    ["ones", "twos"],
  );
  await leave(two);
  server.trouble = [];
  await one.flush();
  assert.equal(counts("u"), "ones");
  assert.equal(heard.length, 0, "it is not shown as if it counted");
  const [{ id, body: mine, current }] = conflicts;
  assert.deepEqual([mine.segmentation.counts, current.segmentation.counts], ["twos", "ones"]);
  await one.resolve(id, "mine");
  await one.flush();
  assert.deepEqual([counts("u"), one.status.state], ["twos", "saved"]);
});

test("a change that meets another tab's on its way is asked about, too", async () => {
  const [one, two] = await twoOnOne();
  const open = closeGate();
  const sending = one.put("u", body("ones"), 1, { seen: body("first") }).then(() => one.flush());
  await until(() => server.log.length === 2);
  await change(two, "twos");
  open();
  await sending;
  await until(() => one.status.conflicts === 1);
  assert.equal(counts("u"), "ones");
});

test("who has seen the other tab's change goes on from it, and from one's own after a reload", async () => {
  const [one, two] = await twoOnOne();
  server.trouble = [offline(), offline(), offline(), offline()];
  await change(one, "ones");
  await two.put("u", body("twos"), 1, { seen: body("ones") });
  await leave(two);
  const three = await page();
  await three.put("u", body("threes"), 1, { seen: body("twos") });
  assert.equal(three.status.pending, 1);
  server.trouble = [];
  await three.flush();
  assert.deepEqual([counts("u"), three.status.state], ["threes", "saved"]);
});

test("the other tabs show what a conflict was decided for", async () => {
  const [one, two] = await twoOnOne();
  server.meddle("u", { segmentation: { size: [1, 1], counts: "theirs" } });
  await change(one, "ones");
  await one.flush();
  const heard = record(two, "elsewhere");
  await one.resolve("u", "theirs");
  await until(() => heard.length > 0);
  const [{ body: shown, revision }] = heard[0].changes;
  assert.deepEqual([shown.segmentation.counts, revision], ["theirs", 2]);
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { body, counts, leave, page, record, server, until } from "./outbox_desk.js";

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

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../static/js/api.js";
import { backoff } from "../../static/js/outbox/journal.js";
import { body, closeGate, counts, leave, offline, page, record, server, until } from "./outbox_desk.js";

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

test("pauses double up to half a minute and are spread", () => {
  assert.deepEqual(
    [1, 2, 3].map((n) => backoff(n, 0.5)),
    [500, 1000, 2000],
  );
  assert.equal(backoff(50, 0.5), 30_000);
  assert.ok(backoff(1, 0) < backoff(1, 1));
});

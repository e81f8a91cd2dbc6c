import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../static/js/api.js";
import { body, counts, page, record, server } from "./outbox_desk.js";

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

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  A,
  annotation,
  countsOf,
  editor,
  forgetSent,
  ids,
  journal,
  opened,
  reopen,
  sent,
  told,
  walksBack,
} from "./arranging_desk.js";

/** @typedef {import("../../static/js/types.js").Annotation} Annotation */

/** @param {string} id @param {number} z @param {number} score @param {[number, number, number, number]} box
 * @param {Partial<Annotation>} [more] @returns {Annotation} */
function proposal(id, z, score, box, more = {}) {
  const prompts = { points: [[box[0] + 1, box[1] + 1]], labels: [1], boxes: [] };
  const found = { state: "proposal", source: "proposal", category_id: null, predicted_iou: score, prompts };
  return /** @type {any} */ ({ ...annotation(id, z, box), ...found, proposed_by: "automask", ...more });
}

const SURE = proposal("sure", 5, 0.95, [0, 0, 4, 4]);
const LARGE = proposal("large", 6, 0.9, [10, 10, 30, 20]);
const DOUBTFUL = proposal("doubtful", 7, 0.7, [0, 20, 5, 25]);
const MISSED = proposal("missed", 8, 0.99, [35, 20, 38, 25], { state: "missed", proposed_by: "missed" });

const stateOf = (/** @type {string} */ id) => editor.objects.get(id)?.body.state;
const states = () => Array.from(editor.objects.values(), ({ id, body }) => `${id} ${body.state}`).sort();

function open() {
  reopen([A, SURE, LARGE, DOUBTFUL]);
  forgetSent();
  editor.setCategory(2);
}

test("one goes through proposals in the chosen order, around the end", async () => {
  open();
  const order = async (/** @type {number} */ steps, step = /** @type {1 | -1} */ (1)) => {
    const seen = [];
    for (let number = 0; number < steps; number++) {
      await editor.stepProposal(step);
      seen.push(editor.selectedId);
    }
    return seen;
  };
  assert.deepEqual(await order(4), ["sure", "large", "doubtful", "sure"]);
  assert.deepEqual(await order(2, -1), ["doubtful", "large"]);
  await editor.choose([]);
  editor.setProposalOrder("largest");
  assert.deepEqual(await order(3), ["large", "doubtful", "sure"]);
  reopen([A]);
  await editor.stepProposal(1);
  assert.equal(opened(), null);
  assert.equal(told.length, 1);
});

test("accepting keeps the mask, gives the current label and goes on to the next", async () => {
  open();
  await editor.stepProposal(1);
  assert.deepEqual(editor.prompts.points, [[1, 1]]);
  await editor.acceptAndGoOn();
  assert.equal(opened(), "large");
  assert.equal(sent.length, 1);
  const { put, body } = sent[0];
  assert.deepEqual(
    [put, body.state, body.source, body.category_id, body.segmentation.counts],
    ["sure", "accepted", "proposal", 2, SURE.segmentation.counts],
  );
  editor.undo();
  assert.equal(stateOf("sure"), "proposal");
  assert.equal(sent.at(-1).body.state, "proposal");
  assert.equal(opened(), "sure");
});

test("a rejected proposal leaves image and list, and one undo brings it back", async () => {
  open();
  await editor.stepProposal(1);
  await editor.rejectAndGoOn();
  assert.equal(opened(), "large");
  assert.deepEqual(ids(), ["doubtful", "large", "a"]);
  assert.equal(editor.objectAt(1, 1)?.id, "a");
  assert.equal(sent.at(-1).body.state, "rejected");
  await editor.choose([]);
  walksBack(states, ["a accepted", "doubtful proposal", "large proposal", "sure proposal"]);
  assert.equal(opened(), "sure");
});

test("the last one decided leaves nothing open", async () => {
  reopen([SURE]);
  await editor.stepProposal(1);
  await editor.rejectAndGoOn();
  assert.equal(opened(), null);
  assert.deepEqual(
    editor.rejected().map(({ id }) => id),
    ["sure"],
  );
  editor.reconsider("sure");
  assert.deepEqual(
    editor.proposals().map(({ id }) => id),
    ["sure"],
  );
});

test("deleting a proposal rejects it; alone, from the list, and among others", async () => {
  open();
  await editor.choose(["sure"]);
  editor.deleteSelected();
  editor.deleteObject("large");
  await editor.choose(["a", "doubtful"]);
  editor.deleteSelected();
  const decided = sent.map(({ put, remove, body }) => [put ?? remove, body?.state]);
  assert.deepEqual(decided, [
    ["sure", "rejected"],
    ["large", "rejected"],
    ["a", undefined],
    ["doubtful", "rejected"],
  ]);
});

test("a score shows what it would take, and taking it is one step", async () => {
  open();
  editor.setThreshold(0.85);
  assert.deepEqual(
    editor.proposals().map((object) => editor.isTaken(object)),
    [true, true, false],
  );
  assert.equal(sent.length, 0);
  await editor.acceptAbove();
  assert.equal(editor.threshold, null);
  assert.deepEqual(
    sent.map(({ put, body }) => [put, body.state, body.category_id]),
    [
      ["sure", "accepted", 2],
      ["large", "accepted", 2],
    ],
  );
  assert.equal(editor.position, 1);
  walksBack(states, ["a accepted", "doubtful proposal", "large proposal", "sure proposal"]);
  editor.setThreshold(0.7 + 1e-9); // scores are compared as they are read
  assert.equal(editor.proposals().filter((object) => editor.isTaken(object)).length, 3);
  editor.cancel();
  assert.equal(editor.threshold, null);
});

test("proposals selected together are accepted or rejected in one step", async () => {
  open();
  await editor.choose(["sure", "doubtful"]);
  await editor.accept();
  assert.deepEqual(
    [stateOf("sure"), stateOf("doubtful"), stateOf("large")],
    ["accepted", "accepted", "proposal"],
  );
  assert.equal(editor.position, 1);
  editor.undo();
  await editor.choose(["sure", "doubtful"]);
  await editor.rejectAndGoOn();
  assert.deepEqual(ids(), ["large", "a"]);
  assert.equal(opened(), "large");
});

test("what was decided survives a reload and can be undone after it", async () => {
  open();
  editor.reject(["sure"]);
  editor.acceptProposals(["large"]);
  editor.flushDraft();
  const after = [SURE, LARGE, DOUBTFUL].map((each) => ({ ...each, ...editor.objects.get(each.id)?.body }));
  reopen([A, .../** @type {Annotation[]} */ (after)], journal);
  assert.deepEqual(ids(), ["doubtful", "large", "a"]);
  assert.equal(editor.position, 2);
  editor.undo();
  editor.undo();
  assert.deepEqual(states(), ["a accepted", "doubtful proposal", "large proposal", "sure proposal"]);
});

test("locked proposals stay undecided", () => {
  open();
  editor.setLocked(["sure"], true);
  editor.reject(["sure"]);
  editor.acceptProposals(["sure", "large"]);
  assert.equal(stateOf("sure"), "proposal");
  assert.equal(stateOf("large"), "accepted");
});

test("regions that were perhaps missed come and go without a step, and are decided on like proposals", async () => {
  open();
  editor.showMissed([MISSED]);
  assert.equal(editor.position, 0);
  assert.deepEqual(
    editor.undecided().map(({ id }) => id),
    ["sure", "large", "doubtful", "missed"],
  );
  await editor.hideMissed();
  assert.equal(editor.objectAt(36, 22), null);
  editor.showMissed([MISSED]);
  editor.setThreshold(0);
  assert.equal(editor.proposals().length, 3);
  editor.setThreshold(null);
  editor.acceptProposals(["missed"]);
  assert.deepEqual([sent.length, sent[0].body.state], [1, "accepted"]);
  editor.undo();
  assert.equal(sent.at(-1).body.state, "missed");
  assert.equal(countsOf("missed"), MISSED.segmentation.counts);
});

test("the agreement with the proposal comes from the server", () => {
  open();
  editor.acceptProposals(["sure"]);
  const object = editor.objects.get("sure");
  assert.deepEqual([object?.proposedBy, object?.proposalIou], ["automask", null]);
  editor.acknowledge(/** @type {any} */ ({ ...SURE, ...object?.body, revision: 4, proposal_iou: 0.97 }));
  assert.deepEqual([object?.proposedBy, object?.proposalIou], ["automask", 0.97]);
});

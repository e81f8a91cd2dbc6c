import assert from "node:assert/strict";
import test from "node:test";
import { score, search } from "../../static/js/core/match.js";
import { freshen } from "../../static/js/views/workbench/freshen.js";

test("typed letters find words, their beginnings first", () => {
  const names = ["Outlines only", "Brush", "Smaller brush", "Label", "Umbrella"];
  assert.deepEqual(search("bru", names, String), ["Brush", "Smaller brush"]);
  assert.deepEqual(search("brush", names, String)[0], "Brush");
  assert.deepEqual(search("sb", names, String), ["Smaller brush"]);
  assert.deepEqual(search("", names, String), names);
  assert.deepEqual(search("xyz", names, String), []);
  assert.ok(score("oo", "Outlines only") > score("ul", "Outlines only"));
  assert.deepEqual(search("猫", ["狗", "大猫"], String), ["大猫"]);
});

/** An annotation as the server sends it. */
function annotation(/** @type {string} */ id, revision = 1, state = "accepted") {
  return /** @type {any} */ ({ id, revision, state });
}

/** An editor that only writes down what it is told. @param {any[]} objects */
function editorWith(objects) {
  /** @type {string[]} */
  const told = [];
  const editor = {
    objects: new Map(objects.map((object) => [object.id, object])),
    takeTheirs: (/** @type {any} */ { id, revision }) => told.push(`take ${id}@${revision}`),
    forget: (/** @type {string} */ id) => told.push(`forget ${id}`),
  };
  return { editor: /** @type {any} */ (editor), told };
}

test("what others changed, added or deleted meanwhile comes in", () => {
  const shown = [annotation("same"), annotation("changed"), annotation("deleted"), annotation("refused")];
  const { editor, told } = editorWith(shown);
  const fresh = [
    annotation("same"),
    annotation("changed", 2),
    annotation("added"),
    annotation("rejected", 1, "rejected"),
    annotation("refused", 2, "rejected"),
  ];
  freshen(editor, shown, fresh);
  assert.deepEqual(told, [
    "take changed@2",
    "take added@1",
    "take rejected@1",
    "take refused@2",
    "forget deleted",
  ]);
});

test("what the person did meanwhile stays", () => {
  const shown = [annotation("edited"), annotation("removed"), annotation("sent", 0)];
  // Saved since as revision 2, deleted here, first stored by the server just now; and a new object of their own.
  const { editor, told } = editorWith([annotation("edited", 2), annotation("sent", 1), annotation("new", 0)]);
  freshen(editor, shown, [annotation("edited"), annotation("removed")]);
  assert.deepEqual(told, []);
});

import assert from "node:assert/strict";
import test from "node:test";
import { capsOf, chordsOf, isChord, isReserved } from "../../static/js/core/chords.js";

globalThis.document = /** @type {any} */ ({
  getElementById: () => null,
  querySelectorAll: () => [],
  cookie: "",
});
globalThis.window = /** @type {any} */ (new EventTarget());
const { COMMANDS } = await import("../../static/js/ui/commands.js");
const { Keymap, readChoices } = await import("../../static/js/ui/keymap.js");
const { commandRuns } = await import("../../static/js/views/workbench/keys.js");
const { arrangeRuns } = await import("../../static/js/views/workbench/arrange.js");
const { proposalRuns } = await import("../../static/js/views/workbench/proposals.js");
const { cursorRuns } = await import("../../static/js/views/workbench/cursor_keys.js");

/** @param {string} key @param {string} code @param {Record<string, unknown>} [held] */
function press(key, code, held = {}) {
  const event = { key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held };
  return chordsOf(/** @type {any} */ (event));
}

test("the character on the key cap decides", () => {
  assert.deepEqual(press("a", "KeyQ"), ["A"], "AZERTY");
  assert.deepEqual(press("o", "KeyS"), ["O"], "Dvorak");
  assert.deepEqual(press("Z", "KeyZ", { ctrlKey: true, shiftKey: true }), ["Ctrl+Shift+Z"]);
  assert.deepEqual(press("z", "KeyZ", { metaKey: true }), ["Ctrl+Z"], "Cmd is Ctrl");
  assert.deepEqual(press("?", "Slash", { shiftKey: true }), ["?"], "Shift made the character");
  assert.deepEqual(press("Tab", "Tab", { shiftKey: true }), ["Shift+Tab"]);
});

test("where a key writes nothing Latin, its place counts", () => {
  assert.deepEqual(press("ы", "KeyS"), ["Ы", "S"], "Russian");
  assert.deepEqual(press("Ц", "KeyW", { shiftKey: true }), ["Ц", "Shift+W"]);
  assert.deepEqual(press("&", "Digit1"), ["&", "1"], "AZERTY's digits");
  assert.deepEqual(press("ü", "BracketLeft"), ["Ü", "["], "German");
  assert.deepEqual(press("&", "Digit7", { shiftKey: true }), ["&"], "an ampersand is no label 7");
});

test("AltGr writes characters, Alt commands", () => {
  const getModifierState = (/** @type {string} */ name) => name === "AltGraph";
  assert.deepEqual(press("[", "Digit8", { ctrlKey: true, altKey: true, getModifierState }), ["[", "8"]);
  assert.equal(press("å", "KeyA", { altKey: true })[1], "Alt+A");
  assert.deepEqual(press("Shift", "ShiftLeft", { shiftKey: true }), []);
});

test("chords are checked and printed as caps", () => {
  assert.ok(isChord("Ctrl+Alt+Shift+Z") && isChord("+") && isChord("ArrowLeft") && isChord("Ctrl++"));
  assert.ok(!isChord("Hyper+Z") && !isChord("") && !isChord(3) && !isChord("two words"));
  assert.ok(isReserved("Ctrl+W") && isReserved("Escape") && isReserved("Space") && !isReserved("W"));
  assert.deepEqual(capsOf("Ctrl+Shift+Z"), ["Ctrl", "Shift", "Z"]);
  assert.deepEqual(capsOf("+"), ["+"]);
  assert.deepEqual(capsOf("Ctrl++"), ["Ctrl", "+"]);
  assert.deepEqual(capsOf("Escape"), ["Esc"]);
});

test("no two commands share a key, every key can be pressed, ids are unique", () => {
  const chords = COMMANDS.flatMap(({ keys }) => keys);
  assert.equal(new Set(chords).size, chords.length);
  assert.ok(chords.every(isChord));
  assert.equal(new Set(COMMANDS.map(({ id }) => id)).size, COMMANDS.length);
  for (const { id, label, group } of COMMANDS) assert.ok(id && label && group);
});

test("every command does something in the workbench", () => {
  const anything = /** @type {any} */ ({});
  const arranging = arrangeRuns(anything, anything, anything);
  const runs = {
    ...commandRuns(anything, anything, anything, anything, arranging),
    ...proposalRuns(anything, anything),
    ...cursorRuns(anything),
  };
  assert.deepEqual(Object.keys(runs).sort(), COMMANDS.map(({ id }) => id).sort());
});

test("a taken key is named, taken over, and given back", () => {
  const keymap = new Keymap();
  assert.equal(keymap.commandAt("B")?.id, "tool_brush");
  const conflict = keymap.conflict("tool_eraser", "B");
  assert.ok(conflict?.kind === "taken" && conflict.by.id === "tool_brush");
  assert.deepEqual(keymap.conflict("tool_eraser", "Escape"), { kind: "reserved" });
  assert.deepEqual(keymap.conflict("tool_eraser", "Ctrl+W"), { kind: "reserved" });
  assert.equal(keymap.conflict("tool_eraser", "E"), null, "its own");

  keymap.assign("tool_eraser", "B");
  assert.equal(keymap.commandAt("B")?.id, "tool_eraser");
  assert.equal(keymap.commandAt("E"), undefined);
  assert.deepEqual(keymap.keysOf("tool_brush"), []);
  assert.ok(keymap.isChanged("tool_brush") && keymap.isChanged("tool_eraser"));

  keymap.reset("tool_brush");
  assert.equal(keymap.commandAt("B")?.id, "tool_brush");
  assert.deepEqual(keymap.keysOf("tool_eraser"), []);
  keymap.reset();
  assert.ok(!keymap.isChanged());
  assert.equal(keymap.commandAt("E")?.id, "tool_eraser");
});

test("the table's own key is no choice", () => {
  const keymap = new Keymap();
  keymap.assign("tool_brush", "Alt+Q");
  keymap.assign("tool_brush", "B");
  assert.ok(!keymap.isChanged());
});

test("what was stored is read with care", () => {
  assert.deepEqual(
    readChoices({ tool_brush: ["Q"], gone: ["X"], undo: "Z", redo: ["two words"], cancel: ["X"] }),
    {
      tool_brush: ["Q"],
    },
  );
  assert.deepEqual(readChoices(null), {});
  assert.deepEqual(readChoices("B"), {});
});

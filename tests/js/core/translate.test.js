import assert from "node:assert/strict";
import { test } from "node:test";

/** A page in another language, as the module finds it when it is loaded. */
const messages = { textContent: JSON.stringify({ Brush: "画笔", "{number} objects": "{number} 个对象" }) };
const page = { documentElement: { lang: "zh-CN" }, getElementById: () => messages };
Object.assign(globalThis, { document: page });
const { language, phrase, phrases, say, t, tn } = await import("../../../static/js/core/translate.js");

test("texts are said in the page's language, and in English where it has none", () => {
  assert.equal(language, "zh-CN");
  assert.equal(t("Brush"), "画笔");
  assert.equal(t("Not {what}", { what: "there" }), "Not there");
  assert.equal(tn(1234, "{number} object", "{number} objects"), "1,234 个对象");
});

test("a phrase keeps English and its values, whatever the language in which it is said later", () => {
  const kept = structuredClone([phrase("Brush"), phrases(1234, "{number} object", "{number} objects")]);
  assert.deepEqual(kept, [
    { text: "Brush", values: undefined },
    { text: "{number} objects", values: { number: 1234 } },
  ]);
  assert.deepEqual(kept.map(say), ["画笔", "1,234 个对象"]);
  assert.equal(say("Brush stroke"), "Brush stroke", "as an earlier version wrote it");
});

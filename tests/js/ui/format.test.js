import assert from "node:assert/strict";
import { test } from "node:test";
import { countImages, formatBytes, formatEta, formatWhen, percent } from "../../../static/js/ui/format.js";

test("sizes use decimal units and never show four digits before the unit changes", () => {
  const cases = /** @type {[number, string][]} */ ([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [12_345, "12.3 kB"],
    [999_949, "1.0 MB"],
    [375_042_383, "375 MB"],
    [2_564_550_879, "2.6 GB"],
  ]);
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test("remaining time is rounded up to what a person can use", () => {
  const cases = /** @type {[number, string][]} */ ([
    [0, "a few seconds"],
    [7, "about 10 s"],
    [51, "about 55 s"],
    [58, "about 1 min"],
    [125, "about 2 min"],
    [3599, "about 1 h"],
    [9000, "about 2.5 h"],
  ]);
  for (const [seconds, text] of cases) assert.equal(formatEta(seconds), text);
});

test("progress is never shown as complete before it is", () => {
  assert.equal(percent(999, 1000), "99 %");
  assert.equal(percent(1000, 1000), "100 %");
  assert.equal(percent(0, 0), "0 %");
});

test("counts agree with their noun", () => {
  assert.equal(countImages(1), "1 image");
  assert.equal(countImages(2400), "2,400 images");
});

test("recent times are relative, older ones are dates, nonsense is nothing", () => {
  const now = Date.parse("2026-03-10T12:00:00Z");
  assert.equal(formatWhen("2026-03-10T11:59:30Z", now), "just now");
  assert.equal(formatWhen("2026-03-10T11:55:00Z", now), "5 minutes ago");
  assert.equal(formatWhen("2026-03-09T11:00:00Z", now), "yesterday");
  assert.match(formatWhen("2026-01-02T12:00:00Z", now), /Jan 2, 2026/);
  assert.equal(formatWhen("not a date", now), "");
});

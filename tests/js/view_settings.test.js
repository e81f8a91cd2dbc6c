import assert from "node:assert/strict";
import test from "node:test";
import { objectColor } from "../../static/js/editor/colors.js";
import { infoRows } from "../../static/js/views/workbench/image_info.js";
import { DEFAULTS, readView } from "../../static/js/views/workbench/view_settings.js";

test("stored settings are read, and what is not usable becomes the default", () => {
  assert.deepEqual(readView(undefined), DEFAULTS);
  assert.deepEqual(readView("dark"), DEFAULTS);
  const read = readView({ opacity: 7, gamma: "2", colors: "rainbow", outlineOnly: true, unknown: 1 });
  assert.deepEqual(read, { ...DEFAULTS, opacity: 1, outlineOnly: true });
  assert.equal(readView({ colors: "object" }).colors, "object");
});

test("objects get the colour of their label, or one of their own", () => {
  const categories = /** @type {any[]} */ ([{ id: 4, color: "#102030" }]);
  const object = (/** @type {number | null} */ category_id, /** @type {number} */ z) =>
    /** @type {any} */ ({ body: { category_id, z }, tint: z });
  assert.deepEqual(objectColor(object(4, 9), categories), [16, 32, 48]);
  const safe = objectColor(object(4, 9), categories, { by: "category", safe: true });
  assert.notDeepEqual(safe, [16, 32, 48]);
  const own = new Set();
  for (let z = -3; z < 20; z++) {
    const color = objectColor(object(4, z), categories, { by: "object", safe: false });
    assert.ok(color.every((channel) => channel >= 0 && channel <= 255));
    own.add(color.join());
  }
  assert.equal(own.size, 23);
});

test("the image's information is told in people's words", () => {
  const image = /** @type {any} */ ({
    name: "a.jpg",
    width: 4096,
    height: 2048,
    bytes: 1_500_000,
    mime: "image/jpeg",
    created_at: new Date().toISOString(),
    exif: { Model: "X100", DateTime: "2024:05:01 10:20:30" },
  });
  const rows = new Map(infoRows(image, 0.25, 1024));
  assert.equal(rows.get("Size"), "4,096 × 2,048 pixels");
  assert.equal(rows.get("Megapixels"), "8.39");
  assert.equal(rows.get("Seen by the model"), "1024 pixels on the longer side, 1 for 4.0");
  assert.equal(rows.get("Camera"), "X100");
  assert.equal(rows.get("Taken"), "2024-05-01 10:20:30");
  assert.equal(new Map(infoRows(image, 1, 4096)).get("Seen by the model"), "every pixel");
});

/** What is known of the image's file: size, bytes, camera, and how much of it the model sees. */

import { t } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { h } from "../../ui/dom.js";
import { formatBytes, formatNumber, formatWhen } from "../../ui/format.js";

/** @typedef {import("../../types.js").Image} Image */

/** EXIF names that the server keeps, as people read them. @type {Record<string, string>} */
const EXIF = { Make: t("Camera maker"), Model: t("Camera"), DateTime: t("Taken") };

/**
 * @param {Image} image
 * @param {{zoom: number, modelSide: number | null}} context zoom: CSS pixels per image pixel; modelSide: pixels of the
 *   model's input
 */
export function showImageInfo(image, { zoom, modelSide }) {
  const rows = infoRows(image, zoom, modelSide);
  openDialog({
    title: t("About this image"),
    body: [
      h(
        "dl",
        { class: "wb-info" },
        rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", { class: "tabular" }, value))),
      ),
    ],
  });
}

/**
 * @param {Image} image
 * @param {number} zoom
 * @param {number | null} modelSide
 * @returns {[string, string][]}
 */
export function infoRows(image, zoom, modelSide) {
  const { width, height } = image;
  const megapixels = (width * height) / 1e6;
  const longer = Math.max(width, height);
  /** @type {[string, string][]} */
  const rows = [
    [t("Name"), image.name],
    [t("Size"), t("{width} × {height} pixels", { width: formatNumber(width), height: formatNumber(height) })],
    [t("Megapixels"), megapixels.toFixed(megapixels < 10 ? 2 : 1)],
    [t("File"), `${formatBytes(image.bytes)}, ${image.mime.replace("image/", "").toUpperCase()}`],
    [t("Zoom"), `${Math.round(100 * zoom)} %`],
  ];
  if (modelSide && longer > modelSide) {
    const factor = (longer / modelSide).toFixed(1);
    rows.push([
      t("Seen by the model"),
      t("{side} pixels on the longer side, 1 for {factor}", { side: modelSide, factor }),
    ]);
  } else if (modelSide) rows.push([t("Seen by the model"), t("every pixel")]);
  for (const [tag, value] of Object.entries(image.exif ?? {})) {
    rows.push([EXIF[tag] ?? tag, tag === "DateTime" ? exifDate(String(value)) : String(value)]);
  }
  rows.push([t("Added"), formatWhen(image.created_at)]);
  return rows;
}

/** EXIF writes dates with colons: "2024:05:01 10:20:30". */
function exifDate(/** @type {string} */ text) {
  return text.replace(/^(\d{4}):(\d\d):(\d\d)/, "$1-$2-$3");
}

/** One image of the grid: thumbnail, state, and what can be done to it. */

import { deleteImage, updateImage } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { confirmDialog } from "../../ui/dialog.js";
import { h, icon, iconButton } from "../../ui/dom.js";
import { countAnnotations } from "../../ui/format.js";
import { attachMenu } from "../../ui/menu.js";
import { toastError } from "../../ui/toast.js";
import { STATUS_ORDER, STATUSES } from "./summary.js";

/** @typedef {import("../../types.js").Image} Image */
/** @typedef {import("../project.js").Page} Page */
/** @typedef {{changed: () => void, removed: () => void}} CardEvents */

/** @param {Image} image */
function embeddingMark({ embedding }) {
  if (embedding.state === "ready") return null;
  const failed = embedding.state === "failed";
  const text = {
    failed: t("Failed"),
    running: t("Preparing"),
    queued: t("Waiting"),
    none: t("Not prepared"),
  }[embedding.state];
  const moving = embedding.state === "running" || embedding.state === "queued";
  return h(
    "span",
    { class: `embedding-mark ${failed ? "failed" : ""}`, title: embedding.message },
    failed ? icon("triangle-alert", "small") : null,
    moving ? h("span", { class: "spinner", "aria-hidden": "true" }) : null,
    text,
  );
}

/**
 * @param {Image} image
 * @param {Page} page
 * @param {CardEvents} on
 */
export function imageCard(image, page, on) {
  const status = STATUSES[image.status];
  const menu = iconButton("ellipsis", t("Actions for {name}", { name: image.name }), {
    kind: "small",
    "data-tooltip": null,
  });
  attachMenu(menu, () => menuItems(image, page, on));
  const annotations = image.annotation_count ? countAnnotations(image.annotation_count) : t("No annotations");
  return h(
    "li",
    { class: "image-card", dataset: { image: String(image.id), embedding: image.embedding.state } },
    h(
      "a",
      { class: "image-link", href: `/projects/${image.project_id}/images/${image.id}` },
      h(
        "span",
        { class: "thumb" },
        h("img", { src: image.urls.thumbnail, alt: "", loading: "lazy", decoding: "async" }),
        embeddingMark(image),
      ),
      h("span", { class: "image-name truncate", title: image.name }, image.name),
      h(
        "span",
        { class: "image-meta" },
        h("span", { class: `status ${status.kind}` }, icon(status.icon, "small"), status.label),
        h("span", { class: "faint" }, annotations),
      ),
    ),
    menu,
  );
}

/**
 * @param {Image} image
 * @param {Page} page
 * @param {CardEvents} on
 * @returns {import("../../ui/menu.js").MenuItem[]}
 */
function menuItems(image, page, on) {
  /** @type {import("../../ui/menu.js").MenuItem[]} */
  const items = STATUS_ORDER.filter((status) => status !== image.status).map((status) => ({
    label: STATUSES[status].mark,
    icon: STATUSES[status].icon,
    run: () => setStatus(image, status, on.changed),
  }));
  if (page.manages()) {
    items.push("separator", {
      label: t("Delete image…"),
      icon: "trash-2",
      danger: true,
      run: () => removeImage(image, on),
    });
  }
  return items;
}

/**
 * @param {Image} image
 * @param {import("../../types.js").ImageStatus} status
 * @param {() => void} changed
 */
async function setStatus(image, status, changed) {
  try {
    await updateImage(image.id, { status });
    changed();
  } catch (error) {
    toastError(error, t("Could not change {name}", { name: image.name }));
  }
}

/**
 * @param {Image} image
 * @param {{removed: () => void}} on
 */
async function removeImage(image, on) {
  const { name, annotation_count: number } = image;
  const sure = await confirmDialog({
    title: t("Delete this image?"),
    message: number
      ? tn(
          number,
          "{name} and its {number} annotation will be removed from the project. This cannot be undone.",
          "{name} and its {number} annotations will be removed from the project. This cannot be undone.",
          { name },
        )
      : t("{name} will be removed from the project. This cannot be undone.", { name }),
    confirm: t("Delete image"),
  });
  if (!sure) return;
  try {
    await deleteImage(image.id);
    on.removed();
  } catch (error) {
    toastError(error, t("Could not delete {name}", { name: image.name }));
  }
}

/** Uploads: files dropped anywhere on the page or picked, one request each, so that progress and refusals are per file. */

import { ApiError, uploadImages } from "../../api.js";
import { t } from "../../core/translate.js";
import { h, icon } from "../../ui/dom.js";
import { toast } from "../../ui/toast.js";
import { filesFromDrop } from "./dropped_files.js";
import { UploadPanel } from "./upload_panel.js";

/** @typedef {import("../project.js").Page} Page */
/** @typedef {"waiting" | "sending" | "checking" | "stored" | "duplicate" | "refused" | "failed"} UploadState */
/** @typedef {{file: File, state: UploadState, loaded: number, message: string, attempts: number}} Upload */

const ATTEMPTS = 4;
const ACCEPT = ".jpg,.jpeg,.png,.webp,.tif,.tiff,.bmp,image/jpeg,image/png,image/webp,image/tiff,image/bmp";
const UNFINISHED = new Set(["waiting", "sending", "checking"]);
/** Answers that say "not now" rather than "not this file". */
const PASSING = new Set([0, 408, 429, 500, 502, 503, 504]);

/**
 * @param {Page} page
 * @param {() => void} stored called after images were added
 */
export function createUploads(page, stored) {
  /** @type {Upload[]} */
  const uploads = [];
  let active = false;
  const input = h("input", {
    type: "file",
    multiple: true,
    accept: ACCEPT,
    hidden: true,
    "aria-label": t("Add images"),
  });
  document.body.append(input);
  const panel = new UploadPanel({
    retry: (chosen) => {
      // One attempt counts as used: a file that turns out to be there already was stored by it.
      for (const upload of chosen)
        Object.assign(upload, { state: "waiting", attempts: 1, message: "", loaded: 0 });
      start();
    },
    dismiss: () => {
      uploads.length = 0;
    },
  });

  const add = (/** @type {File[]} */ files) => {
    for (const file of files) uploads.push({ file, state: "waiting", loaded: 0, message: "", attempts: 0 });
    start();
  };
  const start = () => {
    panel.show(uploads);
    if (!active) run();
  };
  // One after the other: the server numbers images as they come, and frames of a series must stay in order.
  const run = async () => {
    active = true;
    for (let upload = next(); upload; upload = next()) {
      await send(page.project().id, upload, (changed) => panel.changed(changed));
      panel.changed(upload);
      if (upload.state === "stored") announce();
      // What stopped this one would stop the others as well; "Retry" takes them up together.
      if (upload.state === "failed") {
        for (const other of uploads.filter(({ state }) => state === "waiting")) {
          Object.assign(other, { state: "failed", message: upload.message });
          panel.changed(other);
        }
      }
    }
    active = false;
  };
  const next = () => uploads.find(({ state }) => state === "waiting");

  // Many small files finish close together: the page is read again at most about once a second.
  let timer = 0;
  const announce = () => {
    if (timer) return;
    timer = window.setTimeout(() => {
      timer = 0;
      page.refresh().then(stored, stored);
    }, 800);
  };

  input.addEventListener("change", () => {
    add([...(input.files ?? [])]);
    input.value = "";
  });
  window.addEventListener("beforeunload", (event) => {
    if (uploads.some(({ state }) => UNFINISHED.has(state))) event.preventDefault();
  });
  acceptDrops(page, add);
  return { pick: () => input.click() };
}

/**
 * Send one file; passing failures are retried with growing pauses, and the file stays in the list whatever happens.
 * @param {number} projectId
 * @param {Upload} upload
 * @param {(upload: Upload) => void} changed
 */
async function send(projectId, upload, changed) {
  while (true) {
    upload.state = "sending";
    upload.attempts += 1;
    changed(upload);
    try {
      const answer = await uploadImages(projectId, [upload.file], {
        onProgress: (/** @type {number} */ loaded, /** @type {number} */ total) => {
          upload.loaded = total ? loaded / total : 0;
          upload.state = total && loaded >= total ? "checking" : "sending";
          changed(upload);
        },
      });
      settle(upload, answer);
      return;
    } catch (error) {
      if (fail(upload, error)) return;
      changed(upload);
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** upload.attempts));
    }
  }
}

/**
 * @param {Upload} upload
 * @param {import("../../types.js").UploadResult} answer
 */
function settle(upload, { duplicates, rejected }) {
  upload.loaded = 1;
  const existing = duplicates[0]?.image.name;
  if (rejected[0]) {
    refuse(upload, rejected[0].message);
  } else if (existing !== undefined && !(upload.attempts > 1 && existing === upload.file.name)) {
    const message =
      existing === upload.file.name
        ? t("Already in this project")
        : t("Already in this project as {name}", { name: existing });
    Object.assign(upload, { state: "duplicate", message });
  } else {
    // Also when an earlier attempt stored it and only its answer was lost.
    Object.assign(upload, { state: "stored", message: "" });
  }
}

/**
 * The row already names the file: its name need not begin the reason.
 * @param {Upload} upload
 * @param {string} reason
 */
function refuse(upload, reason) {
  const name = `${upload.file.name}: `;
  const message = reason.startsWith(name) ? reason.slice(name.length) : reason;
  Object.assign(upload, { state: "refused", message: message.charAt(0).toUpperCase() + message.slice(1) });
}

/**
 * Record a failure; true when there is nothing more to try.
 * @param {Upload} upload
 * @param {unknown} error
 */
function fail(upload, error) {
  const status = error instanceof ApiError ? error.status : 0;
  const message = error instanceof Error ? error.message : String(error);
  upload.loaded = 0;
  if (status === 401) {
    Object.assign(upload, {
      state: "failed",
      message: t("Your sign-in has expired. Sign in in another tab, then retry."),
    });
    return true;
  }
  if (!PASSING.has(status)) {
    refuse(upload, error instanceof ApiError ? (error.body?.rejected?.[0]?.message ?? message) : message);
    return true;
  }
  if (upload.attempts >= ATTEMPTS) {
    Object.assign(upload, { state: "failed", message });
    return true;
  }
  upload.message = t("The server did not answer; trying again");
  return false;
}

/**
 * The whole page takes drops.
 * @param {Page} page
 * @param {(files: File[]) => void} add
 */
function acceptDrops(page, add) {
  const overlay = h(
    "div",
    { class: "drop-overlay", hidden: true },
    h(
      "div",
      {},
      icon("upload", "large"),
      h("p", {}, t("Drop to add to “{name}”", { name: page.project().name })),
    ),
  );
  document.body.append(overlay);
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  let depth = 0;
  const leave = () => {
    depth = 0;
    overlay.hidden = true;
  };
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    overlay.hidden = false;
  });
  document.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) leave();
  });
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    leave();
    const files = await filesFromDrop(event.dataTransfer);
    if (files.length) add(files);
    else toast(t("There were no files in what you dropped."));
  });
}

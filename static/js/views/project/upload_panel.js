/** The list of uploads in the corner: one row per file, a total, and what to do about the ones that failed. */
import { t, tn } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { formatBytes, formatNumber } from "../../ui/format.js";

/** @typedef {import("./uploads.js").Upload} Upload */

/** @type {Record<import("./uploads.js").UploadState, {text: string, icon: string, kind: string}>} */
const LOOKS = {
  waiting: { text: t("Waiting"), icon: "clock", kind: "" },
  sending: { text: t("Uploading"), icon: "", kind: "" },
  checking: { text: t("Checking"), icon: "", kind: "" },
  stored: { text: t("Added"), icon: "circle-check", kind: "success" },
  duplicate: { text: t("Already here"), icon: "copy", kind: "muted" },
  refused: { text: t("Refused"), icon: "circle-alert", kind: "danger" },
  failed: { text: t("Failed"), icon: "wifi-off", kind: "warning" },
};

/** The floating panel; hidden while there is nothing to tell. */
export class UploadPanel {
  /** @param {{retry: (uploads: Upload[]) => void, dismiss: () => void}} on */
  constructor(on) {
    this.on = on;
    this.list = h("ul", {
      class: "upload-list lines",
      id: "upload-list",
      tabindex: 0,
      "aria-label": t("Files"),
    });
    this.title = h("h2", { class: "grow" });
    this.status = h("p", { class: "visually-hidden", role: "status" });
    this.total = h("progress", { class: "progress", max: 1, value: 0, "aria-label": t("All uploads") });
    this.close = iconButton("x", t("Close"), {
      kind: "small",
      "data-tooltip": null,
      onclick: () => this.#dismiss(),
    });
    this.retryAll = button(t("Retry failed"), {
      icon: "rotate-ccw",
      kind: "small",
      onclick: () => on.retry(this.#uploads.filter(({ state }) => state === "failed")),
    });
    this.element = h(
      "section",
      { class: "upload-panel card", "aria-label": t("Uploads"), hidden: true },
      h("header", {}, this.title, this.retryAll, foldButton(this.list), this.close),
      this.total,
      this.status,
      this.list,
    );
    document.body.append(this.element);
  }

  /** @type {Upload[]} */
  #uploads = [];
  /** @type {Map<Upload, Row>} */
  #rows = new Map();
  #scheduled = false;

  /** @param {Upload[]} uploads every upload; new ones get a row */
  show(uploads) {
    this.#uploads = uploads;
    for (const upload of uploads) {
      const known = this.#rows.get(upload);
      if (known) {
        known.draw();
        continue;
      }
      const row = createRow(upload, () => this.on.retry([upload]));
      this.#rows.set(upload, row);
      this.list.append(row.element);
    }
    this.element.hidden = uploads.length === 0;
    this.#summarise();
  }

  /** @param {Upload} upload */
  changed(upload) {
    this.#rows.get(upload)?.draw();
    this.#summarise();
  }

  #dismiss() {
    this.element.hidden = true;
    this.#rows.clear();
    replace(this.list);
    this.on.dismiss();
  }

  /** Counting all files for every progress event would be quadratic: once per frame is enough. */
  #summarise() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      const uploads = this.#uploads;
      const text = describe(uploads);
      const finished = isFinished(uploads);
      if (finished && this.status.textContent !== text) this.status.textContent = text;
      this.title.textContent = text;
      this.total.value =
        uploads.reduce((sum, upload) => sum + fraction(upload), 0) / Math.max(1, uploads.length);
      this.total.hidden = finished;
      this.close.hidden = !finished;
      this.retryAll.hidden = !uploads.some(({ state }) => state === "failed");
      this.element.dataset.state = finished ? "finished" : "busy";
    });
  }
}

/** @param {HTMLElement} list */
function foldButton(list) {
  const fold = iconButton("chevron-down", t("Fold"), {
    kind: "small",
    "data-tooltip": null,
    "aria-expanded": "true",
    "aria-controls": list.id,
  });
  fold.addEventListener("click", () => {
    list.hidden = !list.hidden;
    fold.setAttribute("aria-expanded", String(!list.hidden));
    fold.setAttribute("aria-label", list.hidden ? t("Unfold") : t("Fold"));
    replace(fold, icon(list.hidden ? "chevron-up" : "chevron-down"));
  });
  return fold;
}

/** @typedef {{element: HTMLElement, draw: () => void}} Row */

/**
 * @param {Upload} upload
 * @param {() => void} retry
 * @returns {Row}
 */
function createRow(upload, retry) {
  const mark = h("span", { class: "upload-mark" });
  const note = h("p", { class: "upload-note small-text" });
  const bar = h("progress", { class: "progress", max: 1, value: 0, "aria-label": upload.file.name });
  const again = iconButton("rotate-ccw", t("Retry {name}", { name: upload.file.name }), {
    kind: "small",
    "data-tooltip": null,
    onclick: retry,
  });
  const element = h(
    "li",
    { class: "upload-row" },
    mark,
    h(
      "div",
      { class: "grow" },
      h("p", { class: "truncate", title: upload.file.name }, upload.file.name),
      note,
      bar,
    ),
    again,
  );
  let drawn = "";
  const draw = () => {
    const { text, icon: iconName, kind } = LOOKS[upload.state];
    const moving = upload.state === "sending" || upload.state === "checking";
    bar.value = upload.loaded;
    const look = `${upload.state}|${upload.message}`;
    if (look === drawn) return;
    drawn = look;
    element.dataset.state = upload.state;
    // What needs a person's eye comes to the top of a long list.
    if (upload.state === "refused" || upload.state === "failed") element.parentElement?.prepend(element);
    bar.hidden = upload.state !== "sending";
    again.hidden = upload.state !== "failed";
    replace(mark, moving ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon(iconName));
    note.className = `upload-note small-text ${kind || "muted"}`;
    note.textContent = upload.message || `${text} · ${formatBytes(upload.file.size)}`;
  };
  draw();
  return { element, draw };
}

/** @param {Upload} upload */
function fraction({ state, loaded }) {
  if (state === "waiting") return 0;
  // Storing takes a moment after the last byte: the bar is full only when the server has answered.
  return state === "sending" || state === "checking" ? 0.95 * loaded : 1;
}

/** @param {Upload[]} uploads */
function isFinished(uploads) {
  return uploads.every(({ state }) => state !== "waiting" && state !== "sending" && state !== "checking");
}

/**
 * "Uploading 3 of 40 files", then "38 images added, 1 already here, 1 refused".
 * @param {Upload[]} uploads
 */
function describe(uploads) {
  const count = (/** @type {string} */ state) => uploads.filter((upload) => upload.state === state).length;
  if (!isFinished(uploads)) {
    const left = count("waiting") + count("sending") + count("checking");
    return tn(uploads.length, "Uploading {at} of {number} file", "Uploading {at} of {number} files", {
      at: formatNumber(uploads.length - left + 1),
    });
  }
  const parts = [tn(count("stored"), "{number} image added", "{number} images added")];
  if (count("duplicate")) parts.push(t("{number} already here", { number: count("duplicate") }));
  if (count("refused")) parts.push(t("{number} refused", { number: count("refused") }));
  if (count("failed")) parts.push(t("{number} failed", { number: count("failed") }));
  return parts.join(t(", "));
}

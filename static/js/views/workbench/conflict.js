/**
 * When saving needs a person: someone else changed the same object (choose between the two masks, side by side), the server
 * refuses a change, or the server is away. An expired sign-in is offered by every page itself; here it is asked for. Nothing is overwritten or dropped without an answer.
 */

import { decode } from "../../core/rle.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";
import { signInAgain } from "../../ui/sign_in.js";
import { toast, toastError } from "../../ui/toast.js";

/** @typedef {import("../../canvas.js").Stage} Stage */
/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("../../outbox.js").Entry} Entry */
/** @typedef {import("../../types.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./saving.js").Saving} Saving */

const [WIDTH, HEIGHT] = [320, 220];

/**
 * @param {Saving} saving
 * @param {Editor} editor
 * @param {Stage} stage
 */
export function watchConflicts(saving, editor, stage) {
  for (const type of ["conflict", "refused"]) {
    saving.addEventListener(type, (event) => {
      decide(/** @type {CustomEvent<Entry>} */ (event).detail, saving, editor, stage);
    });
  }
}

/**
 * The person asks what the save state means.
 *
 * @param {Saving} saving
 * @param {Editor} editor
 * @param {Stage} stage
 * @param {import("../../types.js").User} user who works here
 */
export async function explainSaving(saving, editor, stage, user) {
  const { state, pending, message } = saving.state;
  if (state === "conflict" || state === "refused") {
    const [entry] = await saving.aside();
    if (entry) decide(entry, saving, editor, stage);
  } else if (state === "signed_out") {
    signInAgain(user.name);
  } else if (state === "offline") {
    saving.flush();
    toast(
      message ?? "The server does not answer. Your work is kept in this browser and sent when it is back.",
    );
  } else if (state === "saving") toast(message ?? `Sending ${pending} changes.`);
  else toast("Everything is saved on the server.", { kind: "success" });
}

/** Entries whose dialog is open. @type {Set<string>} */
const asking = new Set();

/**
 * @param {Entry} entry
 * @param {Saving} saving
 * @param {Editor} editor
 * @param {Stage} stage
 */
async function decide(entry, saving, editor, stage) {
  if (asking.has(entry.id)) return;
  asking.add(entry.id);
  const choice =
    entry.state === "conflict" ? await askConflict(entry, editor, stage) : await askRefused(entry);
  asking.delete(entry.id);
  if (choice !== "mine" && choice !== "theirs") return; // later: the save state in the top bar asks again
  try {
    const theirs = await saving.resolve(entry.id, choice);
    if (choice === "mine" || entry.imageId !== editor.image?.id) return;
    if (theirs && entry.error?.code !== "deleted") editor.takeTheirs(theirs);
    else editor.forget(entry.id);
  } catch (error) {
    toastError(error, "Could not settle this");
  }
}

async function askConflict(
  /** @type {Entry} */ entry,
  /** @type {Editor} */ editor,
  /** @type {Stage} */ stage,
) {
  const deleted = entry.error?.code === "deleted";
  const here = editor.image?.id === entry.imageId ? stage : null;
  const dialog = openDialog({
    title: deleted ? "Someone else deleted this object" : "Someone else changed this object",
    wide: true,
    body: [
      h("p", { class: "muted" }, "Nothing has been overwritten. Which one shall count?"),
      h(
        "div",
        { class: "wb-versions" },
        version("Yours", entry.kind === "delete" ? null : entry.body, editor, here),
        version("Theirs", deleted ? null : entry.current, editor, here),
      ),
    ],
    footer: [
      button("Decide later", { onclick: () => dialog.element.close("") }),
      button("Use theirs", { onclick: () => dialog.element.close("theirs") }),
      button("Keep mine", { kind: "primary", onclick: () => dialog.element.close("mine") }),
    ],
  });
  return dialog.closed;
}

function version(
  /** @type {string} */ title,
  /** @type {AnnotationBody | null} */ body,
  /** @type {Editor} */ editor,
  /** @type {Stage | null} */ stage,
) {
  const label = editor.categories.find((category) => category.id === body?.category_id)?.name ?? "No label";
  const canvas = h("canvas", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
  if (body) drawVersion(canvas, body, stage);
  return h(
    "div",
    { class: "wb-version" },
    h("h3", {}, title),
    canvas,
    h("p", { class: "muted small-text" }, body ? label : "Deleted"),
  );
}

function drawVersion(
  /** @type {HTMLCanvasElement} */ canvas,
  /** @type {AnnotationBody} */ { segmentation },
  /** @type {Stage | null} */ stage,
) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const [height, width] = segmentation.size;
  const data = decode(segmentation.counts, width, height);
  const scale = Math.min(WIDTH / width, HEIGHT / height);
  const x = (width - WIDTH / scale) / 2;
  const y = (height - HEIGHT / scale) / 2;
  stage?.drawCrop(context, { x, y, scale, width: WIDTH, height: HEIGHT });
  context.fillStyle = "rgb(0 114 189 / 55%)";
  for (let row = 0; row < HEIGHT; row++) {
    const my = Math.floor((row + 0.5) / scale + y);
    if (my < 0 || my >= height) continue;
    for (let column = 0; column < WIDTH; column++) {
      const mx = Math.floor((column + 0.5) / scale + x);
      if (mx >= 0 && mx < width && data[my * width + mx]) context.fillRect(column, row, 1, 1);
    }
  }
}

function askRefused(/** @type {Entry} */ entry) {
  const dialog = openDialog({
    title: "The server did not take this object",
    body: [
      h("p", {}, entry.error?.message ?? "It gave no reason."),
      h("p", { class: "muted" }, "It is kept in this browser until you decide."),
    ],
    footer: [
      button("Discard my change", { kind: "danger", onclick: () => dialog.element.close("theirs") }),
      button("Try again", { onclick: () => dialog.element.close("mine") }),
      button("Decide later", { autofocus: true, onclick: () => dialog.element.close("") }),
    ],
  });
  return dialog.closed;
}

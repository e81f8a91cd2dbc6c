/**
 * When saving needs a person: someone else changed the same object (choose between the two masks, side by side), the server
 * refuses a change, or the server is away. An expired sign-in is offered by every page itself; here it is asked for. Nothing is
 * overwritten or dropped without an answer.
 */

import { listMembers } from "../../api.js";
import { t } from "../../core/translate.js";
import { newId } from "../../editor/draft.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";
import { signInAgain } from "../../ui/sign_in.js";
import { toast, toastError } from "../../ui/toast.js";
import { askConflict } from "./conflict_dialog.js";

/** @typedef {import("../../canvas.js").Stage} Stage */
/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("../../outbox.js").Entry} Entry */
/** @typedef {import("../../types.js").User} User */
/** @typedef {import("./conflict_dialog.js").Answer} Answer */
/** @typedef {import("./saving.js").Saving} Saving */

/**
 * What conflicts are decided with.
 * @typedef {object} Desk
 * @property {Saving} saving
 * @property {Editor} editor
 * @property {Stage} stage
 * @property {User} user who works here
 */

/** @param {Desk} desk */
export function watchConflicts(desk) {
  for (const type of ["conflict", "refused"]) {
    desk.saving.addEventListener(type, (event) => {
      decide(/** @type {CustomEvent<Entry>} */ (event).detail, desk);
    });
  }
}

/** The person asks what the save state means. @param {Desk} desk */
export async function explainSaving(desk) {
  const { saving, user } = desk;
  const { state, pending, message } = saving.state;
  if (state === "conflict" || state === "refused") {
    for (const entry of await saving.aside()) decide(entry, desk);
  } else if (state === "signed_out") {
    signInAgain(user.name);
  } else if (state === "offline") {
    saving.flush();
    toast(
      message ?? t("The server does not answer. Your work is kept in this browser and sent when it is back."),
    );
  } else if (state === "saving") toast(message ?? t("Sending {number} changes.", { number: pending }));
  else toast(t("Everything is saved on the server."), { kind: "success" });
}

/** Entries that are asked about, one dialog after the other. @type {Set<string>} */
const asking = new Set();
let turn = Promise.resolve();

function decide(/** @type {Entry} */ { id }, /** @type {Desk} */ desk) {
  if (asking.has(id)) return;
  asking.add(id);
  turn = turn.then(async () => {
    const entry = (await desk.saving.aside()).find((each) => each.id === id);
    if (!entry || !asking.has(id)) return void asking.delete(id);
    const answer = entry.state === "conflict" ? await askAbout(entry, desk) : await askRefused(entry);
    // "Later" is meant for all of them; the save state in the top bar asks again.
    if (!answer) return asking.clear();
    asking.delete(id);
    await settle(entry, answer, desk).catch((error) => toastError(error, t("Could not settle this")));
  });
}

/** @returns {Promise<Answer>} */
function askAbout(/** @type {Entry} */ entry, /** @type {Desk} */ { editor, stage, user }) {
  return askConflict(entry, {
    stage: editor.image?.id === entry.imageId ? stage : null,
    categories: editor.categories,
    colleague: colleagueOf(entry, user),
    waiting: asking.size - 1,
  });
}

/** What appears is written before what vanishes: a page that dies in between loses neither version. */
async function settle(
  /** @type {Entry} */ entry,
  /** @type {Answer} */ answer,
  /** @type {Desk} */ { saving, editor },
) {
  const theirs = entry.error?.code === "deleted" ? null : entry.current;
  const shown = entry.state === "conflict" && editor.image?.id === entry.imageId;
  if (answer === "mine") {
    await saving.resolve(entry.id, "mine");
    if (shown) editor.settleConflict(entry.id, { mine: entry.body, theirs }, "mine");
    return;
  }
  const decision = answer === "both" ? "both" : "theirs";
  if (shown) editor.settleConflict(entry.id, { mine: entry.body, theirs }, decision);
  else if (answer === "both" && entry.body) saving.put(newId(), entry.body, 0);
  await saving.resolve(entry.id, "theirs");
  if (entry.state === "refused" && editor.image?.id === entry.imageId) editor.forget(entry.id);
}

/** @returns {Promise<string>} a name; nobody's when it cannot be found out */
async function colleagueOf(/** @type {Entry} */ { current }, /** @type {User} */ user) {
  if (!current?.updated_by) return "";
  if (current.updated_by === user.id) return t("You, elsewhere");
  const members = await listMembers(current.project_id).catch(() => []);
  return members.find(({ user_id }) => user_id === current.updated_by)?.name ?? t("A colleague");
}

/** @returns {Promise<Answer>} */
function askRefused(/** @type {Entry} */ entry) {
  const dialog = openDialog({
    title: t("The server did not take this object"),
    body: [
      h("p", {}, entry.error?.message ?? t("It gave no reason.")),
      h("p", { class: "muted" }, t("It is kept in this browser until you decide.")),
    ],
    footer: [
      button(t("Discard my change"), { kind: "danger", onclick: () => dialog.element.close("theirs") }),
      button(t("Try again"), { onclick: () => dialog.element.close("mine") }),
      button(t("Decide later"), { autofocus: true, onclick: () => dialog.element.close("") }),
    ],
  });
  return /** @type {Promise<Answer>} */ (dialog.closed);
}

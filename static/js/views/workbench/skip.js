/** Skipping an image says why, so that others know what to do with it. */

import { t } from "../../core/translate.js";
import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";

/** What is kept, and how it reads in this language: colleagues may read another one. @type {[string, string][]} */
const REASONS = [
  ["Nothing to label", t("Nothing to label")],
  ["Blurred or too dark", t("Blurred or too dark")],
  ["Same as another image", t("Same as another image")],
  ["Not sure how to label it", t("Not sure how to label it")],
];

/** A kept reason in the language of the page. @param {string} reason */
export function skipReasonText(reason) {
  return REASONS.find(([kept]) => kept === reason)?.[1] ?? reason;
}

/** @returns {Promise<string | null>} the reason, perhaps empty; null when the person changed their mind */
export async function askSkipReason() {
  const input = h("input", {
    class: "input",
    type: "text",
    maxlength: 1000,
    "aria-label": t("Reason"),
    placeholder: t("Reason (optional)"),
  });
  const go = button(t("Skip image"), { kind: "primary", type: "submit" });
  const reasons = REASONS.map(([reason, label]) =>
    button(label, {
      kind: "small",
      onclick: () => {
        input.value = reason;
        dialog.element.close("skip");
      },
    }),
  );
  const dialog = openDialog({
    title: t("Skip this image?"),
    body: [
      h("p", { class: "muted" }, t("It leaves the queue; its objects stay. Others see the reason.")),
      h("div", { class: "row wrap tight" }, reasons),
      input,
    ],
    footer: [button(t("Cancel"), { onclick: () => dialog.element.close("") }), go],
    onsubmit: (event) => {
      event.preventDefault();
      dialog.element.close("skip");
    },
  });
  input.focus();
  return (await dialog.closed) === "skip" ? input.value.trim() : null;
}

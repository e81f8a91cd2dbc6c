/** Skipping an image says why, so that others know what to do with it. */

import { openDialog } from "../../ui/dialog.js";
import { button, h } from "../../ui/dom.js";

const REASONS = [
  "Nothing to label",
  "Blurred or too dark",
  "Same as another image",
  "Not sure how to label it",
];

/** @returns {Promise<string | null>} the reason, perhaps empty; null when the person changed their mind */
export async function askSkipReason() {
  const input = h("input", {
    class: "input",
    type: "text",
    maxlength: 1000,
    "aria-label": "Reason",
    placeholder: "Reason (optional)",
  });
  const go = button("Skip image", { kind: "primary", type: "submit" });
  const reasons = REASONS.map((reason) =>
    button(reason, {
      kind: "small",
      onclick: () => {
        input.value = reason;
        dialog.element.close("skip");
      },
    }),
  );
  const dialog = openDialog({
    title: "Skip this image?",
    body: [
      h("p", { class: "muted" }, "It leaves the queue; its objects stay. Others see the reason."),
      h("div", { class: "row wrap tight" }, reasons),
      input,
    ],
    footer: [button("Cancel", { onclick: () => dialog.element.close("") }), go],
    onsubmit: (event) => {
      event.preventDefault();
      dialog.element.close("skip");
    },
  });
  input.focus();
  return (await dialog.closed) === "skip" ? input.value.trim() : null;
}

/** "Perhaps missed": regions that no annotation covers, as a layer that is switched on and off. */

import { getMissed, lookForMissed } from "../../api/proposals.js";
import { getJob } from "../../api.js";
import { t, tn } from "../../core/translate.js";
import { busy } from "../../ui/dialog.js";
import { iconButton } from "../../ui/dom.js";
import { keyed, keymap } from "../../ui/keymap.js";
import { toast, toastError } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Job} Job */

const POLL_MS = 600;
const OPEN = ["queued", "running"];

/**
 * @param {HTMLElement} host gets the switch
 * @param {import("../../editor.js").Editor} editor
 * @returns {() => Promise<void>} switches
 */
export function mountMissed(host, editor) {
  const toggle = async () => {
    if (editor.showsMissed) return editor.hideMissed();
    await busy(button, async () => {
      try {
        await show(editor);
      } catch (error) {
        toastError(error, t("Could not look for missed objects"));
      }
    });
  };
  const label = keymap.labelOf("show_missed");
  const button = iconButton("circle-question-mark", label, { kind: "small", onclick: toggle });
  keyed(button, "show_missed");
  host.append(button);
  const render = () => button.setAttribute("aria-pressed", String(editor.showsMissed));
  editor.addEventListener("change", render);
  render();
  return toggle;
}

/** @param {import("../../editor.js").Editor} editor */
async function show(editor) {
  const { image } = editor;
  if (!image) return;
  const here = () => editor.image?.id === image.id;
  let { missed, job } = await getMissed(image.id);
  if (!missed.length && job?.state !== "done") {
    const close = toast(t("Looking for objects that were perhaps missed …"), { sticky: true });
    try {
      await finished(await lookForMissed(image.id), here);
    } finally {
      close();
    }
    ({ missed, job } = await getMissed(image.id));
  }
  if (!here()) return;
  editor.showMissed(missed);
  const found = editor.undecided().filter((object) => object.isMissed).length;
  toast(
    found
      ? tn(found, "{number} object was perhaps missed.", "{number} objects were perhaps missed.")
      : t("The model finds nothing that was missed."),
    { kind: found ? "info" : "success" },
  );
}

/** @param {Job} job @param {() => boolean} wanted @throws what the job failed with */
async function finished(job, wanted) {
  let current = job;
  while (OPEN.includes(current.state) && wanted()) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    current = await getJob(job.id);
  }
  if (current.error) throw new Error(current.error.message);
}

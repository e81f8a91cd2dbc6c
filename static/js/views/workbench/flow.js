/** From image to image: neighbours, the next one that needs this person, complete, skip, choose from all. */

import { updateImage } from "../../api.js";
import { t } from "../../core/translate.js";
import { keyName } from "../../ui/keymap.js";
import { toast, toastError } from "../../ui/toast.js";
import { openImageBrowser } from "./image_browser.js";
import { askSkipReason } from "./skip.js";

/** @typedef {import("../../types.js").Image} Image */

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {import("./queue.js").Queue} queue
 * @param {{projectId: number, show: (id: number) => Promise<void>}} context
 */
export function flowActions(editor, queue, { projectId, show }) {
  const end = (/** @type {string} */ text) =>
    queue.filter
      ? `${text} ${t("Only “{filter}” is shown: press {key} for other images.", { filter: queue.label, key: keyName("browse") })}`
      : text;

  const step = (/** @type {1 | -1} */ direction) => {
    const id = direction > 0 ? editor.image?.next_id : editor.image?.previous_id;
    if (id) show(id);
    else toast(end(direction > 0 ? t("This is the last image.") : t("This is the first image.")));
  };

  const setStatus = async (/** @type {Image} */ image, /** @type {Partial<Image>} */ change) => {
    try {
      if (editor.draft?.dirty) await editor.accept();
      const { status, skip_reason } = await updateImage(image.id, change);
      if (editor.image?.id === image.id) editor.updateImage({ ...editor.image, status, skip_reason });
      const closed = status === "done" || status === "skipped";
      if (closed && image.next_id) await show(image.next_id);
      else if (closed) {
        const text =
          status === "done"
            ? t("Complete. This was the last image.")
            : t("Skipped. This was the last image.");
        toast(end(text), { kind: "success" });
      }
    } catch (error) {
      toastError(error, t("Could not change the image's status"));
    }
  };

  return {
    step,
    async complete() {
      const { image } = editor;
      if (!image) return;
      const reopened = editor.objects.size ? "in_progress" : "new";
      const closed = image.status === "done" || image.status === "skipped";
      await setStatus(image, { status: closed ? reopened : "done" });
    },
    async skip() {
      const { image } = editor;
      const reason = image && (await askSkipReason());
      if (image && typeof reason === "string") {
        await setStatus(image, { status: "skipped", skip_reason: reason });
      }
    },
    async needing() {
      const { image } = editor;
      if (!image) return;
      try {
        const next = await queue.nextNeeding(image);
        if (next) await show(next.id);
        else toast(t("No other image needs you."), { kind: "success" });
      } catch (error) {
        toastError(error, t("Could not look for the next image"));
      }
    },
    browse() {
      openImageBrowser(projectId, queue, { current: editor.image?.id ?? null, open: show });
    },
  };
}

/** Accepted masks that the latest trained model sees otherwise, those that agree least first. */

import { dismissDoubtful } from "../../api/training.js";
import { t, tn } from "../../core/translate.js";
import { busy } from "../../ui/dialog.js";
import { button, h, replace } from "../../ui/dom.js";
import { toast, toastError } from "../../ui/toast.js";

/** @typedef {import("../../api/training.js").Doubtful} Doubtful */

/** @param {number} projectId */
export function createDoubtful(projectId) {
  const count = h("p", { class: "muted" });
  const list = h("ul", { class: "training-doubtful" });
  const element = h(
    "section",
    { class: "stack", "aria-label": t("Look again") },
    h("h2", {}, t("Look again")),
    count,
    list,
  );
  let seen = "";
  /** @param {{items: Doubtful[], total: number}} answer */
  const update = ({ items, total }) => {
    const look = JSON.stringify([items, total]);
    if (look === seen) return;
    seen = look;
    count.textContent = total
      ? tn(
          total,
          "The latest trained model sees {number} accepted mask otherwise. Mostly it is the model that is wrong, sometimes the mask.",
          "The latest trained model sees {number} accepted masks otherwise. Mostly it is the model that is wrong, sometimes a mask.",
        )
      : t(
          "Nothing to look at: after a run, accepted masks that the new model sees otherwise are listed here.",
        );
    replace(
      list,
      items.map((item) => card(item, projectId)),
    );
  };
  return { element, update };
}

/** @param {Doubtful} item @param {number} projectId */
function card(item, projectId) {
  const label = item.category ?? t("Without a label");
  const agrees = t("agrees {percent} %", { percent: Math.round(100 * item.iou) });
  const element = h(
    "li",
    { class: "card training-doubt", dataset: { item: String(item.id) } },
    h(
      "a",
      {
        href: `/projects/${projectId}/images/${item.image_id}#object=${item.annotation_id}`,
        "aria-label": t("{label} on {image}, {agreement}", {
          label,
          image: item.image_name,
          agreement: agrees,
        }),
      },
      h("img", {
        src: `/api/v1/images/${item.image_id}/thumbnail?v=${item.image_sha256.slice(0, 16)}`,
        alt: "",
        loading: "lazy",
      }),
    ),
    h("strong", { class: "truncate" }, label),
    h(
      "span",
      { class: "small-text muted tabular truncate", title: item.image_name },
      `${item.image_name} · ${agrees}`,
    ),
  );
  const go = button(t("Mask is right"), {
    kind: "small",
    "aria-label": t("Mask is right: {label} on {image}", { label, image: item.image_name }),
    onclick: () => busy(go, () => dismiss(item, element)),
  });
  element.append(go);
  return element;
}

/** @param {Doubtful} item @param {HTMLElement} element */
async function dismiss(item, element) {
  try {
    await dismissDoubtful(item.id, true);
  } catch (error) {
    toastError(error, t("Could not save that"));
    return;
  }
  element.hidden = true;
  const undo = async () => {
    await dismissDoubtful(item.id, false);
    element.hidden = false;
  };
  toast(t("Not listed any more."), { action: { label: t("Undo"), run: undo } });
}

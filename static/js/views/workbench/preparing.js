/** The calm note over the image while its embedding is not there: what is happening, for how long, and what one can do. */

import { t } from "../../core/translate.js";
import { button, h, icon, replace } from "../../ui/dom.js";
import { toastError } from "../../ui/toast.js";

/** Loading from the server takes a moment at most: a note for that would only flash. */
const QUIET_MS = 250;

/**
 * @param {HTMLElement} host
 * @param {import("./opening.js").Opening} opening
 */
export function mountPreparing(host, opening) {
  let timer = 0;
  const retry = button(t("Try again"), {
    kind: "small",
    onclick: () => opening.retry().catch((error) => toastError(error, t("Could not ask again"))),
  });

  const render = () => {
    clearTimeout(timer);
    const { state, message } = opening.preparation;
    if (state === "ready") {
      host.hidden = true;
      return;
    }
    const show = () => {
      replace(host, ...note(state, message, retry));
      host.classList.toggle("danger", state === "failed");
      host.hidden = false;
    };
    if (state === "loading" && host.hidden) timer = window.setTimeout(show, QUIET_MS);
    else show();
  };
  opening.addEventListener("preparation", render);

  return {
    /** Someone clicked too early: point at the reason. */
    nudge() {
      render();
      host.classList.remove("nudge");
      void host.offsetWidth; // restarts the animation
      host.classList.add("nudge");
    },
  };
}

function note(
  /** @type {import("./opening.js").Preparation["state"]} */ state,
  /** @type {string} */ message,
  /** @type {HTMLElement} */ retry,
) {
  if (state === "failed") {
    const text = h(
      "div",
      { class: "grow" },
      h("strong", {}, t("Clicks do not work on this image")),
      h("p", {}, message),
    );
    return [icon("circle-alert"), text, retry];
  }
  const preparing = message ? t("Preparing this image: {message}", { message }) : t("Preparing this image");
  const title = state === "loading" ? message : preparing;
  return [
    h("span", { class: "spinner", "aria-hidden": "true" }),
    h(
      "div",
      { class: "grow" },
      h("strong", {}, title),
      state === "loading" ? null : h("p", {}, t("Brush, eraser and select work meanwhile.")),
    ),
  ];
}

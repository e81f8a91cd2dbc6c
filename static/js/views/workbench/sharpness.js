/** A quiet word while a very large image is shown softer than it is: its tiles are on their way, or still being cut. */

import { t } from "../../core/translate.js";
import { h } from "../../ui/dom.js";

/** Tiles that come sooner are not worth a word. */
const QUIET_MS = 700;

/**
 * @param {HTMLElement} host element over the image
 * @param {import("../../canvas.js").Stage} stage
 */
export function mountSharpness(host, stage) {
  const spinner = h("span", { class: "spinner", "aria-hidden": "true" });
  const chip = h("div", { class: "wb-sharpening", hidden: true }, spinner, t("Loading details"));
  host.append(chip);
  let timer = 0;
  stage.addEventListener("sharp", () => {
    clearTimeout(timer);
    chip.hidden = true;
    if (stage.isSharp) return;
    timer = window.setTimeout(() => {
      chip.hidden = false;
    }, QUIET_MS);
  });
}

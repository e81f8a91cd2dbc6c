/** The part of the "View" popover that is about this browser: what the decoder runs on, and which embeddings are kept. */

import { t } from "../../core/translate.js";
import { CHOICES } from "../../decoder/choice.js";
import { button, h } from "../../ui/dom.js";
import { countImages, formatBytes } from "../../ui/format.js";
import { clearKeptEmbeddings, keptEmbeddings } from "./kept_embeddings.js";

/** @typedef {import("../../decoder/messages.js").Backend} Backend */
/** @typedef {import("../../decoder/messages.js").BackendChoice} BackendChoice */

/** @type {Record<BackendChoice, string>} */
const LABELS = { auto: t("Auto"), wasm: t("WASM"), webgpu: t("WebGPU") };

/** What is known of WebGPU here, for people. @param {Backend} backend */
export function webgpuText({ webgpu }) {
  if (!webgpu) return t("Not tried");
  const { outcome, ratio } = webgpu;
  const times = ratio === null ? "" : ratio.toFixed(1);
  if (outcome === "chosen") return times ? t("{times} × as fast as WASM", { times }) : t("In use");
  if (outcome === "slow") return t("{times} × as fast as WASM: not used", { times });
  return REASONS[outcome];
}

/** @type {Record<"absent" | "failed" | "wrong" | "lost", string>} */
const REASONS = {
  absent: t("No graphics card here"),
  failed: t("Does not start here"),
  wrong: t("Gives other masks here: not used"),
  lost: t("Has stopped; WASM goes on"),
};

/**
 * @param {import("./decoders.js").Decoders} decoders
 * @returns {{element: HTMLElement, show: () => void}} show: bring it up to date
 */
export function thisBrowser(decoders) {
  const buttons = CHOICES.map((choice) =>
    h("button", { type: "button", onclick: () => choose(choice) }, LABELS[choice]),
  );
  const found = h("p", { class: "hint", role: "status" });
  const size = h("span", { class: "tabular grow" });
  const clear = button(t("Clear"), {
    kind: "ghost small",
    "aria-label": t("Clear the kept embeddings"),
    onclick: () => clearKeptEmbeddings().then(showKept),
  });
  const element = h(
    "section",
    {},
    h("h3", { class: "panel-title" }, t("This browser")),
    h(
      "div",
      { class: "wb-choice is-narrow" },
      h("span", { id: "view-decoder" }, t("Decoder")),
      h("div", { class: "segmented", role: "group", "aria-labelledby": "view-decoder" }, buttons),
    ),
    found,
    h("div", { class: "wb-kept" }, h("span", {}, t("Kept ready")), size, clear),
  );

  const choose = (/** @type {BackendChoice} */ choice) => {
    decoders.choose(choice).catch(() => {}); // told where the decoder is opened
    showDecoder();
  };
  const showDecoder = () => {
    buttons.forEach((each, index) => {
      each.setAttribute("aria-pressed", String(CHOICES[index] === decoders.choice));
    });
    const { model } = decoders;
    const text =
      model && decoders.choice !== "wasm" ? t("WebGPU: {found}", { found: webgpuText(model.backend) }) : "";
    found.hidden = !text;
    if (found.textContent !== text) found.textContent = text;
  };
  const showKept = async () => {
    const { count, bytes } = await keptEmbeddings();
    const values = { images: countImages(count), size: formatBytes(bytes) };
    size.textContent = count ? t("{images}, {size}", values) : t("None");
    clear.disabled = count === 0;
  };
  decoders.addEventListener("model", showDecoder);
  return {
    element,
    show() {
      showDecoder();
      showKept();
    },
  };
}

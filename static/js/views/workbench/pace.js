/**
 * A quiet hint when one object has taken half a minute of work, the point from which more clicks rarely pay (the paper's
 * advice to its annotators). Breaks do not count, and it can be turned off.
 */

import { t } from "../../core/translate.js";
import { button, h, replace } from "../../ui/dom.js";

export const HINT_MS = 30_000;
const LOOK_MS = 1000;

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("./view_settings.js").ViewSettings} settings
 */
export function mountPace(host, editor, settings) {
  const spent = h("span", { class: "tabular" });
  const hint = h(
    "p",
    { class: "wb-pace-hint", role: "status", hidden: true },
    h("span", { class: "grow" }, t("30 s on this object: a good mask is enough. Accept it and go on.")),
    button(t("Don't remind me"), { kind: "ghost small", onclick: () => settings.set({ timeHint: false }) }),
  );
  const line = h("p", { class: "wb-pace muted small-text", title: t("Active time on this object") }, spent);
  replace(host, line, hint);
  /** @type {unknown} */
  let draft = null;
  let since = 0;
  let timer = 0;

  const look = () => {
    const ms = editor.activeMs - since;
    line.hidden = !draft || ms < 1000;
    spent.textContent = t("{seconds} s active", { seconds: Math.floor(ms / 1000) });
    hint.hidden = !draft || ms < HINT_MS || !settings.value.timeHint;
  };
  editor.addEventListener("change", () => {
    if (editor.draft === draft) return;
    draft = editor.draft;
    since = editor.activeMs;
    clearInterval(timer);
    timer = draft ? window.setInterval(look, LOOK_MS) : 0;
    look();
  });
  settings.addEventListener("change", look);
  look();
}

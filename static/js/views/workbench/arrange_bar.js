/** The bar over the image: what can be done with the selected objects, and what waits to be accepted or discarded. */

import { t, tn } from "../../core/translate.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { keyCap, keyed, keymap } from "../../ui/keymap.js";
import { attachMenu } from "../../ui/menu.js";

/** @typedef {Record<string, import("./keys.js").Run>} Runs */

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {Runs} runs  by command id
 */
export function mountArrangeBar(host, editor, runs) {
  const action = (/** @type {string} */ name, /** @type {string} */ id, kind = "small") =>
    keyed(iconButton(name, keymap.labelOf(id), { kind, onclick: runs[id].run }), id);

  const count = h("strong", { class: "tabular", role: "status" });
  const [merge, subtract] = [action("squares-unite", "merge"), action("squares-subtract", "subtract")];
  const order = iconButton("bring-to-front", t("Order"), { kind: "small" });
  attachMenu(order, () =>
    ["bring_to_front", "bring_forward", "send_backward", "send_to_back"].map((id) => ({
      label: keymap.labelOf(id),
      run: runs[id].run,
    })),
  );
  const [lock, hide, solo] = [
    action("lock", "lock"),
    action("eye-off", "hide_selected"),
    action("focus", "solo"),
  ];
  const leave = iconButton("x", t("Select nothing"), { kind: "small", onclick: () => editor.choose([]) });
  const selected = h(
    "div",
    { class: "wb-arrange-part", role: "toolbar", "aria-label": t("Selected objects") },
    count,
    h("span", { class: "wb-arrange-group" }, merge, subtract, action("ungroup", "split")),
    h("span", { class: "wb-arrange-group" }, order, action("copy-plus", "duplicate")),
    h("span", { class: "wb-arrange-group" }, lock, hide, solo),
    h("span", { class: "wb-arrange-group" }, action("trash-2", "delete", "small danger"), leave),
  );
  const waiting = h("strong", { class: "tabular", role: "status" });
  const accept = button(t("Accept"), { kind: "primary small", onclick: () => editor.acceptPending() });
  accept.append(keyCap("accept"));
  const discard = button(t("Discard"), { kind: "small", onclick: () => editor.discardPending() });
  discard.append(keyCap("cancel"));
  const pending = h(
    "div",
    { class: "wb-arrange-part", role: "group", "aria-label": t("Pending objects") },
    icon("shapes", "small"),
    waiting,
    accept,
    discard,
  );
  replace(host, selected, pending);

  const render = () => {
    const { selection, draft } = editor;
    const number = selection.length;
    const kept = editor.pendingObjects().length;
    selected.hidden = !number || draft?.dirty === true;
    pending.hidden = !kept || draft?.dirty === true;
    host.hidden = selected.hidden && pending.hidden;
    if (!selected.hidden) {
      const locked = selection.every(({ id }) => editor.locked.has(id));
      count.textContent = t("{count} selected", { count: number });
      for (const each of [merge, subtract]) each.disabled = editor.changeable.length < 2;
      show(lock, locked);
      show(
        hide,
        selection.every(({ hidden }) => hidden),
      );
      show(solo, editor.soloed.size > 0 && selection.every(({ id }) => editor.soloed.has(id)));
    }
    if (!pending.hidden) waiting.textContent = tn(kept, "{number} pending", "{number} pending");
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (["objects", "selection", "draft", "image"].some((kind) => kinds.has(/** @type {any} */ (kind))))
      render();
  });
  render();
}

/** @param {HTMLButtonElement} toggle @param {boolean} on */
function show(toggle, on) {
  toggle.setAttribute("aria-pressed", String(on));
}

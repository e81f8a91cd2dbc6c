// @ts-check
/** The dialog in which a person gives commands other keys. Every choice holds at once and is kept at once. */

import { capsOf, chordsOf } from "../core/chords.js";
import { t } from "../core/translate.js";
import { openDialog } from "./dialog.js";
import { button, h, iconButton, replace } from "./dom.js";
import { keymap } from "./keymap.js";

/** @typedef {import("./commands.js").Command} Command */

export function openKeymapEditor() {
  const say = h("p", { class: "visually-hidden", role: "status" });
  const rows = new Map(keymap.commands.map((command) => [command, row(command, say)]));
  const resetAll = button(t("Reset all"), { onclick: () => keymap.reset() });
  const groups = [...new Set(keymap.commands.map(({ group }) => group))].map((group) =>
    h(
      "section",
      {},
      h("h3", { class: "panel-title" }, group),
      h(
        "ul",
        { class: "keymap-rows" },
        [...rows].filter(([each]) => each.group === group).map(([, each]) => each.element),
      ),
    ),
  );
  const hint = t("Choose a command, then press its new key. Letters are those on your keyboard's caps.");
  const dialog = openDialog({
    title: t("Change shortcuts"),
    wide: true,
    body: [h("p", { class: "muted" }, hint), say, h("div", { class: "keymap" }, groups)],
    footer: [resetAll, button(t("Done"), { kind: "primary", onclick: () => dialog.element.close("") })],
  });
  const show = () => {
    resetAll.disabled = !keymap.isChanged();
    for (const each of rows.values()) each.show();
  };
  keymap.addEventListener("change", show);
  dialog.closed.then(() => keymap.removeEventListener("change", show));
  show();
}

/** @param {Command} command @param {HTMLElement} say */
function row(command, say) {
  const { id, label, fixed } = command;
  const caps = h("span", { class: "keymap-caps" });
  const note = h("p", { class: "keymap-note" });
  const reset = iconButton("undo-2", t("Reset “{command}”", { command: label }), {
    kind: "small",
    onclick: () => {
      keymap.reset(id);
      change.focus();
    },
  });
  const change = button("", {
    kind: "small keymap-change",
    onclick: () => record(command, change, note, say),
  });
  change.append(
    h("span", { class: "visually-hidden" }, t("Change the key of “{command}”:", { command: label })),
    caps,
  );
  const element = h(
    "li",
    { class: "keymap-row", "data-command": id },
    h(
      "span",
      { class: "grow" },
      label,
      command.where ? h("span", { class: "faint small-text" }, ` ${command.where}`) : null,
    ),
    reset,
    change,
    note,
  );
  const show = () => {
    const chords = keymap.keysOf(id);
    replace(caps, chords.length ? chords.map(chordCaps) : t("no key"));
    change.disabled = Boolean(fixed);
    reset.hidden = !keymap.isChanged(id);
  };
  return { element, show };
}

/** @param {string} chord */
function chordCaps(chord) {
  return h(
    "span",
    { class: "keymap-chord" },
    capsOf(chord).map((cap) => h("kbd", {}, cap)),
  );
}

/**
 * Take the next key for a command; Esc or a press elsewhere leaves everything as it is.
 *
 * @param {Command} command
 * @param {HTMLButtonElement} change
 * @param {HTMLElement} note
 * @param {HTMLElement} say
 */
function record(command, change, note, say) {
  const listening = new AbortController();
  const { signal } = listening;
  const tell = (/** @type {string} */ text, /** @type {HTMLElement[]} */ ...buttons) => {
    replace(note, h("span", { class: "grow" }, text), ...buttons);
    say.textContent = text;
  };
  const leave = () => {
    listening.abort();
    replace(note);
    change.classList.remove("is-recording");
  };
  const take = (/** @type {string} */ chord) => {
    leave();
    keymap.assign(command.id, chord);
    say.textContent = t("“{command}” now has the key {key}.", {
      command: command.label,
      key: capsOf(chord).join("+"),
    });
    change.focus();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const [chord] = chordsOf(event);
    if (!chord) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "Escape") return leave();
    const key = capsOf(chord).join("+");
    const conflict = keymap.conflict(command.id, chord);
    if (!conflict) return take(chord);
    if (conflict.kind === "reserved") return tell(t("{key} cannot be changed: press another key.", { key }));
    const use = button(t("Use it here"), { kind: "small primary", onclick: () => take(chord) });
    const keep = button(t("Cancel"), {
      kind: "small",
      onclick: () => {
        leave();
        change.focus();
      },
    });
    listening.abort();
    change.classList.remove("is-recording");
    tell(t("{key} already means “{command}”.", { key, command: conflict.by.label }), use, keep);
    keep.focus();
  };
  change.classList.add("is-recording");
  tell(t("Press the new key for “{command}”. Esc leaves it as it is.", { command: command.label }));
  window.addEventListener("keydown", onKey, { signal, capture: true });
  window.addEventListener("pointerdown", leave, { signal, capture: true });
  change.addEventListener("blur", leave, { signal });
}

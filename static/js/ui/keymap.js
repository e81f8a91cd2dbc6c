// @ts-check
/**
 * Which keys run which command, for this person: the table's keys, with their own choices over it. Choices are kept with the
 * account, and in this browser for when the server is away; those made offline go to the account with the next page.
 */

import { updatePreferences } from "../api.js";
import { capsOf, isChord, isReserved } from "../core/chords.js";
import { t } from "../core/translate.js";
import { COMMANDS } from "./commands.js";
import { h } from "./dom.js";

/** @typedef {import("./commands.js").Command} Command */
/** @typedef {Record<string, string[]>} Choices  command id → chords */

/** Event "change": other keys hold. */
export class Keymap extends EventTarget {
  #commands;
  /** @type {Choices} */
  #choices = {};
  #storageKey = "";
  /** @type {Map<string, Command>} */
  #byChord = new Map();

  /** @param {readonly Command[]} [commands] */
  constructor(commands = COMMANDS) {
    super();
    this.#commands = commands;
    this.#index();
  }

  /** Take over a person's choices. @param {import("../types.js").User} user */
  load(user) {
    this.#storageKey = `keys:${user.id}`;
    const kept = /** @type {{choices?: unknown, unsent?: boolean} | null} */ (recall(this.#storageKey));
    this.#choices = readChoices(kept?.unsent ? kept.choices : (user.preferences.keys ?? kept?.choices));
    this.#index();
    if (kept?.unsent) this.#send();
    else remember(this.#storageKey, { choices: this.#choices });
    window.addEventListener("storage", ({ key }) => key === this.#storageKey && this.#reread());
  }

  get commands() {
    return this.#commands;
  }

  /** The command's chords, the main one first. @param {string} id @returns {readonly string[]} */
  keysOf(id) {
    return this.#choices[id] ?? this.#find(id).keys;
  }

  /** @param {string} chord */
  commandAt(chord) {
    return this.#byChord.get(chord);
  }

  /** Whether the person has chosen other keys. @param {string} [id] any command when left out */
  isChanged(id) {
    return id === undefined ? Object.keys(this.#choices).length > 0 : id in this.#choices;
  }

  /**
   * Why a chord cannot simply be given to a command.
   *
   * @param {string} id
   * @param {string} chord
   * @returns {{kind: "reserved"} | {kind: "taken", by: Command} | null} null when it can
   */
  conflict(id, chord) {
    if (isReserved(chord) || !isChord(chord)) return { kind: "reserved" };
    const by = this.#byChord.get(chord);
    if (!by || by.id === id) return null;
    return by.fixed ? { kind: "reserved" } : { kind: "taken", by };
  }

  /** Give a command one chord in place of all it had; another command that had it loses it. */
  assign(/** @type {string} */ id, /** @type {string} */ chord) {
    const by = this.#byChord.get(chord);
    if (by && by.id !== id)
      this.#choose(
        by,
        this.keysOf(by.id).filter((each) => each !== chord),
      );
    this.#choose(this.#find(id), [chord]);
    this.#changed();
  }

  /** Back to the table's keys, which another command may have to give up. @param {string} [id] all when left out */
  reset(id) {
    if (id === undefined) this.#choices = {};
    else {
      delete this.#choices[id];
      for (const chord of this.#find(id).keys) {
        const by = this.#commands.find((each) => each.id !== id && this.keysOf(each.id).includes(chord));
        if (by)
          this.#choose(
            by,
            this.keysOf(by.id).filter((each) => each !== chord),
          );
      }
    }
    this.#changed();
  }

  labelOf(/** @type {string} */ id) {
    return this.#find(id).label;
  }

  #find(/** @type {string} */ id) {
    const command = this.#commands.find((each) => each.id === id);
    if (!command) throw new Error(`There is no command ${id}.`);
    return command;
  }

  #choose(/** @type {Command} */ { id, keys }, /** @type {string[]} */ chords) {
    if (chords.join(" ") === keys.join(" ")) delete this.#choices[id];
    else this.#choices[id] = chords;
  }

  #index() {
    this.#byChord = new Map();
    // A person's own choice wins over a key that a later version of the table brings.
    const chosenLast = [...this.#commands].sort(
      (a, b) => Number(this.isChanged(a.id)) - Number(this.isChanged(b.id)),
    );
    for (const command of chosenLast)
      for (const chord of this.keysOf(command.id)) this.#byChord.set(chord, command);
  }

  #changed() {
    this.#index();
    this.#send();
    this.dispatchEvent(new Event("change"));
  }

  async #send() {
    const choices = structuredClone(this.#choices);
    remember(this.#storageKey, { choices, unsent: true });
    try {
      await updatePreferences({ keys: choices });
      if (JSON.stringify(choices) === JSON.stringify(this.#choices)) remember(this.#storageKey, { choices });
    } catch {
      // They hold in this browser, and reach the account with the next page.
    }
  }

  /** Another tab of this browser has changed them. */
  #reread() {
    const kept = /** @type {{choices?: unknown} | null} */ (recall(this.#storageKey));
    this.#choices = readChoices(kept?.choices);
    this.#index();
    this.dispatchEvent(new Event("change"));
  }
}

/** The keymap of this page; `load` gives it its person. */
export const keymap = new Keymap();

/** What is usable of stored choices. @param {unknown} stored @returns {Choices} */
export function readChoices(stored) {
  if (typeof stored !== "object" || stored === null) return {};
  const known = new Set(COMMANDS.filter(({ fixed }) => !fixed).map(({ id }) => id));
  return Object.fromEntries(
    Object.entries(stored)
      .filter(([id, chords]) => known.has(id) && Array.isArray(chords) && chords.every(isChord))
      .map(([id, chords]) => [id, [...chords]]),
  );
}

/**
 * Name a control with its command's present key in the tooltip, now and after every change of keys.
 *
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} id
 * @param {string} [text] the tooltip, when other than the command's label
 * @returns {T}
 */
export function keyed(element, id, text = keymap.labelOf(id)) {
  Object.assign(element.dataset, { command: id, tooltipText: text });
  showKeyOf(element);
  return element;
}

/**
 * The key cap of a command, kept up to date; empty and hidden when it has no key.
 *
 * @param {string} id
 * @param {{brief?: boolean}} [options] brief: where only one character has room
 */
export function keyCap(id, { brief = false } = {}) {
  const element = h("kbd", { "data-key-of": id, "data-brief": brief });
  showCap(element);
  return element;
}

keymap.addEventListener("change", () => {
  /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-tooltip-text]")).forEach(
    showKeyOf,
  );
  /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key-of]")).forEach(showCap);
});

function showKeyOf(/** @type {HTMLElement} */ element) {
  const { command = "", tooltipText = "" } = element.dataset;
  const [chord] = keymap.keysOf(command);
  element.dataset.tooltip = chord ? `${tooltipText}  ${capsOf(chord).join(" ")}` : tooltipText;
  if (chord) element.setAttribute("aria-keyshortcuts", ariaChord(chord));
  else element.removeAttribute("aria-keyshortcuts");
}

function showCap(/** @type {HTMLElement} */ element) {
  const [chord] = keymap.keysOf(element.dataset.keyOf ?? "");
  element.textContent = chord ? capsOf(chord).join(" ") : "";
  element.hidden = !chord || ("brief" in element.dataset && element.textContent.length > 1);
}

/** A sentence's word for a command's key: "Tab". @param {string} id */
export function keyName(id) {
  const [chord] = keymap.keysOf(id);
  return chord ? capsOf(chord).join("+") : t("no key");
}

/** As WAI-ARIA names keys. @param {string} chord */
function ariaChord(chord) {
  return chord.replace("Ctrl+", "Control+").replace(/(?<=^|\+)\+$/, "Plus");
}

/** @param {string} key @returns {unknown} */
function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may have no storage: then it lasts as long as the page.
  }
}

// @ts-check
/**
 * Chords: a key with its modifiers as text, "Ctrl+Alt+Shift+Z" in this order. Cmd counts as Ctrl.
 *
 * What a key cap says decides, so that the letters of the shortcut sheet are those on any Latin keyboard. A key that writes
 * no Latin character there (another script, an accent, a dead key, the digits of AZERTY) falls back to its place.
 */

/** @typedef {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey"> &
 *   {getModifierState?: (name: string) => boolean}} KeyEvent */

const MODIFIERS = new Set(["Control", "Meta", "Alt", "AltGraph", "Shift", "CapsLock", "Fn"]);
/** Characters by place, where they are neither letters nor digits. @type {Record<string, string>} */
const PLACES = {
  BracketLeft: "[",
  BracketRight: "]",
  Minus: "-",
  Equal: "=",
  Comma: ",",
  Period: ".",
  Slash: "/",
};
/** Chords that browsers keep for themselves, or that mean the same everywhere. */
const RESERVED = new Set(
  "Ctrl+W Ctrl+T Ctrl+N Ctrl+R Ctrl+L Ctrl+Shift+W Ctrl+Shift+T Ctrl+Shift+N Ctrl+Tab Ctrl+Shift+Tab F5 F11 F12".split(
    " ",
  ),
);
/** How keys without a character of their own are printed. @type {Record<string, string>} */
const CAPS = {
  Escape: "Esc",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backspace: "⌫",
  PageUp: "PgUp",
  PageDown: "PgDn",
};

/**
 * The chords that an event may stand for, the likeliest first: by character, then by place. Empty for a modifier alone.
 *
 * @param {KeyEvent} event
 * @returns {string[]}
 */
export function chordsOf(event) {
  if (MODIFIERS.has(event.key)) return [];
  const written = byCharacter(event);
  const placed = byPlace(event);
  return placed && placed !== written ? [written, placed] : [written];
}

/** Shift counts only where it does not make another character. */
function byCharacter(/** @type {KeyEvent} */ event) {
  if (event.key.length > 1) return modified(event, event.key, event.shiftKey);
  const letter = event.key.toUpperCase();
  return modified(event, letter === " " ? "Space" : letter, event.shiftKey && /^[A-Z ]$/.test(letter));
}

/** @param {KeyEvent} event @returns {string | null} */
function byPlace(event) {
  const latin = /^[a-zA-Z0-9]$/.test(event.key) && !event.altKey;
  if (latin || (event.key.length > 1 && event.key !== "Dead")) return null;
  if (event.code.startsWith("Key")) return modified(event, event.code.slice(3), event.shiftKey);
  if (event.shiftKey) return null;
  if (/^Digit\d$/.test(event.code)) return modified(event, event.code.slice(5), false);
  return event.code in PLACES ? modified(event, PLACES[event.code], false) : null;
}

/** AltGr makes characters, it does not command; some systems report it as Ctrl and Alt. */
function modified(/** @type {KeyEvent} */ event, /** @type {string} */ key, /** @type {boolean} */ shift) {
  const writes = event.getModifierState?.("AltGraph") ?? false;
  const control = (event.ctrlKey || event.metaKey) && !writes ? "Ctrl+" : "";
  const alt = event.altKey && !writes ? "Alt+" : "";
  return `${control}${alt}${shift ? "Shift+" : ""}${key}`;
}

/** Whether a chord cannot be given to a command. @param {string} chord */
export function isReserved(chord) {
  return RESERVED.has(chord) || /(^|\+)(Escape|Space)$/.test(chord);
}

/** Whether text is a chord as this module writes it. @param {unknown} chord @returns {chord is string} */
export function isChord(chord) {
  return (
    typeof chord === "string" && /^(Ctrl\+)?(Alt\+)?(Shift\+)?([^\s]|[A-Z][A-Za-z0-9]{1,15})$/.test(chord)
  );
}

/** The key caps of a chord, as people read them: "Ctrl+Shift+Z" → Ctrl, Shift, Z. @param {string} chord */
export function capsOf(chord) {
  return chord.split(/(?<=.)\+(?=.)/).map((part) => CAPS[part] ?? part);
}

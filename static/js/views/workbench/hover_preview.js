/**
 * Whether the mask under the pointer is previewed: what the person chose in this browser; before that, whatever this
 * machine can do fluently, as measured.
 */

const KEY = "annotator.preview";
/** Slower decodes would trail behind the pointer, milliseconds. */
const FLUENT_MS = 60;
/** Leaves the first moments after opening to the person. */
const MEASURE_AFTER_MS = 400;

/**
 * @param {import("../../editor.js").Editor} editor
 * @param {(on: boolean) => void} apply
 * @returns {() => boolean} turns it over and remembers that
 */
export function mountHoverPreview(editor, apply) {
  let chosen = stored();
  let on = false;
  let measuring = false;
  const set = (/** @type {boolean} */ value) => {
    if (value === on) return;
    on = value;
    apply(on);
    if (!on) editor.clearPreview();
  };

  const decide = () => {
    const { decodeMs } = editor;
    if (chosen !== null) return set(chosen);
    if (decodeMs !== null) return set(decodeMs < FLUENT_MS);
    if (!editor.canPrompt || measuring) return;
    measuring = true;
    setTimeout(async () => {
      if (editor.decodeMs === null) await editor.measureDecode();
      measuring = false;
    }, MEASURE_AFTER_MS);
  };
  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("decoder")) decide();
  });
  decide();

  return () => {
    chosen = !on;
    try {
      localStorage.setItem(KEY, chosen ? "on" : "off");
    } catch {
      // Storage can be forbidden: the choice then lasts until the page is left.
    }
    set(chosen);
    return chosen;
  };
}

/** @returns {boolean | null} */
function stored() {
  try {
    const value = localStorage.getItem(KEY);
    return value === null ? null : value === "on";
  } catch {
    return null;
  }
}

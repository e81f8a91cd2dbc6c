/**
 * Where the keyboard is. A button that was clicked gives it back to the image; a control reached by Tab keeps it. The image shows
 * a ring only when Tab brought the keyboard to it: whoever clicked the image and then presses a key, Tab through the
 * candidates too, knows where the keyboard is.
 */

/** @param {HTMLElement} stage */
export function keepFocusOnImage(stage) {
  /** @type {Event | null} */
  let last = null;
  const ring = (/** @type {boolean} */ shown) => stage.classList.toggle("is-reached-by-keyboard", shown);
  const note = (/** @type {Event} */ event) => {
    last = event;
  };
  window.addEventListener("keydown", note, { capture: true });
  window.addEventListener("pointerdown", note, { capture: true });
  stage.addEventListener("pointerdown", () => ring(false), { capture: true });
  stage.addEventListener("focus", () =>
    ring(last instanceof KeyboardEvent && last.key === "Tab" && !last.defaultPrevented),
  );
  stage.addEventListener("blur", () => ring(false));
  document.addEventListener("click", giveBack);
}

/** A press of Enter or Space on a focused button has no detail: the keyboard stays there. @param {MouseEvent} event */
function giveBack(event) {
  const { activeElement } = document;
  const clicked =
    event.detail > 0 && activeElement instanceof HTMLElement && activeElement.matches("button, a");
  if (clicked && !activeElement.closest("dialog")) activeElement.blur();
}

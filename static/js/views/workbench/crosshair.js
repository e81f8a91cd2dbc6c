/** Two hair lines through the pointer, to line up box corners: moved by the compositor, nothing is repainted. */

import { h } from "../../ui/dom.js";

/**
 * @param {HTMLElement} host element over the image
 * @param {HTMLElement} stage the image, which gets the pointer
 * @returns {{show: (on: boolean) => void}}
 */
export function mountCrosshair(host, stage) {
  const across = h("div", { class: "wb-hair across" });
  const down = h("div", { class: "wb-hair down" });
  const element = h("div", { class: "wb-crosshair", "aria-hidden": "true", hidden: true }, across, down);
  host.append(element);
  const move = (/** @type {PointerEvent} */ event) => {
    const box = stage.getBoundingClientRect();
    across.style.transform = `translateY(${event.clientY - box.top}px)`;
    down.style.transform = `translateX(${event.clientX - box.left}px)`;
    element.classList.add("is-inside");
  };
  const leave = () => element.classList.remove("is-inside");
  return {
    show(on) {
      element.hidden = !on;
      const change = on ? "addEventListener" : "removeEventListener";
      stage[change]("pointermove", /** @type {EventListener} */ (move));
      stage[change]("pointerleave", leave);
    },
  };
}

/** Tabs whose open one stands in the address, so that reload and links keep it. */
import { h } from "./dom.js";

/** @typedef {{name: string, label: string, section: {element: HTMLElement, show?: () => void}}} Tab */

/**
 * The list of tabs; the caller places the sections' elements.
 * @param {string} label
 * @param {Tab[]} entries the first is open when the address names none
 */
export function createTabs(label, entries) {
  const choices = entries.map(({ name, label: text, section }) => {
    section.element.id = `panel-${name}`;
    section.element.setAttribute("role", "tabpanel");
    section.element.setAttribute("aria-labelledby", `tab-${name}`);
    return h(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}` },
      text,
    );
  });
  const select = (/** @type {number} */ at, focus = false) => {
    entries.forEach(({ section }, index) => {
      section.element.hidden = index !== at;
      choices[index]?.setAttribute("aria-selected", String(index === at));
      if (choices[index]) choices[index].tabIndex = index === at ? 0 : -1;
    });
    history.replaceState(null, "", at ? `#${entries[at]?.name}` : location.pathname + location.search);
    if (focus) choices[at]?.focus();
    entries[at]?.section.show?.();
  };
  choices.forEach((choice, at) => {
    choice.addEventListener("click", () => select(at));
    choice.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select((at + step + choices.length) % choices.length, true);
    });
  });
  const wanted = entries.findIndex(({ name }) => `#${name}` === location.hash);
  select(Math.max(0, wanted));
  return h("div", { class: "tabs", role: "tablist", "aria-label": label }, choices);
}

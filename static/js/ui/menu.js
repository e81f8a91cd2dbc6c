/** Pop-up menus on the platform's popover: light dismiss and Esc come with it; arrows move between entries. */
import { h, icon } from "./dom.js";

/**
 * @typedef {{label: string, icon?: string, run?: () => void, href?: string, danger?: boolean, checked?: boolean}
 *   | {heading: string} | "separator"} MenuItem
 */

/**
 * Make `trigger` open a menu. `items` is asked each time, so that it can depend on state.
 * @param {HTMLButtonElement} trigger
 * @param {() => MenuItem[]} items
 */
export function attachMenu(trigger, items) {
  trigger.setAttribute("aria-haspopup", "menu");
  trigger.setAttribute("aria-expanded", "false");
  // The press that dismisses the open menu must not open it again with its click.
  let wasOpen = false;
  trigger.addEventListener("pointerdown", () => {
    wasOpen = trigger.getAttribute("aria-expanded") === "true";
  });
  trigger.addEventListener("click", () => {
    if (wasOpen) {
      wasOpen = false;
      return;
    }
    const menu = h(
      "div",
      { class: "menu", role: "menu", popover: "auto" },
      items().map((i) => entry(i, trigger)),
    );
    trigger.after(menu);
    menu.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") return;
      const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
      trigger.setAttribute("aria-expanded", "false");
      menu.remove();
      if (hadFocus) trigger.focus({ preventScroll: true });
    });
    menu.addEventListener("keydown", (event) => moveFocus(event, menu));
    trigger.setAttribute("aria-expanded", "true");
    menu.showPopover();
    place(menu, trigger);
    /** @type {HTMLElement | null} */ (menu.querySelector("button, a"))?.focus();
  });
}

/**
 * @param {MenuItem} item
 * @param {HTMLElement} trigger
 */
function entry(item, trigger) {
  if (item === "separator") return h("hr", { role: "separator" });
  if ("heading" in item) return h("div", { class: "menu-heading", role: "presentation" }, item.heading);
  const props = {
    class: item.danger ? "danger" : "",
    role: item.checked === undefined ? "menuitem" : "menuitemradio",
    "aria-checked": item.checked === undefined ? null : String(item.checked),
  };
  const content = [item.icon ? icon(item.icon) : null, h("span", { class: "truncate" }, item.label)];
  if (item.href) return h("a", { ...props, href: item.href }, ...content);
  const run = () => {
    const menu = /** @type {HTMLElement | null} */ (trigger.nextElementSibling);
    if (menu?.matches(".menu:popover-open")) menu.hidePopover();
    trigger.focus({ preventScroll: true });
    item.run?.();
  };
  return h("button", { ...props, type: "button", onclick: run }, ...content);
}

/**
 * Below the trigger, aligned to the side with room, never outside the window.
 * @param {HTMLElement} menu
 * @param {HTMLElement} trigger
 */
function place(menu, trigger) {
  const gap = 6;
  const anchor = trigger.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const fitsBelow = anchor.bottom + gap + box.height <= window.innerHeight - gap;
  const top = fitsBelow ? anchor.bottom + gap : Math.max(gap, anchor.top - gap - box.height);
  const alignEnd = anchor.left + box.width > window.innerWidth - gap;
  const left = alignEnd ? Math.max(gap, anchor.right - box.width) : anchor.left;
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} menu
 */
function moveFocus(event, menu) {
  const entries = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button, a")]);
  const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  entries[(target + entries.length) % entries.length]?.focus();
}

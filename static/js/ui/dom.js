/** Small helpers to build DOM without inline markup: text is always text, so names can never become HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[]} Children */
/**
 * `class`, `dataset`, `style` (custom properties included) and `on…` listeners are special; booleans toggle an
 * attribute, null and undefined leave it out, anything else becomes an attribute.
 * @typedef {Record<string, unknown>} Props
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Create an element with properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  append(element, children);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {unknown} value
 */
function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function" && name.startsWith("on")) {
    element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else if (name === "dataset") {
    Object.assign(element.dataset, value);
  } else if (name === "style") {
    for (const [key, entry] of Object.entries(/** @type {Record<string, string>} */ (value))) {
      element.style.setProperty(key, entry);
    }
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Node} parent
 * @param {Children[]} children
 */
function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * Replace everything inside `parent`.
 * @param {Element} parent
 * @param {...Children} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * An icon of the page's sprite, hidden from assistive technology: label the control around it.
 * @param {string} name symbol id in templates/icons/sprite.svg, without "icon-"
 * @param {string} [size] "small" or "large"
 * @returns {SVGSVGElement}
 */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.appendChild(use);
  return svg;
}

/**
 * A button with an optional icon. `label` is its text.
 * @param {string} label
 * @param {{icon?: string, kind?: string} & Props} [props] kind: "primary", "danger", "ghost", "small" (combinable)
 * @returns {HTMLButtonElement}
 */
export function button(label, props = {}) {
  const { icon: iconName, kind = "", ...rest } = props;
  const attributes = { type: "button", ...rest, class: `button ${kind}`.trim() };
  return h("button", attributes, iconName ? icon(iconName) : null, label);
}

/**
 * A square button that shows only an icon; `label` is read out and shown as a tooltip.
 * @param {string} iconName
 * @param {string} label
 * @param {{kind?: string} & Props} [props]
 * @returns {HTMLButtonElement}
 */
export function iconButton(iconName, label, props = {}) {
  const { kind = "", ...rest } = props;
  const attributes = {
    type: "button",
    "aria-label": label,
    "data-tooltip": label,
    ...rest,
    class: `icon-button ${kind}`.trim(),
  };
  return h("button", attributes, icon(iconName));
}

/**
 * The element with this id, which the template promises to hold.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`#${id} is missing from the page or not a ${type.name}`);
  return element;
}

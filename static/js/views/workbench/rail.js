/** The tool rail: one button a tool with its key, the hover preview and hide-others switches, and the brush size. */

import { h, icon, iconButton, replace } from "../../ui/dom.js";

/** @typedef {"point_box" | "brush" | "eraser" | "polygon" | "select"} ToolName */

/** @type {{name: ToolName, icon: string, label: string, key: string}[]} */
const TOOLS = [
  { name: "point_box", icon: "square-dashed-mouse-pointer", label: "Points and boxes", key: "S" },
  { name: "brush", icon: "brush", label: "Brush", key: "B" },
  { name: "eraser", icon: "eraser", label: "Eraser", key: "E" },
  { name: "polygon", icon: "pentagon", label: "Polygon and lasso", key: "P" },
  { name: "select", icon: "mouse-pointer-2", label: "Select", key: "V" },
];

/**
 * @param {HTMLElement} rail
 * @param {import("../../tools/brush.js").BrushSize} size
 * @param {{tool: (name: ToolName) => void, cleanup: () => void, preview: () => void, snap: () => void, hide: () => void,
 *   fit: () => void}} run
 */
export function mountRail(rail, size, run) {
  const tools = TOOLS.map(({ name, icon: iconName, label, key }) => {
    const tooltip = {
      "data-tooltip": `${label}  ${key}`,
      "data-tooltip-side": "right",
      "aria-keyshortcuts": key,
    };
    return railButton(iconName, label, key, { ...tooltip, "data-tool": name, onclick: () => run.tool(name) });
  });
  const preview = railButton("eye", "Preview under the pointer", "", {
    "data-tooltip": "Preview the mask under the pointer",
    "data-tooltip-side": "right",
    "aria-pressed": "false",
    onclick: run.preview,
  });
  const hide = railButton("layers", "Hide other objects", "H", {
    "data-tooltip": "Hide other objects  H",
    "data-tooltip-side": "right",
    "aria-pressed": "false",
    onclick: run.hide,
  });
  const fit = railButton("maximize", "Fit image", "F", {
    "data-tooltip": "Fit the image  F",
    "data-tooltip-side": "right",
    onclick: run.fit,
  });
  const snap = railButton("wand-sparkles", "Snap every stroke", "", {
    "data-tooltip": "Give every stroke to the model  Shift+W",
    "data-tooltip-side": "right",
    "aria-keyshortcuts": "Shift+W",
    "aria-pressed": "false",
    onclick: run.snap,
  });
  const cleanup = railButton("sparkles", "Clean up the mask", "C", {
    "data-tooltip": "Clean up the mask  C",
    "data-tooltip-side": "right",
    "aria-keyshortcuts": "C",
    "aria-pressed": "false",
    onclick: run.cleanup,
  });
  const number = h("span", { class: "wb-brush-number tabular", "aria-live": "polite" });
  const sizeBox = h(
    "div",
    { class: "wb-brush", role: "group", "aria-label": "Brush size" },
    iconButton("plus", "Larger brush", {
      kind: "small",
      "data-tooltip": "Larger  ]",
      "data-tooltip-side": "right",
      onclick: () => size.grow(),
    }),
    number,
    iconButton("minus", "Smaller brush", {
      kind: "small",
      "data-tooltip": "Smaller  [",
      "data-tooltip-side": "right",
      onclick: () => size.shrink(),
    }),
  );
  const showSize = () => {
    number.textContent = String(Math.round(size.radius * 2));
    number.title = `Brush diameter: ${size.radius * 2} image pixels`;
  };
  size.addEventListener("change", showSize);
  showSize();
  replace(rail, ...tools, cleanup, h("hr"), sizeBox, snap, h("div", { class: "grow" }), preview, hide, fit);

  return {
    setTool(/** @type {ToolName} */ name) {
      for (const each of tools) each.setAttribute("aria-pressed", String(each.dataset.tool === name));
      snap.hidden = name !== "brush" && name !== "eraser";
      sizeBox.hidden = name !== "brush" && name !== "eraser";
    },
    setPreview: (/** @type {boolean} */ on) => preview.setAttribute("aria-pressed", String(on)),
    setCleanup: (/** @type {boolean} */ on) => cleanup.setAttribute("aria-pressed", String(on)),
    setSnap: (/** @type {boolean} */ on) => snap.setAttribute("aria-pressed", String(on)),
    setHidden(/** @type {boolean} */ on) {
      hide.setAttribute("aria-pressed", String(on));
    },
  };
}

function railButton(
  /** @type {string} */ iconName,
  /** @type {string} */ label,
  /** @type {string} */ key,
  /** @type {Record<string, unknown>} */ props,
) {
  const keyHint = key ? h("span", { class: "wb-key", "aria-hidden": "true" }, key) : null;
  return h(
    "button",
    { type: "button", class: "icon-button wb-tool", "aria-label": label, ...props },
    icon(iconName),
    keyHint,
  );
}

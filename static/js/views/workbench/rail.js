/** The tool rail: one button a tool with its key, the hover preview and hide-others switches, and the brush size. */

import { t } from "../../core/translate.js";
import { h, icon, iconButton, replace } from "../../ui/dom.js";
import { keyCap, keyed, keymap } from "../../ui/keymap.js";

/** @typedef {"point_box" | "brush" | "eraser" | "polygon" | "scribble" | "select"} ToolName */

/** @type {{name: ToolName, icon: string}[]} */
const TOOLS = [
  { name: "point_box", icon: "square-dashed-mouse-pointer" },
  { name: "scribble", icon: "lasso" },
  { name: "brush", icon: "brush" },
  { name: "eraser", icon: "eraser" },
  { name: "polygon", icon: "pentagon" },
  { name: "select", icon: "mouse-pointer-2" },
];

/**
 * @param {HTMLElement} rail
 * @param {import("../../tools/brush.js").BrushSize} size
 * @param {{tool: (name: ToolName) => void, cleanup: () => void, preview: () => void, snap: () => void,
 *   pressure: () => void, many: () => void, noOverlaps: () => void, hide: () => void, fit: () => void}} run
 */
export function mountRail(rail, size, run) {
  const tools = TOOLS.map(({ name, icon: iconName }) =>
    commandButton(iconName, `tool_${name}`, { "data-tool": name, onclick: () => run.tool(name) }),
  );
  const preview = railButton("eye", t("Preview under the pointer"), {
    "aria-pressed": "false",
    onclick: run.preview,
  });
  const hide = commandButton("layers", "hide_others", { "aria-pressed": "false", onclick: run.hide });
  const fit = commandButton("maximize", "fit", { onclick: run.fit });
  const snap = commandButton("wand-sparkles", "snap_strokes", { "aria-pressed": "false", onclick: run.snap });
  const pressure = commandButton("pencil", "pen_pressure", { "aria-pressed": "true", onclick: run.pressure });
  let hasPen = false;
  const cleanup = commandButton("sparkles", "cleanup", { "aria-pressed": "false", onclick: run.cleanup });
  const many = commandButton("shapes", "many_objects", { "aria-pressed": "false", onclick: run.many });
  const noOverlaps = commandButton("squares-exclude", "no_overlaps", {
    "aria-pressed": "false",
    onclick: run.noOverlaps,
  });
  const number = h("span", { class: "wb-brush-number tabular", "aria-live": "polite" });
  const sizeBox = h(
    "div",
    { class: "wb-brush", role: "group", "aria-label": t("Brush size") },
    sizeButton("plus", "brush_larger", () => size.grow()),
    number,
    sizeButton("minus", "brush_smaller", () => size.shrink()),
  );
  const showSize = () => {
    number.textContent = String(Math.round(size.radius * 2));
    number.title = t("Brush diameter: {size} image pixels", { size: size.radius * 2 });
  };
  size.addEventListener("change", showSize);
  showSize();
  replace(
    rail,
    ...tools,
    cleanup,
    h("hr"),
    many,
    noOverlaps,
    h("hr"),
    sizeBox,
    pressure,
    snap,
    h("div", { class: "grow" }),
    preview,
    hide,
    fit,
  );

  return {
    setTool(/** @type {ToolName} */ name) {
      for (const each of tools) each.setAttribute("aria-pressed", String(each.dataset.tool === name));
      snap.hidden = name !== "brush" && name !== "eraser";
      sizeBox.hidden = name !== "brush" && name !== "eraser";
      pressure.hidden = sizeBox.hidden || !hasPen;
    },
    /** Somebody works with a pen: what only concerns pens is shown from now on. */
    meetPen() {
      hasPen = true;
      pressure.hidden = sizeBox.hidden;
    },
    setPressure: (/** @type {boolean} */ on) => pressure.setAttribute("aria-pressed", String(on)),
    setPreview: (/** @type {boolean} */ on) => preview.setAttribute("aria-pressed", String(on)),
    setCleanup: (/** @type {boolean} */ on) => cleanup.setAttribute("aria-pressed", String(on)),
    setSnap: (/** @type {boolean} */ on) => snap.setAttribute("aria-pressed", String(on)),
    setModes(/** @type {{manyObjects: boolean, noOverlaps: boolean}} */ modes) {
      many.setAttribute("aria-pressed", String(modes.manyObjects));
      noOverlaps.setAttribute("aria-pressed", String(modes.noOverlaps));
    },
    setHidden(/** @type {boolean} */ on) {
      hide.setAttribute("aria-pressed", String(on));
    },
  };
}

/** @param {string} iconName @param {string} label @param {Record<string, unknown>} props */
function railButton(iconName, label, props) {
  return h(
    "button",
    {
      type: "button",
      class: "icon-button wb-tool",
      "aria-label": label,
      "data-tooltip": label,
      "data-tooltip-side": "right",
      ...props,
    },
    icon(iconName),
  );
}

/** A button that shows its command's key. @param {string} iconName @param {string} id @param {Record<string, unknown>} props */
function commandButton(iconName, id, props) {
  const element = railButton(iconName, keymap.labelOf(id), props);
  const cap = keyCap(id, { brief: true });
  cap.className = "wb-key";
  cap.setAttribute("aria-hidden", "true");
  element.append(cap);
  return keyed(element, id);
}

/** @param {string} iconName @param {string} id @param {() => void} onclick */
function sizeButton(iconName, id, onclick) {
  const props = { kind: "small", "data-tooltip-side": "right", onclick };
  return keyed(iconButton(iconName, keymap.labelOf(id), props), id);
}

/** Brings what a person chose to see onto the screen: masks, tones, cross-hair, overview, and the popover to choose it. */

import { mountCrosshair } from "./crosshair.js";
import { mountMinimap } from "./minimap.js";
import { mountViewMenu } from "./view_menu.js";

/** @typedef {import("./view_settings.js").ViewValues} ViewValues */

/**
 * @param {{menu: HTMLElement, stage: HTMLElement}} slots
 * @param {import("./view_settings.js").ViewSettings} settings
 * @param {{editor: import("../../editor.js").Editor, stage: import("../../canvas.js").Stage,
 *   decoders: import("./decoders.js").Decoders, hide: () => void}} context
 */
export function mountSeeing(slots, settings, { editor, stage, decoders, hide }) {
  const over = /** @type {HTMLElement} */ (slots.stage.parentElement);
  const crosshair = mountCrosshair(over, slots.stage);
  const minimap = mountMinimap(over, stage, editor);
  mountViewMenu(slots.menu, settings, { editor, decoders, hide });

  /** @type {Partial<ViewValues>} */
  let shown = {};
  const apply = () => {
    const next = settings.value;
    const differs = (/** @type {(keyof ViewValues)[]} */ ...names) =>
      names.some((name) => next[name] !== shown[name]);
    if (differs("opacity", "outlineOnly")) stage.setLook(next);
    if (differs("brightness", "contrast", "gamma", "local")) stage.setAdjustment(next);
    if (differs("colors", "safeColors")) editor.setColorScheme({ by: next.colors, safe: next.safeColors });
    if (differs("crosshair")) crosshair.show(next.crosshair);
    if (differs("minimap")) minimap.show(next.minimap);
    shown = next;
  };
  settings.addEventListener("change", apply);
  apply();
}

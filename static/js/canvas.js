/**
 * The picture on screen: four stacked canvases (photograph, saved objects, draft, marks), each repainted at most once per
 * animation frame and only when what it shows has changed. Knows the editor's state, changes none of it.
 */

import { Adjuster } from "./canvas/adjuster.js";
import { CarriedOverlays } from "./canvas/carried.js";
import { cutByDraft } from "./canvas/cut.js";
import { DraftLayer } from "./canvas/draft_layer.js";
import { createLayers, LAYERS, paintPhotograph } from "./canvas/layers.js";
import { handleAt } from "./canvas/marks.js";
import { allMarks, NO_MARKS, paintMarks } from "./canvas/marks_layer.js";
import { styleOf } from "./canvas/object_style.js";
import { ObjectsLayer } from "./canvas/objects_layer.js";
import { FILL_OPACITY } from "./canvas/overlay.js";
import * as views from "./canvas/viewport.js";
import { isNeutral } from "./core/adjust.js";
import { unionRect } from "./core/bitmap.js";

/** @typedef {import("./canvas/viewport.js").Viewport} Viewport */
/** @typedef {import("./canvas/overlay.js").DeviceView} DeviceView */
/** @typedef {import("./canvas/adjuster.js").Picture} Picture */
/** @typedef {import("./core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./core/bitmap.js").Rect} Rect */
/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./canvas/marks_layer.js").ToolMarks} ToolMarks */
/** @typedef {import("./canvas/layers.js").LayerName} LayerName */
/** @typedef {{opacity: number, outlineOnly: boolean}} Look how masks are painted; opacity of their inside, 0 … 1 */

/** rgb(0,114,189) at 40 %: the preview colour of Meta's demo. */
const PREVIEW = /** @type {[number, number, number]} */ ([0, 114, 189]);
const CRISP_FROM = 4;
/** The fill of the selected object against the others. */
const SELECTED = 1.375;
/** Outline in CSS pixels: saved objects, draft. */
const [OUTLINE, DRAFT_OUTLINE] = [1.5, 2];

export class Stage extends EventTarget {
  #contexts;
  /** @type {Set<LayerName>} */
  #dirty = new Set();
  /** @type {Rect | null} image pixels of the draft that changed; null means all */
  #draftDirty = null;
  /** The draft's colour when it was last looked at: another one repaints all of it. */
  #draftLook = "null";
  #frame = 0;
  /** @type {Picture | null} */
  #pyramid = null;
  /** Display adjustments, if any. @type {Adjuster | null} */
  #adjuster = null;
  /** @type {Look} */
  #look = { opacity: FILL_OPACITY, outlineOnly: false };
  #objects;
  #draft;
  #overlays;
  #ratio = 1;
  /** @type {Viewport} */
  #viewport = { scale: 1, x: 0, y: 0, width: 1, height: 1 };
  #fitted = true;
  #observer;

  /** What the tools add, through {@link setMarks}. @type {ToolMarks} */
  #marks = NO_MARKS;

  /**
   * @param {HTMLElement} host element that the canvases fill
   * @param {Editor} editor
   */
  constructor(host, editor) {
    super();
    this.host = host;
    this.editor = editor;
    this.#contexts = createLayers(host);
    this.#objects = new ObjectsLayer(this.#contexts.objects);
    this.#draft = new DraftLayer(this.#contexts.draft);
    const overlays = [this.#contexts.objects.canvas, this.#contexts.draft.canvas];
    this.#overlays = new CarriedOverlays(overlays, () => this.#invalidateOverlays());
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(host);
    this.#resize();
    editor.addEventListener("change", this.#onChange);
  }

  get viewport() {
    return this.#viewport;
  }

  get hasImage() {
    return this.#pyramid !== null;
  }

  /** Nothing in sight is drawn coarser than the photograph is. */
  get isSharp() {
    return this.#pyramid?.isSharp ?? true;
  }

  /**
   * Show another photograph, fitted; it belongs to the stage from now on.
   *
   * @param {Picture | null} picture
   */
  setImage(picture) {
    this.#pyramid?.close();
    this.#pyramid = picture;
    this.#pyramid?.start(() => this.invalidate("image"));
    this.#marks = NO_MARKS;
    this.fit();
  }

  fit() {
    this.#fitted = true;
    this.#setViewport(views.fit(this.#size, this.#viewport));
  }

  /** How an image of this size is seen at first. @returns {DeviceView} */
  firstView(/** @type {views.Size} */ size) {
    const { scale, x, y, width, height } = views.fit(size, this.#viewport);
    const ratio = this.#ratio;
    return { scale: scale * ratio, x: x * ratio, y: y * ratio, width: width * ratio, height: height * ratio };
  }

  /** Tone the photograph on screen; what is stored stays as it is. */
  setAdjustment(/** @type {import("./core/adjust.js").Adjustment} */ adjustment) {
    this.#adjuster = isNeutral(adjustment) ? null : new Adjuster(adjustment);
    this.invalidate("image");
  }

  setLook(/** @type {Look} */ look) {
    this.#look = look;
    this.#invalidateOverlays();
  }

  get imageSize() {
    return this.#size;
  }

  /** Bring an image point to the middle of the view. */
  centerOn(/** @type {number} */ x, /** @type {number} */ y) {
    const [vx, vy] = views.toView(this.#viewport, x, y);
    this.pan(this.#viewport.width / 2 - vx, this.#viewport.height / 2 - vy);
  }

  /** Zoom around a view position, or around the middle. */
  zoom(/** @type {number} */ factor, x = this.#viewport.width / 2, y = this.#viewport.height / 2) {
    this.#fitted = false;
    this.#setViewport(views.zoomAt(this.#viewport, this.#size, factor, x, y));
  }

  pan(/** @type {number} */ dx, /** @type {number} */ dy) {
    this.#fitted = false;
    this.#setViewport(views.panBy(this.#viewport, this.#size, dx, dy));
  }

  /**
   * Position of a pointer event in the view, CSS pixels.
   *
   * @param {{clientX: number, clientY: number}} event
   * @returns {[number, number]}
   */
  viewPoint(event) {
    const box = this.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /**
   * Position of a pointer event in the image frame: pixel centres at integers.
   *
   * @param {{clientX: number, clientY: number}} event
   * @returns {[number, number]}
   */
  imagePoint(event) {
    const [x, y] = views.toImage(this.#viewport, ...this.viewPoint(event));
    return [x - 0.5, y - 0.5];
  }

  /** Image frame (pixel centres at integers) → page coordinates, for tests and menus. */
  pagePoint(/** @type {number} */ x, /** @type {number} */ y) {
    const box = this.host.getBoundingClientRect();
    const [vx, vy] = views.toView(this.#viewport, x + 0.5, y + 0.5);
    return [vx + box.left, vy + box.top];
  }

  /** The point or box corner under a pointer event. */
  handleAt(/** @type {{clientX: number, clientY: number}} */ event) {
    return handleAt(this.#viewport, allMarks(this.editor, this.#marks), ...this.viewPoint(event));
  }

  /** @param {Partial<ToolMarks>} marks */
  setMarks(marks) {
    this.#marks = { ...this.#marks, ...marks };
    this.invalidate("marks");
  }

  /**
   * Ask for a repaint in the next animation frame.
   *
   * @param {LayerName} layer
   * @param {Rect | null} [rect] for the draft layer: the image pixels that changed
   */
  invalidate(layer, rect = null) {
    if (layer === "draft") {
      if (!rect || (this.#dirty.has("draft") && !this.#draftDirty)) this.#draftDirty = null;
      else this.#draftDirty = this.#draftDirty ? unionRect(this.#draftDirty, rect) : rect;
    }
    this.#dirty.add(layer);
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  /**
   * Draw a part of the photograph elsewhere, for thumbnails.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {{x: number, y: number, scale: number, width: number, height: number}} crop left and top in image pixels,
   *   target pixels per image pixel, target size
   */
  drawCrop(context, { x, y, scale, width, height }) {
    this.#pyramid?.draw(context, { scale, x: -x * scale, y: -y * scale, width, height });
  }

  destroy() {
    this.#observer.disconnect();
    this.editor.removeEventListener("change", this.#onChange);
    cancelAnimationFrame(this.#frame);
    this.#overlays.destroy();
    this.#pyramid?.close();
    this.host.replaceChildren();
  }

  #onChange = (/** @type {Event} */ event) => {
    const { kinds, rect } = /** @type {import("./editor.js").ChangeEvent} */ (event).detail;
    const cuts = this.editor.noOverlaps && (kinds.has("draft") || (kinds.has("mask") && !rect));
    if (cuts || kinds.has("objects") || kinds.has("categories") || kinds.has("selection"))
      this.invalidate("objects");
    const look = String(this.editor.draftColor());
    if (look !== this.#draftLook) this.invalidate("draft");
    else if (kinds.has("mask")) this.invalidate("draft", rect);
    this.#draftLook = look;
    const marked = kinds.has("draft") || kinds.has("selection") || kinds.has("objects");
    if (marked || kinds.has("look")) this.invalidate("marks");
  };

  get #size() {
    return this.#pyramid ?? { width: 1, height: 1 };
  }

  #setViewport(/** @type {Viewport} */ viewport) {
    this.#viewport = viewport;
    this.invalidate("image");
    this.invalidate("marks");
    this.#overlays.follow(viewport);
    this.dispatchEvent(new Event("view"));
  }

  #invalidateOverlays() {
    this.invalidate("objects");
    this.invalidate("draft");
  }

  #resize() {
    const { width, height } = this.host.getBoundingClientRect();
    if (!width || !height) return;
    this.#ratio = window.devicePixelRatio || 1;
    for (const name of LAYERS) {
      const { canvas } = this.#contexts[name];
      canvas.width = Math.round(width * this.#ratio);
      canvas.height = Math.round(height * this.#ratio);
    }
    const view = { width, height };
    this.#setViewport(
      this.#fitted
        ? views.fit(this.#size, { ...this.#viewport, ...view })
        : views.resized(this.#viewport, this.#size, view),
    );
    this.#objects.forget();
    this.#draft.forget();
    this.#invalidateOverlays();
    // A resized canvas is blank: paint now, not a frame later.
    cancelAnimationFrame(this.#frame);
    this.#paint();
  }

  #paint() {
    this.#frame = 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const start = performance.now();
    const touched = dirty.has("objects") || (dirty.has("draft") && !this.#draftDirty);
    const moved = touched && this.#overlays.settle(this.#viewport);
    if (moved) {
      dirty.add("objects").add("draft");
      this.#draftDirty = null;
    }
    if (dirty.has("image")) this.#paintImage();
    if (dirty.has("objects")) this.#paintObjects();
    const beforeDraft = performance.now();
    if (dirty.has("draft")) this.#paintDraft(this.#draftDirty);
    const end = performance.now();
    if (moved) this.#overlays.measured(end - start);
    if (dirty.has("draft")) {
      this.#draftDirty = null;
      this.editor.painted(end - beforeDraft);
    }
    if (dirty.has("marks")) {
      const { editor } = this;
      const scene = { viewport: this.#viewport, ratio: this.#ratio, size: this.#size, editor };
      paintMarks(this.#contexts.marks, { ...scene, added: this.#marks });
    }
  }

  #paintImage() {
    const context = this.#contexts.image;
    const { width, height } = context.canvas;
    paintPhotograph(context, this.#deviceView(width, height), {
      picture: this.#pyramid,
      adjuster: this.#adjuster,
      smooth: this.#viewport.scale < CRISP_FROM,
    });
    if (!this.#pyramid) return;
    const sharp = String(this.isSharp);
    if (this.host.dataset.sharp === sharp) return;
    this.host.dataset.sharp = sharp;
    this.dispatchEvent(new Event("sharp"));
  }

  #paintObjects() {
    const { canvas } = this.#contexts.objects;
    const view = this.#deviceView(canvas.width, canvas.height);
    const shown = this.editor.visibleObjects();
    const objects = shown.map((object) => ({
      id: object.id,
      runs: object.runs,
      style: styleOf(this.editor, object, this.#fill),
    }));
    const thickness = Math.round(OUTLINE * this.#ratio);
    this.#objects.paint({ view, objects, thickness }, cutByDraft(this.editor, view, shown));
  }

  /** Opacity inside masks. */
  get #fill() {
    return this.#look.outlineOnly ? 0 : this.#look.opacity;
  }

  /** Repaint the draft where it changed: `rect` in image pixels, or everything. */
  #paintDraft(/** @type {Rect | null} */ rect) {
    const { canvas } = this.#contexts.draft;
    const bitmap = this.editor.draftBitmap();
    const selected = this.editor.draftColor();
    const style = {
      color: selected ?? PREVIEW,
      fill: selected ? Math.min(this.#fill * SELECTED, 1) : this.#fill,
      outline: 1,
    };
    const shown = { bitmap, bounds: bitmap ? this.editor.draftBounds() : null, style };
    const view = this.#deviceView(canvas.width, canvas.height);
    this.#draft.paint(view, shown, Math.round(DRAFT_OUTLINE * this.#ratio), rect);
  }

  /** @returns {DeviceView} */
  #deviceView(/** @type {number} */ width, /** @type {number} */ height) {
    const { scale, x, y } = this.#viewport;
    return { scale: scale * this.#ratio, x: x * this.#ratio, y: y * this.#ratio, width, height };
  }
}

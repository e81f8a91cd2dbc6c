/**
 * The picture on screen: four stacked canvases (photograph, saved objects, draft, marks), each repainted at most once per
 * animation frame and only when what it shows has changed. Knows the editor's state, changes none of it.
 */

import { Adjuster } from "./canvas/adjuster.js";
import { drawArranged } from "./canvas/arranged.js";
import { drawCropFrame } from "./canvas/crop_frame.js";
import { drawMarks, handleAt } from "./canvas/marks.js";
import { styleOf } from "./canvas/object_style.js";
import { colourLabels, cutLabels, FILL_OPACITY, labelBitmap, labelRuns } from "./canvas/overlay.js";
import { drawPixelGrid } from "./canvas/pixel_grid.js";
import { ImagePyramid } from "./canvas/pyramid.js";
import * as views from "./canvas/viewport.js";
import { isNeutral } from "./core/adjust.js";
import { isEmptyRect, unionRect } from "./core/bitmap.js";

/** @typedef {import("./canvas/viewport.js").Viewport} Viewport */
/** @typedef {import("./canvas/marks.js").Marks} Marks */
/** @typedef {import("./canvas/overlay.js").Style} Style */
/** @typedef {import("./canvas/overlay.js").DeviceView} DeviceView */
/** @typedef {import("./canvas/tiles.js").TiledPicture} TiledPicture */
/** @typedef {import("./core/bitmap.js").Bitmap} Bitmap */
/** @typedef {import("./core/bitmap.js").Rect} Rect */
/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {Pick<Marks, "hovered" | "rubberBand" | "path"> & {dragged: {index: number, at: [number, number]} | null}} ToolMarks */
/** @typedef {"image" | "objects" | "draft" | "marks"} LayerName */
/** @typedef {{opacity: number, outlineOnly: boolean}} Look how masks are painted; opacity of their inside, 0 … 1 */

const LAYERS = /** @type {const} */ (["image", "objects", "draft", "marks"]);
/** rgb(0,114,189) at 40 %: the preview colour of Meta's demo. */
const PREVIEW = /** @type {[number, number, number]} */ ([0, 114, 189]);
/** Overlays dearer than this are moved with the view and repainted when it rests. */
const FLUENT_MS = 9;
const REST_MS = 90;
const CRISP_FROM = 4;
/** The fill of the selected object against the others. */
const SELECTED = 1.375;
/** Outline in CSS pixels: saved objects, draft. */
const [OUTLINE, DRAFT_OUTLINE] = [1.5, 2];
/** @type {ToolMarks} */
const NO_MARKS = { hovered: null, rubberBand: null, path: null, dragged: null };

export class Stage extends EventTarget {
  /** @type {Record<LayerName, CanvasRenderingContext2D>} */
  #contexts;
  /** @type {Set<LayerName>} */
  #dirty = new Set();
  /** @type {Rect | null} image pixels of the draft that changed; null means all */
  #draftDirty = null;
  /** The draft's colour when it was last looked at: another one repaints all of it. */
  #draftLook = "null";
  /** @type {{scale: number, x: number, y: number} | null} view at which the overlays were painted */
  #overlayView = null;
  #overlayMs = 0;
  #frame = 0;
  #restTimer = 0;
  /** @type {ImagePyramid | TiledPicture | null} */
  #pyramid = null;
  /** Display adjustments, if any. @type {Adjuster | null} */
  #adjuster = null;
  /** @type {Look} */
  #look = { opacity: FILL_OPACITY, outlineOnly: false };
  /** @type {Rect | null} device pixels that hold paint in the draft layer */
  #draftPainted = null;
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
    const made = LAYERS.map((name) => {
      const canvas = document.createElement("canvas");
      canvas.className = `layer layer-${name}`;
      canvas.setAttribute("aria-hidden", "true");
      host.append(canvas);
      const context = canvas.getContext("2d", { alpha: true, desynchronized: false });
      if (!context) throw new Error("this browser gave no 2D canvas");
      return /** @type {const} */ ([name, context]);
    });
    this.#contexts = /** @type {Record<LayerName, CanvasRenderingContext2D>} */ (Object.fromEntries(made));
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
   * @param {ImageBitmap | TiledPicture | null} picture
   */
  setImage(picture) {
    this.#pyramid?.close();
    this.#pyramid = picture instanceof ImageBitmap ? new ImagePyramid(picture) : picture;
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
    return handleAt(this.#viewport, this.#allMarks(), ...this.viewPoint(event));
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
    clearTimeout(this.#restTimer);
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
    if (this.#overlayMs > FLUENT_MS && this.#overlayView) this.#moveOverlays();
    else this.#invalidateOverlays();
    this.dispatchEvent(new Event("view"));
  }

  #invalidateOverlays() {
    this.invalidate("objects");
    this.invalidate("draft");
  }

  /** Let the compositor move what is painted; paint it crisply once the view rests. */
  #moveOverlays() {
    const from = this.#overlayView;
    if (!from) return;
    const scale = this.#viewport.scale / from.scale;
    const x = this.#viewport.x - from.x * scale;
    const y = this.#viewport.y - from.y * scale;
    for (const name of /** @type {const} */ (["objects", "draft"])) {
      this.#contexts[name].canvas.style.transform = `matrix(${scale}, 0, 0, ${scale}, ${x}, ${y})`;
    }
    clearTimeout(this.#restTimer);
    this.#restTimer = window.setTimeout(() => this.#invalidateOverlays(), REST_MS);
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
    this.#draftPainted = null;
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
    if (dirty.has("objects") || (dirty.has("draft") && !this.#draftDirty)) this.#settleOverlays(dirty);
    if (dirty.has("image")) this.#paintImage();
    if (dirty.has("objects")) this.#paintObjects();
    const beforeDraft = performance.now();
    if (dirty.has("draft")) this.#paintDraft(this.#draftDirty);
    const end = performance.now();
    if (dirty.has("objects") && dirty.has("draft")) this.#overlayMs = end - start;
    if (dirty.has("draft")) {
      this.#draftDirty = null;
      this.editor.painted(end - beforeDraft);
    }
    if (dirty.has("marks")) this.#paintMarks();
  }

  /** Both overlays share one transform, so whole repaints happen together. */
  #settleOverlays(/** @type {Set<LayerName>} */ dirty) {
    const { scale, x, y } = this.#viewport;
    const painted = this.#overlayView;
    const moved = painted?.scale !== scale || painted.x !== x || painted.y !== y;
    if (!moved) return;
    clearTimeout(this.#restTimer);
    dirty.add("objects").add("draft");
    this.#draftDirty = null;
    this.#overlayView = { scale, x, y };
    this.#contexts.objects.canvas.style.transform = "";
    this.#contexts.draft.canvas.style.transform = "";
  }

  #paintImage() {
    const context = this.#contexts.image;
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = this.#viewport.scale < CRISP_FROM;
    context.imageSmoothingQuality = "medium";
    if (!this.#pyramid) return;
    const view = this.#deviceView(width, height);
    this.#pyramid.prepare(view);
    if (this.#adjuster) this.#adjuster.draw(context, view, this.#pyramid);
    else this.#pyramid.draw(context, view);
    const sharp = String(this.isSharp);
    if (this.host.dataset.sharp === sharp) return;
    this.host.dataset.sharp = sharp;
    this.dispatchEvent(new Event("sharp"));
  }

  #paintObjects() {
    const context = this.#contexts.objects;
    const { width, height } = context.canvas;
    const shown = this.editor.visibleObjects();
    if (!shown.length) return context.clearRect(0, 0, width, height);
    const view = this.#deviceView(width, height);
    const labels = new Uint16Array(width * height);
    /** @type {Map<number, Style>} */
    const styles = new Map();
    shown.forEach((object, index) => {
      labelRuns(labels, view, object.runs, index + 1);
      styles.set(index + 1, styleOf(this.editor, object, this.#fill));
    });
    if (this.editor.noOverlaps) this.#cutUnderDraft(labels, view, shown);
    const picture = new ImageData(width, height);
    colourLabels(labels, width, height, styles, new Uint32Array(picture.data.buffer), OUTLINE * this.#ratio);
    context.putImageData(picture, 0, 0);
  }

  /** What the draft will take from objects is not drawn any more. */
  #cutUnderDraft(
    /** @type {Uint16Array} */ labels,
    /** @type {DeviceView} */ view,
    /** @type {import("./editor/objects.js").SavedObject[]} */ shown,
  ) {
    const { draft } = this.editor;
    if (!draft || draft.isBlank) return;
    const [cover, kept] = [new Uint16Array(labels.length), new Uint16Array(labels.length)];
    labelBitmap(cover, view, draft.mask, 1, draft.bounds);
    shown.forEach((object, index) => {
      if (!this.editor.isCut(object)) labelRuns(kept, view, object.runs, index + 1);
    });
    cutLabels(labels, cover, kept);
  }

  /** Opacity inside masks. */
  get #fill() {
    return this.#look.outlineOnly ? 0 : this.#look.opacity;
  }

  /** Repaint the draft where it changed: `rect` in image pixels, or everything. */
  #paintDraft(/** @type {Rect | null} */ rect) {
    const context = this.#contexts.draft;
    const { width, height } = context.canvas;
    const shown = this.editor.draftBitmap();
    const bounds = shown ? this.editor.draftBounds() : null;
    const whole = rect === null;
    let target = rect ? this.#deviceRect(rect) : this.#draftPainted;
    if (whole && bounds && !isEmptyRect(bounds)) {
      const box = this.#deviceRect(bounds);
      target = target ? unionRect(target, box) : box;
    }
    if (!target || isEmptyRect(target)) return;
    const [x0, y0] = [Math.max(target.x0, 0), Math.max(target.y0, 0)];
    const [w, h] = [Math.min(target.x1, width) - x0, Math.min(target.y1, height) - y0];
    if (w <= 0 || h <= 0) return;
    const thickness = Math.round(DRAFT_OUTLINE * this.#ratio);
    // One outline more on each side, so that a partial repaint draws the same edge as a whole one.
    const pad = 2 * thickness;
    const view = this.#deviceView(w + 2 * pad, h + 2 * pad, x0 - pad, y0 - pad);
    const labels = new Uint16Array(view.width * view.height);
    if (shown && bounds) labelBitmap(labels, view, shown, 1, bounds);
    const picture = new ImageData(view.width, view.height);
    const selected = this.editor.draftColor();
    const style = {
      color: selected ?? PREVIEW,
      fill: selected ? Math.min(this.#fill * SELECTED, 1) : this.#fill,
      outline: 1,
    };
    colourLabels(
      labels,
      view.width,
      view.height,
      new Map([[1, style]]),
      new Uint32Array(picture.data.buffer),
      thickness,
    );
    context.putImageData(picture, x0 - pad, y0 - pad, pad, pad, w, h);
    if (whole) this.#draftPainted = bounds && !isEmptyRect(bounds) ? this.#deviceRect(bounds) : null;
    else this.#draftPainted = this.#draftPainted ? unionRect(this.#draftPainted, target) : target;
  }

  #paintMarks() {
    const context = this.#contexts.marks;
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    drawPixelGrid(context, this.#viewport, this.#size);
    drawCropFrame(context, this.#viewport, this.editor.crop);
    drawArranged(context, this.#viewport, this.editor);
    drawMarks(context, this.#viewport, this.#allMarks());
  }

  /** @returns {Marks} */
  #allMarks() {
    const prompts = this.editor.prompts;
    const { dragged } = this.#marks;
    const points = dragged
      ? prompts.points.map((point, index) => (index === dragged.index ? dragged.at : point))
      : prompts.points;
    return { ...prompts, ...this.#marks, points, given: this.editor.given };
  }

  /** @returns {DeviceView} */
  #deviceView(/** @type {number} */ width, /** @type {number} */ height, left = 0, top = 0) {
    const { scale, x, y } = this.#viewport;
    return { scale: scale * this.#ratio, x: x * this.#ratio - left, y: y * this.#ratio - top, width, height };
  }

  /** Image pixels → device pixels, one outline larger. @returns {Rect} */
  #deviceRect(/** @type {Rect} */ rect) {
    const view = this.#deviceView(0, 0);
    const grow = Math.ceil(DRAFT_OUTLINE * this.#ratio) + 1;
    return {
      x0: Math.floor(rect.x0 * view.scale + view.x) - grow,
      y0: Math.floor(rect.y0 * view.scale + view.y) - grow,
      x1: Math.ceil(rect.x1 * view.scale + view.x) + grow,
      y1: Math.ceil(rect.y1 * view.scale + view.y) + grow,
    };
  }
}

/** The draft card: what is being edited, the masks the model offers with their predicted IoU, accept and cancel. */

import { isEmptyRect, unionRect } from "../../core/bitmap.js";
import { t } from "../../core/translate.js";
import { button, h, replace } from "../../ui/dom.js";
import { keyCap, keyed, keyName } from "../../ui/keymap.js";

/** @typedef {import("../../core/bitmap.js").Rect} Rect */
/** @typedef {import("../../core/sketch.js").Sketch} Sketch */
/** @typedef {import("../../editor/draft.js").Decoded} Decoded */

/** Size of a thumbnail's bitmap; CSS scales it into the card. */
const [THUMB_WIDTH, THUMB_HEIGHT] = [168, 126];
const SHOWN = 3;
/** Predicted scores nearer than this are a tie that a person should decide. */
const CLOSE = 0.03;
const PREVIEW = [0, 114, 189];
/** How a new object begins with each tool. @type {Readonly<Record<import("./rail.js").ToolName, string>>} */
const BEGIN = {
  point_box: t("Click an object, or drag a box around it. Right-click what does not belong to it."),
  scribble: t("Draw a line through an object, or close it around the object."),
  brush: t("Paint an object. The right button erases."),
  eraser: t("Open an object, then erase from it. The right button paints."),
  polygon: t("Click corners around an object, or draw its outline."),
  select: t("Click an object to open it, or drag a rectangle over several."),
};

/**
 * @param {HTMLElement} host
 * @param {import("../../editor.js").Editor} editor
 * @param {import("../../canvas.js").Stage} stage
 */
export function mountCandidates(host, editor, stage) {
  const title = h("h2", { class: "panel-title" });
  const hint = h("p", { class: "hint" });
  const thumbs = h("div", {
    class: "wb-candidates",
    role: "radiogroup",
    "aria-label": t("Masks the model offers"),
  });
  const accept = button("", { kind: "primary small grow", onclick: () => editor.acceptAndGoOn() });
  const reject = button(t("Reject"), { kind: "small", onclick: () => editor.rejectAndGoOn() });
  keyed(reject, "reject_proposal");
  const snapText = h("span");
  const snap = button("", { kind: "small wb-snap", onclick: () => editor.snap() });
  keyed(snap, "snap", t("The model redraws what you painted"));
  snap.append(snapText, keyCap("snap"));
  const cancel = button(t("Cancel"), { kind: "small", onclick: () => editor.cancel() });
  cancel.append(keyCap("cancel"));
  const actions = h("div", { class: "wb-draft-actions" }, accept, reject, cancel, snap);
  replace(host, title, thumbs, hint, actions);
  /** @type {Decoded | null} */
  let drawn = null;

  /** @type {import("./rail.js").ToolName} */
  let tool = "point_box";

  const render = () => {
    const { draft } = editor;
    const decoded = draft?.decoded ?? null;
    title.textContent = titleFor();
    const unchanged = draft?.base && !draft.dirty;
    replace(accept, unchanged && !draft.base?.isUndecided ? t("Done") : t("Accept"), keyCap("accept"));
    cancel.hidden = Boolean(unchanged);
    reject.hidden = !draft?.base?.isUndecided;
    const { canUnsnap } = editor;
    snapText.textContent = canUnsnap ? t("My strokes") : t("Snap");
    snap.hidden = !canUnsnap && (!draft?.edited || !draft.dirty || draft.isBlank || !editor.canPrompt);
    actions.hidden = !draft;
    accept.disabled = !draft || (draft.isBlank && !editor.decoding);
    thumbs.hidden = !decoded;
    if (decoded !== drawn) {
      drawn = decoded;
      replace(thumbs, ...(decoded ? cards(decoded) : []));
    }
    thumbs.querySelectorAll("button").forEach((card, index) => {
      card.setAttribute("aria-checked", String(index === draft?.chosen));
    });
    hint.textContent = hintFor();
    hint.hidden = !hint.textContent;
  };

  const titleFor = () => {
    const { draft } = editor;
    if (!draft && editor.chosen.size) return t("Selected objects");
    if (draft?.base?.isUndecided) return draft.base.isMissed ? t("Perhaps missed") : t("Selected proposal");
    return draft?.base ? t("Selected object") : t("New object");
  };

  const hintFor = () => {
    const { draft } = editor;
    if (!draft && editor.chosen.size)
      return t("A digit labels all of them, {key} deletes them.", { key: keyName("delete") });
    if (!draft && editor.manyObjects)
      return t("Each click or box is an object of its own. Right-click what does not belong to one.");
    if (!draft) return BEGIN[tool];
    if (editor.given) return t("The dashed line is what the model was given.");
    if (draft.decoded && closeScores(draft.decoded).includes(true))
      return t("Close scores: check the others with {key} or Alt+wheel.", { key: keyName("next_mask") });
    if (draft.base?.isUndecided && !draft.dirty)
      return t("{accept} accepts, {reject} rejects; click or paint to fix it first.", {
        accept: keyName("accept"),
        reject: keyName("reject_proposal"),
      });
    if (draft.base && !draft.dirty) return t("Click or paint to change it; a digit changes its label.");
    return "";
  };

  const cards = (/** @type {Decoded} */ decoded) => {
    const offered = decoded.candidates.slice(0, SHOWN);
    const close = closeScores(decoded);
    const canvases = offered.map(() =>
      h("canvas", { width: THUMB_WIDTH, height: THUMB_HEIGHT, "aria-hidden": "true" }),
    );
    // The mask on the image comes first: thumbnails are drawn after the frame that shows it.
    requestAnimationFrame(() => setTimeout(() => decoded === drawn && drawAll(canvases, decoded, stage)));
    return offered.map(({ iou }, index) => {
      return h(
        "button",
        {
          type: "button",
          class: close[index] ? "wb-candidate is-close" : "wb-candidate",
          role: "radio",
          "aria-label": close[index]
            ? t("Mask {number}, predicted IoU {iou}, close score", { number: index + 1, iou: iou.toFixed(2) })
            : t("Mask {number}, predicted IoU {iou}", { number: index + 1, iou: iou.toFixed(2) }),
          onclick: () => editor.chooseCandidate(index),
        },
        canvases[index],
        h(
          "span",
          {
            class: "tabular",
            title: close[index] ? t("Close scores: the model cannot tell which you mean") : "",
          },
          close[index] ? "≈ " : "",
          iou.toFixed(2),
        ),
      );
    });
  };

  editor.addEventListener("change", (event) => {
    const { kinds } = /** @type {import("../../editor.js").ChangeEvent} */ (event).detail;
    if (kinds.has("draft") || kinds.has("selection") || kinds.has("decoder")) render();
  });
  render();

  return {
    /** The hint speaks of this tool. */
    setTool(/** @type {import("./rail.js").ToolName} */ name) {
      tool = name;
      render();
    },
  };
}

/**
 * Which of the readings of one click score as well as the best, so that a person should decide.
 *
 * @param {Decoded} decoded its candidates best first
 * @returns {boolean[]}
 */
function closeScores({ candidates, ambiguous }) {
  const offered = candidates.slice(0, SHOWN);
  const near = offered.map(({ iou }) => Boolean(ambiguous) && offered[0].iou - iou < CLOSE);
  return near.filter(Boolean).length > 1 ? near : offered.map(() => false);
}

function drawAll(
  /** @type {HTMLCanvasElement[]} */ canvases,
  /** @type {Decoded} */ { sketch },
  /** @type {import("../../canvas.js").Stage} */ stage,
) {
  if (!sketch) return;
  const boxes = canvases.map((_, index) => sketch.box(index));
  const frame = cropAround(boxes, stage.imageSize);
  canvases.forEach((canvas, index) => {
    drawThumbnail(canvas, stage, sketch, index, frame);
  });
}

/**
 * One crop for all thumbnails, so that they can be compared: the masks' common box with room, at the thumbnail's shape.
 *
 * @param {Rect[]} boxes of the masks
 * @param {{width: number, height: number}} image
 * @returns {{x: number, y: number, scale: number}} left and top in image pixels, thumbnail pixels per image pixel
 */
function cropAround(boxes, image) {
  let box = boxes.reduce(unionRect);
  if (isEmptyRect(box)) box = { x0: 0, y0: 0, x1: image.width, y1: image.height };
  const margin = 1.15;
  const width = Math.max(box.x1 - box.x0, 8) * margin;
  const height = Math.max(box.y1 - box.y0, 8) * margin;
  const scale = Math.min(THUMB_WIDTH / width, THUMB_HEIGHT / height);
  return {
    scale,
    x: (box.x0 + box.x1) / 2 - THUMB_WIDTH / scale / 2,
    y: (box.y0 + box.y1) / 2 - THUMB_HEIGHT / scale / 2,
  };
}

/**
 * The photograph, dimmed outside the mask.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {import("../../canvas.js").Stage} stage
 * @param {Sketch} sketch
 * @param {number} index of the mask
 * @param {{x: number, y: number, scale: number}} frame
 */
function drawThumbnail(canvas, stage, sketch, index, frame) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  const view = { ...frame, width: THUMB_WIDTH, height: THUMB_HEIGHT };
  stage.drawCrop(context, view);
  const picture = context.getImageData(0, 0, THUMB_WIDTH, THUMB_HEIGHT);
  const { data } = picture;
  sketch.sample(index, view).forEach((inside, pixel) => {
    const at = 4 * pixel;
    if (!data[at + 3]) return; // beside the photograph
    for (let channel = 0; channel < 3; channel++) {
      const value = data[at + channel];
      data[at + channel] = inside ? value * 0.6 + PREVIEW[channel] * 0.4 : value * 0.45;
    }
  });
  context.putImageData(picture, 0, 0);
}

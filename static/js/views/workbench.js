/**
 * The workbench page: makes the parts and connects them. What tests and scripts may wait for is on <body>:
 * data-ready, data-image-id, data-embedding, data-decoding, data-preview, data-answers (clicks whose mask is painted), data-draft, data-objects, data-proposals (with what was perhaps missed), data-chosen (selected together), data-waiting (objects to accept or discard), data-steps (done), data-kept (of them, on disk), data-save-state, data-pending, data-tool,
 * data-ahead (next images fetched), data-offline (ready: it can be reloaded without the server), data-connection;
 * and on #stage the view: data-scale, data-x, data-y (CSS pixels).
 */

import { getProject } from "../api.js";
import { Stage } from "../canvas.js";
import { t } from "../core/translate.js";
import { CloserLook } from "../editor/closer_look.js";
import { Editor } from "../editor.js";
import { Brush, BrushSize } from "../tools/brush.js";
import { CandidateWheel } from "../tools/candidate_wheel.js";
import { KeyCursor } from "../tools/key_cursor.js";
import { Pan } from "../tools/pan.js";
import { PointBox } from "../tools/point_box.js";
import { Polygon } from "../tools/polygon.js";
import { Scribble } from "../tools/scribble.js";
import { Select } from "../tools/select.js";
import { byId, h, replace } from "../ui/dom.js";
import { keymap } from "../ui/keymap.js";
import { startPage } from "../ui/shell.js";
import { toast, toastError } from "../ui/toast.js";
import { mountAnnouncer } from "./workbench/announce.js";
import { arrangeRuns, mountArranging } from "./workbench/arrange.js";
import { mountArrangeBar } from "./workbench/arrange_bar.js";
import { decoders, first, imageId, me, projectId, queue } from "./workbench/boot.js";
import { mountCandidates } from "./workbench/candidates.js";
import { mountCategories } from "./workbench/categories.js";
import { mountCleanup } from "./workbench/cleanup.js";
import { mountCloserLook } from "./workbench/closer_look.js";
import { explainSaving, watchConflicts } from "./workbench/conflict.js";
import { Connection } from "./workbench/connection.js";
import { cursorRuns, spaceBar } from "./workbench/cursor_keys.js";
import { mountDetails } from "./workbench/details.js";
import { mountTour } from "./workbench/first_tour.js";
import { flowActions } from "./workbench/flow.js";
import { keepFocusOnImage } from "./workbench/focus.js";
import { showHelp } from "./workbench/help.js";
import { mountHoverPreview } from "./workbench/hover_preview.js";
import { showImageInfo } from "./workbench/image_info.js";
import { commandRuns, listenToKeys } from "./workbench/keys.js";
import { openLinked } from "./workbench/linked_object.js";
import { mountObjects } from "./workbench/objects.js";
import { prepareForOffline } from "./workbench/offline.js";
import { Opening } from "./workbench/opening.js";
import { mountPace } from "./workbench/pace.js";
import { openPalette } from "./workbench/palette.js";
import { mountPreparing } from "./workbench/preparing.js";
import { mountProposals, proposalRuns } from "./workbench/proposals.js";
import { mountMissed } from "./workbench/proposals_missed.js";
import { mountOrigin } from "./workbench/proposals_origin.js";
import { mountRail } from "./workbench/rail.js";
import { Saving } from "./workbench/saving.js";
import { mountSeeing } from "./workbench/seeing.js";
import { mountSharpness } from "./workbench/sharpness.js";
import { mountStatusbar } from "./workbench/statusbar.js";
import { mountSteps } from "./workbench/steps.js";
import { mountTopbar } from "./workbench/topbar.js";
import { recall, remember, ViewSettings } from "./workbench/view_settings.js";

/** @typedef {import("./workbench/rail.js").ToolName} ToolName */

const slot = (/** @type {string} */ id) => byId(id, HTMLElement);
const { dataset } = document.body;

const categoryKey = `category:${projectId}`;

startPage(async (user) => {
  keymap.load(user);
  const settings = new ViewSettings(user);
  const saving = await Saving.start(user.id);
  const editor = new Editor(saving);
  const stage = new Stage(slot("stage"), editor);
  const opening = new Opening(editor, stage, saving, decoders, queue);
  const size = new BrushSize();
  const tools = {
    point_box: new PointBox(stage, editor),
    brush: new Brush(stage, editor, size, false),
    eraser: new Brush(stage, editor, size, true),
    polygon: new Polygon(stage, editor),
    scribble: new Scribble(stage, editor),
    select: new Select(stage, editor),
  };
  const pan = new Pan(stage, editor);
  pan.enable();
  new CandidateWheel(stage, editor).enable();
  const cursor = new KeyCursor(stage, editor);
  cursor.enable();

  const setTool = (/** @type {ToolName} */ name) => {
    for (const [each, tool] of Object.entries(tools)) if (each !== name) tool.disable();
    tools[name].enable();
    rail.setTool(name);
    candidates.setTool(name);
    dataset.tool = name;
  };
  const togglePreview = () => {
    if (hoverPreview()) setTool("point_box");
  };
  const snapStrokes = () => {
    editor.snapStrokes = !editor.snapStrokes;
    rail.setSnap(editor.snapStrokes);
  };
  const pressure = () => settings.set({ penPressure: !settings.value.penPressure });
  const toggleHide = () => {
    editor.setHideOthers(!editor.hideOthers);
    rail.setHidden(editor.hideOthers);
  };
  const show = async (
    /** @type {number} */ id,
    push = true,
    asked = /** @type {typeof first | undefined} */ (undefined),
  ) => {
    try {
      await opening.open(id, asked);
      if (push) history.pushState(null, "", `/projects/${projectId}/images/${id}`);
      document.title = `${editor.image?.name ?? t("Image")} · Annotator`;
      slot("heading").textContent = editor.image?.name ?? "";
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError"))
        toastError(error, t("Could not open the image"));
      if (!editor.image) throw error;
    }
  };
  const flow = flowActions(editor, queue, { projectId, show });
  const tour = mountTour(slot("tour"), editor, user);
  const help = () => showHelp(tour);

  const info = () => {
    const context = { zoom: stage.viewport.scale, modelSide: decoders.model?.side ?? null };
    if (editor.image) showImageInfo(editor.image, context);
  };
  const arranging = arrangeRuns(editor, mountArranging(editor, stage, user, slot("combine")), {
    collect: () => setTool("point_box"),
    onToggle: () => rail.setModes(editor),
  });
  const actions = {
    tool: setTool,
    cleanup: () => cleanup.toggle(),
    preview: togglePreview,
    snapStrokes,
    pressure,
    flip: () => tools.point_box.flip(),
    hide: toggleHide,
    ...flow,
    palette: () => openPalette(editor, runs),
    help,
    info,
    lookCloser: () => lookCloser(),
    outline: () => settings.set({ outlineOnly: !settings.value.outlineOnly }),
    crosshair: () => settings.set({ crosshair: !settings.value.crosshair }),
    minimap: () => settings.set({ minimap: !settings.value.minimap }),
  };
  /** @type {Record<string, import("./workbench/keys.js").Run>} */
  const runs = commandRuns(editor, stage, size, actions, arranging);
  const rail = mountRail(slot("rail"), size, {
    tool: setTool,
    cleanup: () => cleanup.toggle(),
    preview: togglePreview,
    snap: snapStrokes,
    pressure,
    many: arranging.many_objects.run,
    noOverlaps: arranging.no_overlaps.run,
    hide: toggleHide,
    fit: () => stage.fit(),
  });
  rail.setModes(editor);
  const showPressure = () => {
    size.followsPressure = settings.value.penPressure;
    rail.setPressure(settings.value.penPressure);
  };
  settings.addEventListener("change", showPressure);
  showPressure();
  stage.addEventListener("pen", () => rail.meetPen());
  const cleanup = mountCleanup(slot("cleanup"), editor, stage, (open) => rail.setCleanup(open));
  const hoverPreview = mountHoverPreview(editor, (on) => {
    tools.point_box.hoverPreview = on;
    rail.setPreview(on);
  });
  const topbar = mountTopbar(
    { crumbs: slot("crumbs"), pager: slot("pager"), actions: slot("actions") },
    editor,
    queue,
    { ...flow, help, saveState: () => explainSaving({ saving, editor, stage, user }) },
  );
  const cards = ["draft", "details", "labels", "proposals", "objects"].map((name) =>
    h("section", { class: `wb-section wb-section-${name}` }),
  );
  const [draftCard, detailCard, labelCard, proposalCard, objectCard] = cards;
  replace(slot("panel"), ...cards);
  const pace = h("div", { class: "wb-pace-slot" });
  const candidates = mountCandidates(draftCard, editor, stage);
  draftCard.append(pace);
  mountPace(pace, editor, settings);
  mountDetails(detailCard, editor);
  mountOrigin(detailCard, editor);
  mountCategories(labelCard, editor, { projectUrl: `/projects/${projectId}` });
  const { above } = mountProposals(proposalCard, editor, stage);
  mountObjects(objectCard, editor);
  const missed = mountMissed(objectCard, editor);
  Object.assign(runs, proposalRuns(editor, { above, missed }));
  mountArrangeBar(slot("arrange"), editor, runs);
  mountSteps(slot("steps"), editor);
  const connection = new Connection();
  const status = mountStatusbar(slot("status"), editor, stage, opening, connection, { info });
  mountAnnouncer(slot("main"), editor, cursor);
  const shown = { editor, stage, decoders, hide: toggleHide };
  mountSeeing({ menu: topbar.view, stage: slot("stage") }, settings, shown);
  mountSharpness(/** @type {HTMLElement} */ (slot("stage").parentElement), stage);
  const look = new CloserLook(editor, decoders);
  const lookCloser = mountCloserLook({ stage: slot("stage"), status: slot("status") }, look, editor, stage);
  const preparing = mountPreparing(slot("preparing"), opening);
  watchConflicts({ saving, editor, stage, user });
  Object.assign(runs, cursorRuns(cursor));
  listenToKeys(runs, spaceBar(cursor, pan));

  editor.addEventListener("not-ready", () => preparing.nudge());
  editor.addEventListener("notice", (event) => {
    const { kind, message } = /** @type {CustomEvent} */ (event).detail;
    toast(message, { kind });
  });
  const showSaving = () => {
    topbar.setSaveState(saving.state);
    status.setSaving(saving.state);
    dataset.saveState = saving.state.state;
    dataset.pending = String(saving.state.pending);
  };
  saving.addEventListener("state", showSaving);
  connection.addEventListener("back", () => saving.flush());
  connection.addEventListener("change", () => {
    dataset.connection = connection.state;
  });
  showSaving();
  saving.addEventListener("elsewhere", (event) => {
    for (const change of /** @type {CustomEvent} */ (event).detail.changes) editor.hear(change);
  });
  saving.addEventListener("saved", (event) => {
    const { annotation } = /** @type {CustomEvent} */ (event).detail;
    editor.acknowledge(annotation);
    const { image } = editor;
    // The server sets an image to work when its first object arrives.
    if (image && image.id === annotation.image_id && image.status === "new") {
      editor.updateImage({ ...image, status: "in_progress" });
    }
  });
  prepareForOffline(opening);
  tellTests(editor, stage, opening);
  keepFocusOnImage(stage.host);
  trackActivity(editor);
  window.addEventListener("popstate", () => show(Number(location.pathname.split("/")[4]), false));
  window.addEventListener("pagehide", () => {
    editor.endStroke();
    editor.flushDraft();
  });
  document.addEventListener("visibilitychange", () => document.hidden && editor.flushDraft());

  setTool("point_box");
  const project = getProject(projectId).then((value) => {
    topbar.setProject(value);
    editor.categoryId = Number(recall(categoryKey)) || null; // the last one used here, if it still exists
    editor.setCategories(value.categories);
    editor.addEventListener("change", (event) => {
      const { kinds } = /** @type {import("../editor.js").ChangeEvent} */ (event).detail;
      if (kinds.has("categories")) remember(categoryKey, editor.categoryId);
    });
  });
  await Promise.all([project, show(imageId, false, first)]);
  await openLinked(editor);
}, me);

/** State on <body>, for tests and for style sheets. */
function tellTests(
  /** @type {Editor} */ editor,
  /** @type {Stage} */ stage,
  /** @type {import("./workbench/opening.js").Opening} */ opening,
) {
  const preparation = () => {
    dataset.embedding = opening.preparation.state;
  };
  opening.decoders.addEventListener("model", () => {
    const backend = opening.decoders.model?.backend;
    dataset.backend = backend?.backend;
    dataset.webgpu = backend?.webgpu?.outcome ?? "";
  });
  opening.addEventListener("preparation", preparation);
  opening.addEventListener("ahead", () => {
    dataset.ahead = String(opening.ahead);
  });
  preparation();
  let painted = editor.lastTimings;
  let answers = 0;
  editor.addEventListener("change", () => {
    if (editor.lastTimings && editor.lastTimings !== painted) answers++;
    painted = editor.lastTimings;
    dataset.answers = String(answers);
    dataset.imageId = String(editor.image?.id ?? "");
    dataset.decoding = String(editor.decoding);
    dataset.preview = String(editor.previewing);
    const shown = editor.listedObjects();
    const proposals = shown.filter((object) => object.isUndecided).length;
    dataset.objects = String(shown.length - proposals);
    dataset.proposals = String(proposals);
    dataset.chosen = String(editor.chosen.size);
    dataset.waiting = String(editor.pendingObjects().length);
    dataset.steps = String(editor.position);
    dataset.kept = String(editor.kept);
    dataset.draft = !editor.draft
      ? "none"
      : editor.draft.isBlank
        ? "blank"
        : editor.draft.dirty
          ? "mask"
          : "saved";
  });
  stage.addEventListener("view", () => {
    const { scale, x, y } = stage.viewport;
    Object.assign(stage.host.dataset, { scale, x, y });
  });
}

function trackActivity(/** @type {Editor} */ editor) {
  for (const type of ["pointermove", "pointerdown", "wheel", "keydown"]) {
    window.addEventListener(type, () => editor.activity(), { passive: true });
  }
}

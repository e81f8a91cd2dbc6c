/**
 * The steps of the undo history as data: what each changed, before and after. So they can be walked both ways, listed, and
 * written down to survive a reload.
 */

import { Patch } from "../core/patch.js";
import { encode as encodeRle } from "../core/rle.js";
import { Draft } from "./draft.js";
import { SavedObject } from "./objects.js";

/** @typedef {import("./draft.js").Snapshot} Snapshot */
/** @typedef {import("./draft.js").StoredDraft} StoredDraft */
/** @typedef {import("./objects.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./journal.js").Moment} Moment */

/** @typedef {{id: string, before: AnnotationBody | null, after: AnnotationBody | null}} ObjectChange null: not there */
/** @typedef {Pick<Draft, "edited" | "modelCounts" | "dirty">} StrokeFlags */
/** @typedef {{draft: number | null, next: number | null}} Labels categories of the draft and of what comes next */

/**
 * @typedef {object} StrokeChange
 * @property {Draft} draft
 * @property {Patch} patch
 * @property {StrokeFlags | null} before  null: the stroke began the draft
 * @property {StrokeFlags} after
 * @property {Moment | null} moment  the draft before, when that was written down
 */

/**
 * @typedef {object} Step
 * @property {import("../core/translate.js").Phrase} label  for the person
 * @property {number} bytes  memory it holds
 * @property {{before: Moment, after: Moment} | null} moments  the draft as a whole
 * @property {StrokeChange | null} stroke  pixels of the draft
 * @property {{before: Labels, after: Labels} | null} labels
 * @property {ObjectChange[]} objects
 */

/** @typedef {{id: string, base_id: string | null, category_id: number | null, model_digest: string | null}} DraftRow */
/** @typedef {{draft: number | null, snapshot: Snapshot | null}} MomentRow draft: index into the drafts */
/** @typedef {{draft: number, patch: import("../core/patch.js").StoredPatch, before: StrokeFlags | null,
 *   after: StrokeFlags}} StrokeRow */
/** @typedef {{label: Step["label"], moments: [number, number] | null, stroke: StrokeRow | null, labels: Step["labels"],
 *   objects: ObjectChange[]}} StepRow */

/**
 * A history as it is written down. Drafts and moments are shared by several steps and named by their index.
 * @typedef {object} StoredHistory
 * @property {DraftRow[]} drafts
 * @property {MomentRow[]} moments
 * @property {StepRow[]} steps  oldest first
 * @property {number} position  how many are done
 * @property {number | null} current  the draft that is open
 */

/** @typedef {{id: string, body: AnnotationBody}} PendingRow */
/** What is kept in this browser about an image.
 * @typedef {{draft: StoredDraft | null, history: StoredHistory | null, pending?: PendingRow[]}} Work */

/** Of the steps, the newest are written down. */
const MAX_STEPS = 200;
const MAX_BYTES = 2 ** 20;

/** Patches are written once, however often the history is. @type {WeakMap<Patch, import("../core/patch.js").StoredPatch>} */
const storedPatches = new WeakMap();
/** Masks that only the model's answer holds, by candidate. @type {WeakMap<import("./draft.js").Decoded, string[]>} */
const answers = new WeakMap();

/**
 * @param {readonly Step[]} steps oldest first
 * @param {number} position how many are done
 * @param {Draft | null} draft that is open
 * @returns {StoredHistory | null} null: nothing to keep
 */
export function packHistory(steps, position, draft) {
  /** @type {Map<Draft, number>} */
  const drafts = new Map();
  /** @type {Map<Moment, number>} */
  const places = new Map();
  /** @type {MomentRow[]} */
  const moments = [];
  const place = (/** @type {Moment} */ each) => {
    const known = places.get(each);
    if (known !== undefined) return known;
    const row = {
      draft: each.draft && number(drafts, each.draft),
      snapshot: each.snapshot && packed(each.snapshot),
    };
    places.set(each, moments.push(row) - 1);
    return moments.length - 1;
  };
  if (draft?.dirty) number(drafts, draft);
  /** @type {StepRow[]} */
  const rows = [];
  let bytes = 0;
  for (const step of steps.toReversed()) {
    const row = packStep(step, place, drafts);
    bytes += sizeOf(row, moments);
    if (rows.length > 0 && (bytes > MAX_BYTES || rows.length >= MAX_STEPS)) break;
    rows.unshift(row);
  }
  const left = position - (steps.length - rows.length);
  if (rows.length === 0 || left < 0) return null;
  return {
    drafts: Array.from(drafts.keys(), ({ id, base, categoryId, modelDigest }) => ({
      id,
      base_id: base?.id ?? null,
      category_id: categoryId,
      model_digest: modelDigest,
    })),
    moments,
    steps: rows,
    position: left,
    current: (draft && drafts.get(draft)) ?? null,
  };
}

/** @param {Step} step @param {(moment: Moment) => number} place @param {Map<Draft, number>} drafts @returns {StepRow} */
function packStep({ label, moments, stroke, labels, objects }, place, drafts) {
  return {
    label,
    moments: moments && [place(moments.before), place(moments.after)],
    stroke: stroke && {
      draft: number(drafts, stroke.draft),
      patch: remembered(storedPatches, stroke.patch, () => stroke.patch.stored()),
      before: stroke.before,
      after: stroke.after,
    },
    labels,
    objects,
  };
}

/** @param {Map<Draft, number>} drafts @param {Draft} draft */
function number(drafts, draft) {
  if (!drafts.has(draft)) drafts.set(draft, drafts.size);
  return /** @type {number} */ (drafts.get(draft));
}

/** Without the model's logits: the mask itself is kept instead. @param {Snapshot} snapshot @returns {Snapshot} */
function packed(snapshot) {
  const { decoded, chosen } = snapshot;
  const bare = { ...snapshot, decoded: null, chosen: 0 };
  if (!decoded || snapshot.edited || snapshot.counts !== null) return bare;
  const counts = knownCounts(snapshot) ?? encoded(decoded, chosen);
  rememberCounts(snapshot, counts);
  return { ...bare, counts, maskInput: null };
}

/** The logits tell where to look: most of a large image is not in the mask. @param {import("./draft.js").Decoded} decoded
 * @param {number} index of the candidate */
function encoded({ mask, sketch }, index) {
  const { data, width, height } = mask(index);
  return encodeRle(data, width, height, sketch?.box(index));
}

/** Keep the mask of a snapshot that the model's answer alone gives. @param {Snapshot} snapshot @param {string} counts */
export function rememberCounts({ decoded, chosen, counts: own }, counts) {
  if (!decoded || own !== null) return;
  const known = remembered(answers, decoded, () => /** @type {string[]} */ ([]));
  known[chosen] = counts;
}

/**
 * A snapshot's mask as RLE, where it has been encoded before.
 *
 * @param {Snapshot} snapshot
 * @returns {string | null | undefined} null: it is blank; undefined: it has to be encoded
 */
export function knownCounts({ decoded, chosen, counts, waiting }) {
  if (counts !== null) return counts;
  if (decoded) return answers.get(decoded)?.[chosen];
  return waiting ? undefined : null;
}

/** @template {object} Key @template Value @param {WeakMap<Key, Value>} memory @param {Key} key @param {() => Value} make */
function remembered(memory, key, make) {
  const value = memory.get(key) ?? make();
  memory.set(key, value);
  return value;
}

/** About what a step takes when it is written down. @param {StepRow} row @param {MomentRow[]} moments */
function sizeOf({ moments: pair, stroke, objects }, moments) {
  const after = pair && moments[pair[1]].snapshot;
  const patch = stroke?.patch.reduce((total, { counts }) => total + counts.length + 64, 0) ?? 0;
  const bodies = objects.flatMap(({ before, after: now }) => [before, now]);
  const masks = bodies.reduce((total, body) => total + (body?.segmentation.counts.length ?? 0) + 256, 0);
  const mask = (after?.counts?.length ?? 0) + (after?.modelCounts?.length ?? 0);
  return 256 + patch + masks + mask + (after?.maskInput?.byteLength ?? 0);
}

/**
 * The objects that a history speaks of, as they must be where it stands.
 *
 * @param {StoredHistory} history
 * @returns {Map<string, AnnotationBody | null>} null: not there
 */
function expected({ steps, position }) {
  /** @type {Map<string, AnnotationBody | null>} */
  const bodies = new Map();
  for (const { objects } of steps.slice(0, position))
    for (const { id, after } of objects) bodies.set(id, after);
  for (const { objects } of steps.slice(position)) {
    for (const { id, before } of objects) if (!bodies.has(id)) bodies.set(id, before);
  }
  return bodies;
}

/** @param {AnnotationBody | null} a @param {AnnotationBody | null} b */
function sameObject(a, b) {
  return essence(a) === essence(b);
}

/** What people change. @param {AnnotationBody | null} body */
function essence(body) {
  if (!body) return "";
  const { segmentation, category_id, state, z, note, attributes } = body;
  const entries = Object.entries(attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([segmentation.counts, category_id, state, z, note, entries]);
}

/**
 * Bring a history back that an earlier page wrote.
 *
 * @param {StoredHistory} stored
 * @param {object} present
 * @param {import("../types.js").Image} present.image
 * @param {ReadonlyMap<string, SavedObject>} present.objects
 * @param {Map<string, SavedObject>} present.gone  objects that steps can bring back; filled here
 * @param {Draft | null} present.draft  the unsaved draft that was found beside it
 * @returns {{steps: Step[], draft: Draft | null} | null} draft: that is open now; null: the image has changed since, and
 *   the steps speak of something else
 * @throws when it was written by another version of this page
 */
export function unpackHistory(stored, { image, objects, gone, draft }) {
  for (const [id, body] of expected(stored)) {
    if (!sameObject(objects.get(id)?.body ?? null, body)) return null;
  }
  for (const { objects: changes } of stored.steps) {
    for (const { id, before, after } of changes) {
      const body = before ?? after;
      if (!body || objects.has(id) || gone.has(id)) continue;
      gone.set(id, Object.assign(new SavedObject(id, body), { place: "removed" }));
    }
  }
  const found = (/** @type {string | null} */ id) =>
    id === null ? null : (objects.get(id) ?? gone.get(id) ?? null);
  const current = stored.current === null ? null : stored.drafts[stored.current];
  const base = found(current?.base_id ?? null);
  // A saved object that was only open, unchanged, is opened again.
  const open =
    draft ?? (current && base ? new Draft(image.width, image.height, base.body.category_id, base) : null);
  if (current ? open?.id !== current.id : draft !== null) return null;
  const drafts = stored.drafts.map((row, index) => {
    if (index === stored.current) return /** @type {Draft} */ (open);
    const each = new Draft(image.width, image.height, row.category_id);
    return Object.assign(each, { id: row.id, base: found(row.base_id), modelDigest: row.model_digest });
  });
  const moments = stored.moments.map((row) => ({
    draft: row.draft === null ? null : drafts[row.draft],
    snapshot: row.snapshot,
  }));
  return { steps: stored.steps.map((row) => unpackStep(row, drafts, moments)), draft: open };
}

/** @param {StepRow} row @param {Draft[]} drafts @param {Moment[]} moments @returns {Step} */
function unpackStep({ label, moments: pair, stroke, labels, objects }, drafts, moments) {
  const patch = stroke && Patch.from(stroke.patch);
  if (stroke && patch) storedPatches.set(patch, stroke.patch);
  const counts = (/** @type {number} */ index) => moments[index].snapshot?.counts?.length ?? 0;
  return {
    label,
    bytes: (patch?.bytes ?? 0) + (pair ? 2 * counts(pair[1]) : 0),
    moments: pair && { before: moments[pair[0]], after: moments[pair[1]] },
    stroke: stroke && patch && { ...stroke, draft: drafts[stroke.draft], patch, moment: null },
    labels,
    objects,
  };
}

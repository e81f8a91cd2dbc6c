/** The outbox's rules as pure functions: how changes of one annotation merge, and what an answer does to them. */

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {import("../types.js").AnnotationBody} AnnotationBody */

/**
 * One annotation's unsaved change.
 * @typedef {object} Entry
 * @property {string} id the annotation's UUID
 * @property {number} userId who made it; never sent in another person's name
 * @property {number} imageId
 * @property {"put" | "delete"} kind
 * @property {AnnotationBody | null} body what to save; null for a delete
 * @property {number | null} base the server's revision it was made from; null: the server has never answered
 * @property {boolean} revive bring the annotation back if it turns out to be deleted (undo of a delete)
 * @property {string[]} sent fingerprints of what went out without an answer
 * @property {string} stamp another one for every new content
 * @property {string} tab which page made the change
 * @property {number} order when it was first queued, milliseconds
 * @property {number} attempts failures in a row
 * @property {number} retryAt not before this time, milliseconds
 * @property {"waiting" | "conflict" | "refused"} state
 * @property {Annotation | null} current in a conflict: what the server has
 * @property {{status: number, code: string, message: string} | null} error why it is aside
 */

/**
 * A change as the editor makes it.
 * @typedef {object} Change
 * @property {string} id
 * @property {number} imageId
 * @property {"put" | "delete"} kind
 * @property {AnnotationBody | null} body
 * @property {number | null} revision the revision that was edited; null when the annotation is new
 * @property {boolean} revive
 */

const DELETED = "deleted";

/**
 * What tells whether the server's state came from this browser: everything a person can change.
 * @param {AnnotationBody | null} body null: a delete
 */
export function fingerprint(body) {
  if (!body) return DELETED;
  return JSON.stringify([
    body.segmentation.counts,
    body.category_id,
    body.state ?? "accepted",
    body.active_ms,
    body.candidate,
    body.z ?? 0,
    body.note ?? "",
  ]);
}

/** True when the server's state is something that was sent from here and whose answer got lost.
 * @param {Entry} entry @param {Annotation} current */
export function isOwn(entry, current) {
  return entry.sent.includes(fingerprint(current));
}

/**
 * Merge a new change into what is queued for the same annotation. The latest content wins, a delete wins over later
 * saves unless they revive, and the base stays the revision that the server last confirmed.
 * @param {Entry | null} queued
 * @param {Change} change
 * @param {{userId: number, tab: string, stamp: string, now: number, acknowledged: number | null}} context
 *   acknowledged: newest revision that the server gave to this page's own changes
 * @returns {Entry | null} null: nothing is left to send
 */
export function merge(queued, change, { userId, tab, stamp, now, acknowledged }) {
  const { id, imageId, kind, body, revision, revive } = change;
  if (queued?.kind === "delete" && kind === "put" && !revive) return queued;
  if (queued && kind === "delete" && queued.base === null && queued.sent.length === 0) return null;
  const base = queued ? queued.base : newest(revision, acknowledged);
  return {
    id,
    userId,
    imageId,
    kind,
    body: kind === "put" ? body : null,
    base,
    revive: kind === "put" && (revive || queued?.revive === true),
    sent: queued?.sent ?? [],
    stamp,
    tab,
    order: queued?.order ?? now,
    attempts: 0,
    retryAt: 0,
    state: queued?.state === "conflict" ? "conflict" : "waiting",
    current: queued?.state === "conflict" ? queued.current : null,
    error: queued?.state === "conflict" ? queued.error : null,
  };
}

/** @param {number | null} a @param {number | null} b */
function newest(a, b) {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/** What goes out now; remembered before it does. @param {Entry} entry @returns {Entry} */
export function markSent(entry) {
  const mark = fingerprint(entry.body);
  return entry.sent.includes(mark) ? entry : { ...entry, sent: [...entry.sent, mark] };
}

/**
 * The server accepted what was sent.
 * @param {Entry} entry as it is queued now
 * @param {string} stamp of what was sent
 * @param {number | null} revision the server's new one; null after a delete
 * @returns {Entry | null} null: all is saved
 */
export function afterSaved(entry, stamp, revision) {
  if (entry.stamp === stamp) return null;
  return { ...entry, base: revision ?? entry.base, sent: [], attempts: 0, retryAt: 0 };
}

/** The server has something else. @param {Entry} entry @param {Annotation | null} current
 * @param {Entry["error"]} error @returns {Entry} */
export function afterConflict(entry, current, error) {
  return { ...entry, state: "conflict", current, error };
}

/**
 * The server will never accept what was sent; it is kept for the person to decide, unless newer content came meanwhile.
 * @param {Entry} entry as it is queued now
 * @param {string} stamp of what was sent
 * @param {Entry["error"]} error
 * @returns {Entry}
 */
export function afterRefusal(entry, stamp, error) {
  return entry.stamp === stamp ? { ...entry, state: "refused", error } : entry;
}

/** It may work later. @param {Entry} entry @param {number} retryAt milliseconds @returns {Entry} */
export function afterFailure(entry, retryAt) {
  return { ...entry, attempts: entry.attempts + 1, retryAt };
}

/** The person decided for this browser's version: it replaces the server's.
 * @param {Entry} entry @param {string} stamp @returns {Entry} */
export function insist(entry, stamp) {
  const deleted = entry.error?.code === DELETED;
  return {
    ...entry,
    stamp,
    base: entry.current?.revision ?? entry.base,
    revive: entry.revive || (entry.kind === "put" && deleted),
    state: "waiting",
    current: null,
    error: null,
    attempts: 0,
    retryAt: 0,
  };
}

/**
 * Pause before the next attempt: doubling, at most half a minute, spread so that many pages do not come back at once.
 * @param {number} failures in a row, from 1
 * @param {number} chance 0 … 1
 * @returns {number} milliseconds
 */
export function backoff(failures, chance) {
  return Math.min(30_000, 500 * 2 ** Math.min(failures - 1, 10)) * (0.7 + 0.6 * chance);
}

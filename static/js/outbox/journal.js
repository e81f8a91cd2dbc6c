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
 * @property {Entry[]} [rivals] changes of the same annotation that other pages made without having seen this one, oldest
 *   first: each goes out when what stands before it is settled, and the server answers it as a colleague's conflicting change
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
 * @property {AnnotationBody | null} [seen] what the page believed to be saved when the change was made; null: nothing or a
 *   delete; left out: whatever is queued
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

/** @typedef {{userId: number, tab: string, stamp: string, now: number, acknowledged: number | null}} Context
 *   acknowledged: newest revision that the server gave to this page's own changes */

/**
 * Put a new change to what is queued for the same annotation: into what it was made from, or else behind it as a rival.
 * @param {Entry | null} queued
 * @param {Change} change
 * @param {Context} context
 * @returns {{entry: Entry | null, apart: boolean}} entry null: nothing is left to send; apart: another page's change stands
 *   against this one
 */
export function enqueue(queued, change, context) {
  if (!queued) return { entry: merge(null, change, context), apart: false };
  const line = lineOf(queued);
  const at = line.findLastIndex((entry) => isMadeFrom(change, entry, context.tab));
  const place = at < 0 ? line.length : at;
  const merged = merge(line[place] ?? null, change, context);
  return { entry: inLine([...line.slice(0, place), merged, ...line.slice(place + 1)]), apart: place > 0 };
}

/** The changes of one annotation that stand against each other, first the one that goes out. @param {Entry} entry */
export function lineOf({ rivals = [], ...first }) {
  return [/** @type {Entry} */ (first), ...rivals];
}

/** @param {(Entry | null)[]} line null: settled @returns {Entry | null} */
function inLine(line) {
  const [first, ...rivals] = line.filter((entry) => entry !== null);
  if (!first) return null;
  return rivals.length ? { ...first, rivals } : first;
}

/** What goes out once an entry is settled. @param {Entry} entry @returns {Entry | null} */
export function following(entry) {
  return inLine(lineOf(entry).slice(1));
}

/** @param {Change} change @param {Entry} entry @param {string} tab */
function isMadeFrom({ seen }, entry, tab) {
  return entry.tab === tab || seen === undefined || fingerprint(seen) === fingerprint(entry.body);
}

/**
 * Merge a new change into the one that it goes on from. The latest content wins, a delete wins over later saves unless they
 * revive, and the base stays the revision that the server last confirmed.
 * @param {Entry | null} queued
 * @param {Change} change
 * @param {Context} context
 * @returns {Entry | null} null: nothing is left to send
 */
function merge(queued, change, { userId, tab, stamp, now, acknowledged }) {
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
  if (entry.stamp === stamp) return following(entry);
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

/** A decided conflict as the change that it is for other tabs. @param {Entry} entry in conflict
 * @param {"mine" | "theirs"} choice @returns {Change} */
export function decided({ id, imageId, kind, body, base, current, error }, choice) {
  const revision = current?.revision ?? base;
  if (choice === "mine") return { id, imageId, kind, body, revision, revive: false };
  const theirs = error?.code === DELETED ? null : current;
  return { id, imageId, kind: theirs ? "put" : "delete", body: theirs, revision, revive: false };
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

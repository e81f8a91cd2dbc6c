/** Send one entry of the outbox and say what became of it. Knows HTTP's meanings, not the journal. */

import { isOwn } from "./journal.js";

/** @typedef {import("./journal.js").Entry} Entry */
/** @typedef {import("../types.js").Annotation} Annotation */

/**
 * The part of api.js that is needed.
 * @typedef {object} Api
 * @property {typeof import("../api.js").getMe} getMe
 * @property {typeof import("../api.js").getAnnotation} getAnnotation
 * @property {typeof import("../api.js").saveAnnotation} saveAnnotation
 * @property {typeof import("../api.js").deleteAnnotation} deleteAnnotation
 * @property {typeof import("../api.js").restoreAnnotation} restoreAnnotation
 * @property {EventTarget} session
 */

/** @typedef {{status: number, code: string, message: string}} Problem */
/**
 * @typedef {{type: "saved", annotation: Annotation} | {type: "deleted"} | {type: "signed_out"}
 *   | {type: "conflict", current: Annotation | null, error: Problem} | {type: "refused", error: Problem}
 *   | {type: "offline", error: Problem} | {type: "failed", error: Problem}} Outcome offline: nobody answers;
 *   failed: this entry makes trouble now, others may pass
 */

const NO_ANSWER = new Set([0, 502, 503, 504]);
const PASSING = new Set([408, 425, 429]);

/** @param {any} error @returns {Problem & {body: any}} anything unknown counts as no answer: nothing is lost by waiting */
function problem(error) {
  const { status = 0, code = "offline", message = String(error), body = null } = error ?? {};
  return { status, code: String(code), message, body };
}

/** @param {unknown} error @returns {Outcome} */
function outcomeOf(error) {
  const { body, ...reason } = problem(error);
  if (reason.status === 401) return { type: "signed_out" };
  if (NO_ANSWER.has(reason.status)) return { type: "offline", error: reason };
  if (reason.status >= 500 || PASSING.has(reason.status)) return { type: "failed", error: reason };
  if (reason.status === 409) return { type: "conflict", current: body?.current ?? null, error: reason };
  return { type: "refused", error: reason };
}

/**
 * @param {Entry} entry
 * @param {Api} api
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>} never rejects
 */
export async function deliver(entry, api, signal) {
  try {
    if (entry.kind === "delete") {
      await remove(entry, api, signal);
      return { type: "deleted" };
    }
    return { type: "saved", annotation: await save(entry, api, signal) };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** @param {Entry} entry @param {Api} api @param {AbortSignal} signal @returns {Promise<Annotation>} */
async function save(entry, api, signal) {
  const body = /** @type {import("../types.js").AnnotationBody} */ (entry.body);
  try {
    return await api.saveAnnotation(entry.id, body, entry.base, { signal });
  } catch (error) {
    const { status, code, body: answer } = problem(error);
    // The row is gone, after a restored backup for instance: what the person drew is made anew.
    if (status === 404 && entry.base !== null) return api.saveAnnotation(entry.id, body, null, { signal });
    const current = /** @type {Annotation | undefined} */ (answer?.current);
    if (status !== 409 || !current) throw error;
    if (code === "deleted") {
      if (!entry.revive) throw error;
      const restored = await api.restoreAnnotation(entry.id, current.revision, { signal });
      return api.saveAnnotation(entry.id, body, restored.revision, { signal });
    }
    if (!isOwn(entry, current)) throw error;
    return api.saveAnnotation(entry.id, body, current.revision, { signal });
  }
}

/** @param {Entry} entry @param {Api} api @param {AbortSignal} signal */
async function remove(entry, api, signal) {
  try {
    const base = entry.base ?? (await api.getAnnotation(entry.id, { signal })).revision;
    await api.deleteAnnotation(entry.id, base, { signal });
  } catch (error) {
    const { status, code, body } = problem(error);
    if (status === 404 || status === 410 || (status === 409 && code === "deleted")) return;
    if (status !== 409 || !body?.current || !isOwn(entry, body.current)) throw error;
    await api.deleteAnnotation(entry.id, body.current.revision, { signal });
  }
}

/**
 * How the pages talk to the server: the only module that uses the network.
 *
 * Every failure is an ApiError: the server's own code and message, or status 0 and the code "offline" (no answer) or
 * "timeout". A cancelled request rejects with the signal's reason instead, because nobody waits for it.
 */

import { t } from "../core/translate.js";

/** @typedef {import("../types.js").Me} Me */
/** @typedef {import("../types.js").User} User */

const BASE = "/api/v1";
const READING = new Set(["GET", "HEAD"]);

/** A request that did not succeed. */
export class ApiError extends Error {
  /**
   * @param {object} failure
   * @param {number} failure.status HTTP status, 0 when no answer came
   * @param {string} failure.code for programs
   * @param {string} failure.message for people
   * @param {string | null} [failure.field] the field that the server names
   * @param {any} [failure.body] the whole answer, where there is one
   */
  constructor({ status, code, message, field = null, body = null }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.field = field;
    this.body = body;
  }
}

/** Says "signed-in" (detail: the user) and "signed-out", whichever request found it out. */
export const session = new EventTarget();

/** Says "answered" and "unanswered", whichever request found out that the server is there or away. */
export const reach = new EventTarget();

/** A proxy's word that nobody answers behind it. */
const AWAY = new Set([502, 503, 504]);
const PROBE_LIMIT_MS = 10_000;

/** Find out whether the server answers, and tell it on `reach`. */
export async function probe() {
  try {
    const signal = AbortSignal.timeout(PROBE_LIMIT_MS);
    noteReach(await fetch("/healthz", { cache: "no-store", signal }));
  } catch {
    noteReach(null);
  }
}

/** @param {Response | null} response null when none came */
function noteReach(response) {
  const away = !response || AWAY.has(response.status);
  reach.dispatchEvent(new Event(away ? "unanswered" : "answered"));
}

/** @type {string | null} */
let csrfToken = null;
/** @type {Promise<void> | null} */
let csrfPending = null;

/** Remember who is signed in and with which token. @param {Me} me @returns {Me} */
export function signedIn(me) {
  csrfToken = me.csrf_token;
  session.dispatchEvent(new CustomEvent("signed-in", { detail: me.user }));
  return me;
}

/** Forget the session. */
export function signedOut() {
  csrfToken = null;
  session.dispatchEvent(new Event("signed-out"));
}

/** @param {ApiError} error @returns {ApiError} */
function noteSignOut(error) {
  if (error.status === 401) signedOut();
  return error;
}

/** @returns {Promise<Me>} 401 when nobody is signed in */
export async function getMe() {
  return signedIn(await requestJson("GET", "/me"));
}

/** Fetch the token of this session once, however many requests need it. Without a session there is none to fetch. */
async function ensureToken() {
  if (csrfToken) return;
  csrfPending ??= getMe().then(
    () => {},
    (error) => {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
    },
  );
  try {
    await csrfPending;
  } finally {
    csrfPending = null;
  }
}

/** @param {number} status @param {any} body what the answer held, null when it was not JSON @returns {ApiError} */
function errorFrom(status, body) {
  const {
    code = `http_${status}`,
    message = t("The server answered {status}.", { status }),
    field = null,
  } = body?.error ?? {};
  return new ApiError({ status, code, message, field, body });
}

function offline() {
  return new ApiError({ status: 0, code: "offline", message: t("The server does not answer.") });
}

/**
 * @typedef {object} RequestOptions
 * @property {unknown} [json] body
 * @property {Record<string, string>} [headers]
 * @property {Record<string, string | number | boolean | null | undefined>} [query] empty values are left out
 * @property {AbortSignal} [signal]
 * @property {RequestPriority} [priority]
 * @property {RequestCache} [cache] "reload": not what was kept
 */

/** @param {string} path below /api/v1, or a whole path that the API gave @param {RequestOptions["query"]} query */
function address(path, query = {}) {
  const entries = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
  const url = path.startsWith("/api/") ? path : `${BASE}${path}`;
  return entries.length ? `${url}?${search}` : url;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} options
 * @returns {Promise<Response>} only successful ones
 */
async function send(method, path, { json, headers = {}, query, signal, priority, cache }) {
  /** @type {Record<string, string>} */
  const sent = { Accept: "application/json", ...headers };
  if (json !== undefined) sent["Content-Type"] = "application/json";
  if (csrfToken && !READING.has(method)) sent["X-CSRFToken"] = csrfToken;
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers: sent,
      body: json === undefined ? undefined : JSON.stringify(json),
      credentials: "same-origin",
      signal,
      priority,
      cache,
    });
  } catch {
    if (signal?.aborted && signal.reason?.name === "TimeoutError") {
      throw new ApiError({ status: 0, code: "timeout", message: t("The server did not answer in time.") });
    }
    if (signal?.aborted) throw signal.reason;
    noteReach(null);
    throw offline();
  }
  noteReach(response);
  if (response.ok) return response;
  throw noteSignOut(errorFrom(response.status, await response.json().catch(() => null)));
}

/** @param {unknown} error */
function isStaleToken(error) {
  return error instanceof ApiError && error.status === 400 && error.code.includes("csrf");
}

/** Run something that needs the token; a token that the server no longer accepts is renewed once.
 * @template Answer @param {() => Promise<Answer>} attempt @returns {Promise<Answer>} */
async function withToken(attempt) {
  await ensureToken();
  try {
    return await attempt();
  } catch (error) {
    if (!isStaleToken(error)) throw error;
    csrfToken = null;
    await ensureToken();
    return attempt();
  }
}

/** @param {string} method @param {string} path @param {RequestOptions} [options] @returns {Promise<Response>} */
export function request(method, path, options = {}) {
  if (READING.has(method)) return send(method, path, options);
  return withToken(() => send(method, path, options));
}

/** @param {string} method @param {string} path @param {RequestOptions} [options] @returns {Promise<any>} */
export async function requestJson(method, path, options) {
  const response = await request(method, path, options);
  return response.status === 204 ? null : readBody(() => response.json(), options?.signal);
}

/** A connection that breaks while the body comes is offline too.
 * @template Body @param {() => Promise<Body>} read @param {AbortSignal} [signal] @returns {Promise<Body>} */
async function readBody(read, signal) {
  try {
    return await read();
  } catch {
    if (signal?.aborted) throw signal.reason;
    throw offline();
  }
}

/** @param {string} path @param {RequestOptions} [options] @returns {Promise<ArrayBuffer>} */
export async function requestBytes(path, options = {}) {
  const response = await request("GET", path, { ...options, headers: { Accept: "*/*" } });
  return readBody(() => response.arrayBuffer(), options.signal);
}

/**
 * Send files as the multipart field "files".
 * @param {string} path @param {File[]} files
 * @param {{onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options] bytes of the request
 * @returns {Promise<any>}
 */
export function uploadFiles(path, files, options = {}) {
  return withToken(() => postFiles(address(path), files, options));
}

/** XMLHttpRequest, because fetch does not tell how much it has sent.
 * @param {string} url @param {File[]} files
 * @param {{onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} options @returns {Promise<any>} */
function postFiles(url, files, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const file of files) form.append("files", file, file.name);
    const upload = new XMLHttpRequest();
    const abort = () => upload.abort();
    upload.open("POST", url);
    upload.responseType = "json";
    upload.setRequestHeader("Accept", "application/json");
    if (csrfToken) upload.setRequestHeader("X-CSRFToken", csrfToken);
    upload.upload.addEventListener("progress", (event) => onProgress?.(event.loaded, event.total));
    upload.addEventListener("load", () => {
      if (upload.status >= 200 && upload.status < 300) resolve(upload.response);
      else reject(noteSignOut(errorFrom(upload.status, upload.response)));
    });
    upload.addEventListener("error", () => reject(offline()));
    upload.addEventListener("abort", () => reject(signal?.reason ?? offline()));
    upload.addEventListener("loadend", () => signal?.removeEventListener("abort", abort));
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) reject(signal.reason);
    else upload.send(form);
  });
}

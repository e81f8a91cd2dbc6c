/**
 * The server's API: one typed function per endpoint. The only module of the pages that uses the network.
 *
 * Every failure is an ApiError: the server's own code and message, or status 0 and the code "offline" (no answer) or
 * "timeout". A cancelled request rejects with the signal's reason instead, because nobody waits for it.
 */

/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./types.js").AnnotationRevision} AnnotationRevision */
/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").Image} Image */
/** @typedef {import("./types.js").ImagePage} ImagePage */
/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Me} Me */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").Role} Role */
/** @typedef {import("./types.js").UploadResult} UploadResult */
/** @typedef {import("./types.js").User} User */

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

/** @type {string | null} */
let csrfToken = null;
/** @type {Promise<void> | null} */
let csrfPending = null;

/** Remember who is signed in and with which token. @param {Me} me @returns {Me} */
function signedIn(me) {
  csrfToken = me.csrf_token;
  session.dispatchEvent(new CustomEvent("signed-in", { detail: me.user }));
  return me;
}

/** @param {ApiError} error @returns {ApiError} */
function noteSignOut(error) {
  if (error.status === 401) {
    csrfToken = null;
    session.dispatchEvent(new Event("signed-out"));
  }
  return error;
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
    message = `The server answered ${status}.`,
    field = null,
  } = body?.error ?? {};
  return new ApiError({ status, code, message, field, body });
}

function offline() {
  return new ApiError({ status: 0, code: "offline", message: "The server does not answer." });
}

/**
 * @typedef {object} RequestOptions
 * @property {unknown} [json] body
 * @property {Record<string, string>} [headers]
 * @property {Record<string, string | number | boolean | null | undefined>} [query] empty values are left out
 * @property {AbortSignal} [signal]
 * @property {RequestPriority} [priority]
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
async function send(method, path, { json, headers = {}, query, signal, priority }) {
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
    });
  } catch {
    if (signal?.aborted && signal.reason?.name === "TimeoutError") {
      throw new ApiError({ status: 0, code: "timeout", message: "The server did not answer in time." });
    }
    if (signal?.aborted) throw signal.reason;
    throw offline();
  }
  if (response.ok) return response;
  throw noteSignOut(errorFrom(response.status, await response.json().catch(() => null)));
}

/** @param {unknown} error */
function isStaleToken(error) {
  return error instanceof ApiError && error.status === 400 && error.code.includes("csrf");
}

/**
 * Send with a valid token: a token that the server no longer accepts is renewed once.
 * @param {string} method @param {string} path @param {RequestOptions} [options] @returns {Promise<Response>}
 */
async function request(method, path, options = {}) {
  if (READING.has(method)) return send(method, path, options);
  await ensureToken();
  try {
    return await send(method, path, options);
  } catch (error) {
    if (!isStaleToken(error)) throw error;
    csrfToken = null;
    await ensureToken();
    return send(method, path, options);
  }
}

/** @param {string} method @param {string} path @param {RequestOptions} [options] @returns {Promise<any>} */
async function requestJson(method, path, options) {
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

// ---- session and users ------------------------------------------------------------------------------------------------

/** @returns {Promise<Me>} 401 when nobody is signed in */
export async function getMe() {
  return signedIn(await requestJson("GET", "/me"));
}

/** @param {Record<string, unknown>} preferences replaces those stored @returns {Promise<Me>} */
export async function updatePreferences(preferences) {
  return requestJson("PATCH", "/me", { json: { preferences } });
}

/** @param {string} name @param {string} password @returns {Promise<Me>} 401 wrong, 429 too often */
export async function signIn(name, password) {
  return signedIn(await requestJson("POST", "/session", { json: { name, password } }));
}

export async function signOut() {
  await request("DELETE", "/session");
  csrfToken = null;
  session.dispatchEvent(new Event("signed-out"));
}

/** @returns {Promise<User[]>} */
export async function listUsers() {
  return (await requestJson("GET", "/users")).users;
}

/** @param {{name: string, is_admin?: boolean, password?: string}} values @returns {Promise<User>} */
export async function createUser(values) {
  return requestJson("POST", "/users", { json: values });
}

/** @param {number} id @param {{name?: string, is_admin?: boolean, active?: boolean, password?: string}} values
 * @returns {Promise<User>} */
export async function updateUser(id, values) {
  return requestJson("PATCH", `/users/${id}`, { json: values });
}

/** A one-time sign-in link. @param {number} id @returns {Promise<{url: string}>} */
export async function createSignInLink(id) {
  return requestJson("POST", `/users/${id}/link`);
}

// ---- projects ---------------------------------------------------------------------------------------------------------

/** @returns {Promise<Project[]>} */
export async function listProjects() {
  return (await requestJson("GET", "/projects")).projects;
}

/** @param {number} id @param {{signal?: AbortSignal}} [options] @returns {Promise<Project>} */
export async function getProject(id, { signal } = {}) {
  return requestJson("GET", `/projects/${id}`, { signal });
}

/** @param {{name: string, description?: string}} values @returns {Promise<Project>} */
export async function createProject(values) {
  return requestJson("POST", "/projects", { json: values });
}

/** @param {number} id @param {Partial<Pick<Project, "name" | "description" | "stage" | "model_digest">>} values
 * @returns {Promise<Project>} */
export async function updateProject(id, values) {
  return requestJson("PATCH", `/projects/${id}`, { json: values });
}

/** @param {number} id */
export async function deleteProject(id) {
  await request("DELETE", `/projects/${id}`);
}

/** @param {number} projectId @returns {Promise<Member[]>} */
export async function listMembers(projectId) {
  return (await requestJson("GET", `/projects/${projectId}/members`)).members;
}

/** @param {number} projectId @param {number} userId @param {Role} role */
export async function setMember(projectId, userId, role) {
  await request("PUT", `/projects/${projectId}/members/${userId}`, { json: { role } });
}

/** @param {number} projectId @param {number} userId */
export async function removeMember(projectId, userId) {
  await request("DELETE", `/projects/${projectId}/members/${userId}`);
}

/** @param {number} projectId @param {{name: string, color?: string}} values @returns {Promise<Category>} */
export async function createCategory(projectId, values) {
  return requestJson("POST", `/projects/${projectId}/categories`, { json: values });
}

/** @param {number} id @param {Partial<Pick<Category, "name" | "color" | "position">>} values @returns {Promise<Category>} */
export async function updateCategory(id, values) {
  return requestJson("PATCH", `/categories/${id}`, { json: values });
}

/** @param {number} id */
export async function deleteCategory(id) {
  await request("DELETE", `/categories/${id}`);
}

// ---- images -----------------------------------------------------------------------------------------------------------

/**
 * @param {number} projectId
 * @param {{status?: string, q?: string, cursor?: string | null, limit?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<ImagePage>}
 */
export async function listImages(projectId, { signal, ...query } = {}) {
  return requestJson("GET", `/projects/${projectId}/images`, { query, signal });
}

/** One image with its neighbours; asking moves its embedding to the front of the queue.
 * @param {number} id @param {{signal?: AbortSignal}} [options] @returns {Promise<Image>} */
export async function getImage(id, { signal } = {}) {
  return requestJson("GET", `/images/${id}`, { signal });
}

/** @param {number} id @param {Partial<Pick<Image, "status" | "skip_reason">>} values @returns {Promise<Image>} */
export async function updateImage(id, values) {
  return requestJson("PATCH", `/images/${id}`, { json: values });
}

/** @param {number} id */
export async function deleteImage(id) {
  await request("DELETE", `/images/${id}`);
}

/** Queue the image's embedding, or try again after a failure. @param {number} id @returns {Promise<Image>} */
export async function embedImage(id) {
  return requestJson("POST", `/images/${id}/embed`);
}

/**
 * @param {number} projectId
 * @param {File[]} files
 * @param {{onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options] bytes of the request
 * @returns {Promise<UploadResult>}
 * @throws {ApiError} 422 with the lists in `body` when every file was refused
 */
export async function uploadImages(projectId, files, options = {}) {
  await ensureToken();
  try {
    return await postFiles(`${BASE}/projects/${projectId}/images`, files, options);
  } catch (error) {
    if (!isStaleToken(error)) throw error;
    csrfToken = null;
    await ensureToken();
    return postFiles(`${BASE}/projects/${projectId}/images`, files, options);
  }
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

/** Bytes of a file whose URL the API gave (an embedding, an image). It stays in the HTTP cache.
 * @param {string} url @param {{signal?: AbortSignal, priority?: RequestPriority}} [options]
 * @returns {Promise<ArrayBuffer>} */
export async function getFile(url, { signal, priority } = {}) {
  const response = await request("GET", url, { signal, priority, headers: { Accept: "*/*" } });
  return readBody(() => response.arrayBuffer(), signal);
}

// ---- annotations ------------------------------------------------------------------------------------------------------

/** @param {number | null} revision the server's revision that was edited; null when the annotation is new */
function precondition(revision) {
  return revision === null ? { "If-None-Match": "*" } : { "If-Match": `"${revision}"` };
}

/** @param {number} imageId @param {{signal?: AbortSignal}} [options] @returns {Promise<Annotation[]>} */
export async function listAnnotations(imageId, { signal } = {}) {
  return (await requestJson("GET", `/images/${imageId}/annotations`, { signal })).annotations;
}

/** @param {string} id @param {{signal?: AbortSignal}} [options] @returns {Promise<Annotation>} */
export async function getAnnotation(id, { signal } = {}) {
  return requestJson("GET", `/annotations/${id}`, { signal });
}

/**
 * Create or change; safe to repeat.
 * @param {string} id UUID made by the client
 * @param {AnnotationBody} body
 * @param {number | null} revision the revision that was edited; null to create
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<Annotation>}
 * @throws {ApiError} 409 with the server's annotation in `body.current`
 */
export async function saveAnnotation(id, body, revision, { signal } = {}) {
  return requestJson("PUT", `/annotations/${id}`, { json: body, headers: precondition(revision), signal });
}

/** @param {string} id @param {number} revision the revision that was seen @param {{signal?: AbortSignal}} [options] */
export async function deleteAnnotation(id, revision, { signal } = {}) {
  await request("DELETE", `/annotations/${id}`, { headers: precondition(revision), signal });
}

/** @param {string} id @returns {Promise<AnnotationRevision[]>} */
export async function listRevisions(id) {
  return (await requestJson("GET", `/annotations/${id}/revisions`)).revisions;
}

/** Make an earlier revision the newest; also brings a deleted annotation back.
 * @param {string} id @param {number} revision @param {{signal?: AbortSignal}} [options] @returns {Promise<Annotation>} */
export async function restoreAnnotation(id, revision, { signal } = {}) {
  return requestJson("POST", `/annotations/${id}/restore`, { json: { revision }, signal });
}

// ---- jobs, exports, models --------------------------------------------------------------------------------------------

/** @param {{project_id?: number, kind?: Job["kind"], state?: Job["state"]}} [query] @returns {Promise<Job[]>} */
export async function listJobs(query = {}) {
  return (await requestJson("GET", "/jobs", { query })).jobs;
}

/** @param {number} id @returns {Promise<Job>} */
export async function getJob(id) {
  return requestJson("GET", `/jobs/${id}`);
}

/** @param {number} id @returns {Promise<Job>} */
export async function cancelJob(id) {
  return requestJson("POST", `/jobs/${id}/cancel`);
}

/** @param {number} id @returns {Promise<Job>} */
export async function retryJob(id) {
  return requestJson("POST", `/jobs/${id}/retry`);
}

/** @param {number} projectId @param {{format: string, include_proposals?: boolean}} values @returns {Promise<Job>} */
export async function createExport(projectId, values) {
  return requestJson("POST", `/projects/${projectId}/exports`, { json: values });
}

/** @returns {Promise<Model[]>} */
export async function listModels() {
  return (await requestJson("GET", "/models")).models;
}

/** @param {string} digest @returns {Promise<Model>} */
export async function getModel(digest) {
  return requestJson("GET", `/models/${digest}`);
}

/** @param {string} name a released checkpoint @returns {Promise<Job>} */
export async function installModel(name) {
  return requestJson("POST", "/models/install", { json: { name } });
}

/** Embed new images with this model from now on. @param {string} digest @returns {Promise<Model>} */
export async function activateModel(digest) {
  return requestJson("POST", `/models/${digest}/activate`);
}

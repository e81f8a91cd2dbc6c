/** The server's API: one typed function per endpoint. Failures are ApiErrors, see api/http.js. */

import { getMe, request, requestBytes, requestJson, signedIn, signedOut, uploadFiles } from "./api/http.js";

export { ApiError, probe, reach, session } from "./api/http.js";

/** @typedef {import("./types.js").Annotation} Annotation */
/** @typedef {import("./types.js").AnnotationBody} AnnotationBody */
/** @typedef {import("./types.js").AnnotationRevision} AnnotationRevision */
/** @typedef {import("./types.js").ApiToken} ApiToken */
/** @typedef {import("./types.js").Category} Category */
/** @typedef {import("./types.js").CropStatus} CropStatus */
/** @typedef {import("./types.js").Image} Image */
/** @typedef {import("./types.js").ImageFilter} ImageFilter */
/** @typedef {import("./types.js").ImagePage} ImagePage */
/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Me} Me */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").Role} Role */
/** @typedef {import("./types.js").UploadResult} UploadResult */
/** @typedef {import("./types.js").User} User */

// ---- session and users ------------------------------------------------------------------------------------------------

export { getMe };

/** @param {Record<string, unknown>} preferences laid over those stored, null removes one @returns {Promise<Me>} */
export async function updatePreferences(preferences) {
  return requestJson("PATCH", "/me", { json: { preferences } });
}

/** @param {string} name @param {string} password @returns {Promise<Me>} 401 wrong, 429 too often */
export async function signIn(name, password) {
  return signedIn(await requestJson("POST", "/session", { json: { name, password } }));
}

export async function signOut() {
  await request("DELETE", "/session");
  signedOut();
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

/** @param {string} current needed once there is one @param {string} password @returns {Promise<Me>} 422 names the field */
export async function changePassword(current, password) {
  const json = { current_password: current, password };
  return signedIn(await requestJson("PUT", "/me/password", { json }));
}

/** @returns {Promise<ApiToken[]>} */
export async function listTokens() {
  return (await requestJson("GET", "/me/tokens")).tokens;
}

/** @param {string} name @returns {Promise<ApiToken & {token: string}>} `token` is shown only this once */
export async function createToken(name) {
  return requestJson("POST", "/me/tokens", { json: { name } });
}

/** @param {number} id */
export async function revokeToken(id) {
  await request("DELETE", `/me/tokens/${id}`);
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

/** @param {number} id @param {Partial<Pick<Project, "name" | "description" | "stage" | "sample_share" | "model_digest">>} values
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
 * @param {{status?: string, filter?: ImageFilter, q?: string, cursor?: string | null, limit?: number,
 *   signal?: AbortSignal}} [options]
 * @returns {Promise<ImagePage>}
 */
export async function listImages(projectId, { signal, ...query } = {}) {
  return requestJson("GET", `/projects/${projectId}/images`, { query, signal });
}

/** One image with its neighbours in the filter; asking moves its embedding to the front of the queue.
 * @param {number} id @param {{filter?: ImageFilter, signal?: AbortSignal}} [options] @returns {Promise<Image>} */
export async function getImage(id, { filter, signal } = {}) {
  return requestJson("GET", `/images/${id}`, { query: { filter }, signal });
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

/** Encode a part of the image, first in line; asking again tells how far it is.
 * @param {number} id @param {readonly number[]} box x0, y0, x1, y1 @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<CropStatus>} @throws {ApiError} 429 when too many are under way */
export async function requestCrop(id, box, { signal } = {}) {
  return requestJson("POST", `/images/${id}/crops`, { json: { box }, signal });
}

/**
 * @param {number} projectId
 * @param {File[]} files
 * @param {{onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options] bytes of the request
 * @returns {Promise<UploadResult>}
 * @throws {ApiError} 422 with the lists in `body` when every file was refused
 */
export async function uploadImages(projectId, files, options = {}) {
  return uploadFiles(`/projects/${projectId}/images`, files, options);
}

/** Bytes of a file whose URL the API gave (an embedding, an image). It stays in the HTTP cache.
 * @param {string} url
 * @param {{signal?: AbortSignal, priority?: RequestPriority, cache?: RequestCache}} [options]
 * @returns {Promise<ArrayBuffer>} */
export async function getFile(url, options = {}) {
  return requestBytes(url, options);
}

// ---- annotations ------------------------------------------------------------------------------------------------------

/** @param {number | null} revision the revision that was edited; null when the annotation is new
 * @returns {Record<string, string>} */
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

/** @param {number} id @param {{signal?: AbortSignal}} [options] @returns {Promise<Job>} */
export async function getJob(id, { signal } = {}) {
  return requestJson("GET", `/jobs/${id}`, { signal });
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

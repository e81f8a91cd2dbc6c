import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** @typedef {{method: string, url: string, headers: Record<string, string>, body: string | undefined}} Sent */

/** @type {Sent[]} */
let sent = [];
/** @type {(request: Sent) => Response | Promise<Response>} */
let server = () => Response.json({});
/** @type {typeof import("../../static/js/api.js")} */
let api;
let round = 0;

const ME = { user: { id: 3, name: "ann", is_admin: false, preferences: {} }, csrf_token: "t1" };

/** @param {number} status @param {string} code @param {object} [more] */
function failure(status, code, more = {}) {
  return Response.json({ error: { code, message: `why ${code}`, field: "name" }, ...more }, { status });
}

beforeEach(async () => {
  sent = [];
  server = ({ url }) => Response.json(url === "/api/v1/me" ? ME : {});
  globalThis.fetch = async (url, options = {}) => {
    options.signal?.throwIfAborted();
    const request = /** @type {Sent} */ ({ url: String(url), ...options });
    sent.push(request);
    return server(request);
  };
  // The token lives in the module: every test gets a fresh pair of modules.
  round++;
  const http = await import(`../../static/js/api/http.js?round=${round}`);
  api = /** @type {any} */ ({ ...(await import("../../static/js/api.js")), ...http });
});

/** A request of the fresh transport. @param {string} method @param {string} path @param {object} [options] */
function call(method, path, options) {
  return /** @type {any} */ (api).requestJson(method, path, options);
}

test("reading needs no token, writing fetches it once", async () => {
  await call("GET", "/projects/1");
  assert.deepEqual(
    sent.map(({ url }) => url),
    ["/api/v1/projects/1"],
  );
  await Promise.all([call("POST", "/a", { json: { x: 1 } }), call("PATCH", "/b", { json: {} })]);
  assert.deepEqual(
    sent.slice(1).map(({ url }) => url),
    ["/api/v1/me", "/api/v1/a", "/api/v1/b"],
  );
  assert.equal(sent[2].headers["X-CSRFToken"], "t1");
  assert.equal(sent[2].headers["Content-Type"], "application/json");
  assert.equal(sent[2].body, '{"x":1}');
});

test("a token that is no longer good is renewed and the request sent again, once", async () => {
  let token = "t1";
  server = ({ url, headers }) => {
    if (url === "/api/v1/me") return Response.json({ ...ME, csrf_token: token });
    return headers["X-CSRFToken"] === "t2" ? Response.json({ ok: true }) : failure(400, "csrf_failed");
  };
  await assert.rejects(call("POST", "/a"), { status: 400, code: "csrf_failed" });
  assert.equal(sent.length, 4, "me, a, me, a");
  token = "t2";
  assert.deepEqual(await call("POST", "/a"), { ok: true });
});

test("without a session a write goes out without a token, and the server decides", async () => {
  server = ({ url }) => (url === "/api/v1/me" ? failure(401, "signed_out") : Response.json(ME));
  await call("POST", "/session", { json: { name: "ann", password: "x" } });
  assert.equal(sent[1].headers["X-CSRFToken"], undefined);
});

test("errors carry what the server says", async () => {
  server = () => failure(409, "conflict", { current: { revision: 7 } });
  await assert.rejects(call("GET", "/x"), (/** @type {any} */ error) => {
    assert.ok(error instanceof api.ApiError);
    assert.deepEqual(
      [error.status, error.code, error.message, error.field, error.body.current.revision],
      [409, "conflict", "why conflict", "name", 7],
    );
    return true;
  });
  server = () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  await assert.rejects(call("GET", "/x"), { status: 502, code: "http_502" });
});

test("no answer is offline, no answer in time is a timeout, a cancelled request says so", async () => {
  server = () => Promise.reject(new TypeError("Failed to fetch"));
  await assert.rejects(call("GET", "/x"), { name: "ApiError", status: 0, code: "offline" });
  server = () => new Response("{", { headers: { "Content-Type": "application/json" } });
  await assert.rejects(call("GET", "/x"), { status: 0, code: "offline" }, "the answer broke off");
  const timeout = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  await assert.rejects(call("GET", "/x", { signal: timeout }), { status: 0, code: "timeout" });
  await assert.rejects(call("GET", "/x", { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("the session is announced", async () => {
  /** @type {string[]} */
  const events = [];
  api.session.addEventListener("signed-in", (event) =>
    events.push(`in ${/** @type {CustomEvent} */ (event).detail.name}`),
  );
  api.session.addEventListener("signed-out", () => events.push("out"));
  await call("POST", "/a");
  server = () => failure(401, "signed_out");
  await assert.rejects(call("POST", "/a"), { status: 401 });
  assert.deepEqual(events, ["in ann", "out"]);
});

test("queries leave out what is empty; addresses from the API are used as they are", async () => {
  await call("GET", "/projects/1/images", { query: { q: "a b", status: undefined, cursor: null, limit: 5 } });
  await call("GET", "/api/v1/images/2/file?v=abc");
  assert.deepEqual(
    sent.map(({ url }) => url),
    ["/api/v1/projects/1/images?q=a+b&limit=5", "/api/v1/images/2/file?v=abc"],
  );
});

test("annotations are created and changed under a precondition", async () => {
  const body = /** @type {any} */ ({ image_id: 1 });
  await api.saveAnnotation("u", body, null);
  await api.saveAnnotation("u", body, 4);
  server = ({ url }) => (url === "/api/v1/me" ? Response.json(ME) : new Response(null, { status: 204 }));
  await api.deleteAnnotation("u", 5);
  const writes = sent.filter(({ url }) => url.endsWith("/annotations/u"));
  assert.deepEqual(
    writes.map(({ method, headers }) => [method, headers["If-None-Match"], headers["If-Match"]]),
    [
      ["PUT", "*", undefined],
      ["PUT", undefined, '"4"'],
      ["DELETE", undefined, '"5"'],
    ],
  );
});

test("lists arrive unwrapped", async () => {
  server = () =>
    Response.json({ models: [1], jobs: [2], users: [3], projects: [4], members: [5], annotations: [6] });
  assert.deepEqual(
    await Promise.all([
      api.listModels(),
      api.listJobs(),
      api.listUsers(),
      api.listProjects(),
      api.listMembers(1),
      api.listAnnotations(1),
    ]),
    [[1], [2], [3], [4], [5], [6]],
  );
});

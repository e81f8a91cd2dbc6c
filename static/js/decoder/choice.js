/**
 * What the decoder runs on in this browser: the person's choice, and what was found out about WebGPU with each model. It is a
 * matter of the device, so it stays here and does not travel with the account.
 */

/** @typedef {import("./messages.js").BackendChoice} BackendChoice */
/** @typedef {import("./messages.js").Verdict} Verdict */

const CHOICE = "annotator.decoder";
/** @type {readonly BackendChoice[]} */
export const CHOICES = ["auto", "wasm", "webgpu"];
/** What would be found out again. An absent card may come back, and is no work to look for. @type {readonly string[]} */
const LASTING = ["chosen", "slow", "wrong", "failed"];

/** @returns {BackendChoice} */
export function readChoice() {
  const stored = /** @type {BackendChoice} */ (read(CHOICE));
  return CHOICES.includes(stored) ? stored : "auto";
}

/** @param {BackendChoice} choice */
export function writeChoice(choice) {
  write(CHOICE, choice);
}

/**
 * @param {string} digest of the model
 * @param {string} runtimeUrl of the runtime with WebGPU; holds its version
 * @returns {Verdict | null} null: to be found out, as after an update of the browser or of the runtime
 */
export function recallVerdict(digest, runtimeUrl) {
  const known = /** @type {any} */ (read(keyOf(digest)));
  const current = known?.agent === navigator.userAgent && known?.runtimeUrl === runtimeUrl;
  return current && LASTING.includes(known.verdict?.outcome) ? known.verdict : null;
}

/** What does not last is forgotten: it is measured anew next time.
 * @param {string} digest @param {string} runtimeUrl @param {Verdict} verdict */
export function rememberVerdict(digest, runtimeUrl, verdict) {
  const lasts = LASTING.includes(verdict.outcome);
  write(keyOf(digest), lasts ? { agent: navigator.userAgent, runtimeUrl, verdict } : null);
}

/** @param {string} digest */
function keyOf(digest) {
  return `${CHOICE}:${digest}`;
}

/** @param {string} key @returns {unknown} */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value */
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may have no storage: then it is found out again with the next page.
  }
}

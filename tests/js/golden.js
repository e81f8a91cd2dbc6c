/** The fixtures that hold Python and JavaScript to the same answers (written by `python -m tests.make_golden`). */

import { readFileSync } from "node:fs";

const FOLDER = new URL("../fixtures/golden/", import.meta.url);

/** @param {string} name @returns {any} */
export function goldenJson(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
}

/** @param {string} name @returns {ArrayBuffer} a copy, so that any typed array fits on it */
export function goldenBytes(name) {
  return new Uint8Array(readFileSync(new URL(`${name}.bin`, FOLDER))).buffer;
}

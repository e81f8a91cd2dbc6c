/** The one bridge to pyramid_worker.js, which is started by the first photograph. */

import { ImagePyramid } from "./pyramid.js";

/** @typedef {{resolve: (pyramid: ImagePyramid) => void, reject: (error: Error) => void}} Call */

/** @type {Worker | null} */
let worker = null;
/** @type {Map<number, Call>} */
const calls = new Map();
let nextId = 1;

/**
 * @param {ArrayBuffer} bytes of an image file
 * @returns {Promise<ImagePyramid>}
 * @throws {Error} when the browser cannot decode it
 */
export function decodePicture(bytes) {
  worker ??= started();
  const id = nextId++;
  worker.postMessage({ id, file: new Blob([bytes]) });
  return new Promise((resolve, reject) => calls.set(id, { resolve, reject }));
}

function started() {
  const made = new Worker(new URL("./pyramid_worker.js", import.meta.url), {
    type: "module",
    name: "pictures",
  });
  made.addEventListener("message", ({ data: { id, levels } }) => {
    const call = calls.get(id);
    calls.delete(id);
    if (levels) call?.resolve(new ImagePyramid(levels));
    else call?.reject(new Error("The browser cannot decode this picture."));
  });
  made.addEventListener("error", () => {
    worker = null; // the next photograph tries again
    for (const { reject } of calls.values())
      reject(new Error("The worker that decodes pictures did not load."));
    calls.clear();
  });
  return made;
}

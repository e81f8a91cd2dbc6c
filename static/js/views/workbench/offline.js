/**
 * Working on while the server is away, over a reload too: once the page has nothing better to do it installs the service worker
 * (offline/worker.js), which needs HTTPS or localhost.
 */

import { getMe, getModel, getProject, listAnnotations } from "../../api.js";
import { fetchEmbedding } from "./asked.js";

/** @typedef {import("./opening.js").Opening} Opening */

const CALM_MS = 4000;

/** @param {Opening} opening */
export function prepareForOffline(opening) {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  const { dataset } = document.body;
  const controlled = serviceWorker.controller !== null;
  if (controlled) dataset.offline = "ready";
  else {
    serviceWorker.addEventListener("controllerchange", () => tellAgain(opening), { once: true });
  }
  const whenReady = () => {
    if (opening.preparation.state !== "ready") return;
    opening.removeEventListener("preparation", whenReady);
    // Where it cannot be installed, reloading needs the server; everything else goes on without it.
    setTimeout(() => serviceWorker.register("/offline.js").catch(() => {}), CALM_MS);
  };
  opening.addEventListener("preparation", whenReady);
  whenReady();
}

/** What was asked before the worker could keep the answers. */
async function tellAgain(/** @type {Opening} */ opening) {
  const { image } = opening.editor;
  if (!image) return;
  const { model_digest: digest } = image.embedding;
  await Promise.allSettled([
    getMe(),
    getProject(image.project_id),
    listAnnotations(image.id),
    digest ? getModel(digest) : null,
    fetchEmbedding(image),
    opening.refreshNeighbours(),
  ]);
  document.body.dataset.offline = "ready";
}

/**
 * A closer look from the wish to the answer: ask the server to encode a part of the image, wait, hand it to the decoder, and
 * let the editor use it. One at a time; whoever leaves before it is there gives the server's work up.
 */

import { ApiError, cancelJob, getFile, getJob, requestCrop } from "../api.js";
import { sameCrop } from "../core/crop.js";
import { t } from "../core/translate.js";

/** @typedef {import("../core/crop.js").Crop} Crop */
/** @typedef {import("../decoder/client.js").DecoderClient} DecoderClient */
/** @typedef {import("../types.js").Image} Image */

/** off; waiting for the server, which encodes it, then it is loaded; ready to answer; failed.
 * @typedef {"off" | "waiting" | "encoding" | "loading" | "ready" | "failed"} LookState */

const POLL_MS = 400;
/** A crop that was made may be gone again before it is fetched, or somebody else gave its job up. */
const TRIES = 3;

/** Event "change": another state. */
export class CloserLook extends EventTarget {
  /** @type {LookState} */
  state = "off";
  /** Why it failed, for the person. */
  message = "";
  /** What is looked at, or was asked for. @type {Crop | null} */
  crop = null;
  /** @type {import("./draft.js").Draft | null} whose look was looked for */
  #draft = null;
  /** @type {number | null} */
  #imageId = null;
  #asking = new AbortController();
  /** The job that nobody needs any more when this look is left. @type {number | null} */
  #jobId = null;

  /**
   * @param {import("../editor.js").Editor} editor
   * @param {{start: (digest: string) => Promise<Pick<DecoderClient, "loadCrop">>}} decoders
   * @param {number} [pollMs]
   */
  constructor(editor, decoders, pollMs = POLL_MS) {
    super();
    this.editor = editor;
    this.decoders = decoders;
    this.pollMs = pollMs;
    editor.addEventListener("change", (event) => {
      const { kinds } = /** @type {import("../editor.js").ChangeEvent} */ (event).detail;
      if (kinds.has("image") && editor.image?.id !== this.#imageId) this.#forget();
      if (kinds.has("draft") || kinds.has("decoder")) this.#follow();
    });
  }

  /** Look at a part of the image closely. @param {Crop} crop */
  open(crop) {
    return this.#open(crop, false);
  }

  /** Ask again after a failure. */
  async retry() {
    if (this.crop) await this.#open(this.crop, false);
  }

  /** Back to the whole image; what is still under way is given up. */
  close() {
    this.#giveUp();
    this.crop = null;
    this.#set("off");
    this.editor.lookAway();
  }

  /** An object that was made with a closer look brings it back. */
  #follow() {
    const { draft, canPrompt } = this.editor;
    if (!canPrompt || draft === this.#draft) return;
    this.#draft = draft;
    const crop = draft?.prompts.crop;
    if (crop && !sameCrop(crop, this.crop)) this.#open(crop, true);
  }

  /** Another image is shown: there is nothing to leave in the editor. */
  #forget() {
    this.#giveUp();
    this.#imageId = this.editor.image?.id ?? null;
    this.#draft = null;
    this.crop = null;
    this.#set("off");
  }

  #giveUp() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const jobId = this.#jobId;
    this.#jobId = null;
    // It may be done by now, or somebody else's wish too: then it simply goes on.
    if (jobId !== null) cancelJob(jobId).catch(() => {});
  }

  async #open(/** @type {Crop} */ crop, /** @type {boolean} */ expected) {
    const { image } = this.editor;
    if (!image || !this.editor.canPrompt) return this.editor.refusePrompt();
    this.#giveUp();
    this.editor.lookAway();
    this.crop = crop;
    if (expected) this.editor.expectCrop(crop);
    const { signal } = this.#asking;
    this.#set("waiting");
    try {
      await this.#load(image, crop, signal);
      if (signal.aborted) return;
      this.#set("ready");
      this.editor.lookAt(crop);
    } catch (error) {
      if (signal.aborted) return;
      this.#jobId = null;
      this.#set("failed", error instanceof Error ? error.message : String(error));
      this.editor.lookAway();
    }
  }

  async #load(/** @type {Image} */ image, /** @type {Crop} */ crop, /** @type {AbortSignal} */ signal) {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const made = await requestCrop(image.id, crop, { signal });
      if (made.job_id !== null) {
        await this.#finished(made.job_id, signal);
        continue;
      }
      this.#set("loading");
      const buffer = await fileOf(made, signal);
      if (!buffer) continue;
      const client = await this.decoders.start(image.embedding.model_digest);
      if (signal.aborted) return;
      await client.loadCrop(buffer, { imageSha256: image.sha256, crop });
      return;
    }
    throw new Error(t("The server did not keep this closer look. Try again."));
  }

  /** Wait for a job's end. */
  async #finished(/** @type {number} */ id, /** @type {AbortSignal} */ signal) {
    this.#jobId = id;
    for (;;) {
      const job = await getJob(id, { signal });
      if (job.state === "failed") throw new Error(job.error?.message ?? t("The server could not encode it."));
      if (job.state === "done" || job.state === "cancelled") break;
      this.#set(job.state === "running" ? "encoding" : "waiting");
      await pause(this.pollMs, signal);
    }
    this.#jobId = null;
  }

  #set(/** @type {LookState} */ state, message = "") {
    if (state === this.state && message === this.message) return;
    this.state = state;
    this.message = message;
    this.dispatchEvent(new Event("change"));
  }
}

/** The embedding of a crop that is ready; null when it is gone again. */
async function fileOf(
  /** @type {import("../types.js").CropStatus} */ { url },
  /** @type {AbortSignal} */ signal,
) {
  try {
    return url && (await getFile(url, { signal, priority: "high" }));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function pause(/** @type {number} */ ms, /** @type {AbortSignal} */ signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

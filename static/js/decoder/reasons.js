/** Why the decoder does not answer, for people: the worker only gives codes and English, as it has no catalogue. */

import { t } from "../core/translate.js";

/** @type {Record<string, string>} */
const REASONS = {
  offline: t("The decoder could not be downloaded: the server does not answer."),
  runtime_unavailable: t(
    "The inference runtime did not load. Reload the page; if it stays so, run the set-up again.",
  ),
  model_unavailable: t("The server does not give out the decoder's file. Reload the page."),
  model_truncated: t("The decoder's file arrived incomplete. Reload the page."),
  model_invalid: t(
    "This browser does not accept the decoder's file. Reload the page, or use a newer browser.",
  ),
  embedding_malformed: t("The image's embedding arrived damaged. Reload the page."),
  embedding_mismatch: t("The image's embedding belongs to another model or image. Reload the page."),
  no_embedding: t("This image has no embedding yet."),
  worker_failed: t("The decoder stopped. Reload the page: your work is kept."),
};

/** @param {{code: string, message: string}} error @returns {string} the worker's own words where there are no better ones */
export function reasonOf({ code, message }) {
  return REASONS[code] ?? message;
}

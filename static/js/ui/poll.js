/** Looking again while a page is open, without piling up requests or failing silently. */

import { ApiError } from "../api.js";
import { t } from "../core/translate.js";
import { toast } from "./toast.js";

const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 30_000;

/**
 * Call `tick` again and again while the page is visible; the next call waits for the last one. When the server does
 * not answer, a message says so until it does.
 * @param {() => Promise<number>} tick gives the milliseconds until the next call
 * @param {number} [delay] milliseconds before the first call
 * @returns {() => void} calls it at once
 */
export function poll(tick, delay = 0) {
  let timer = 0;
  let running = false;
  let again = false;
  let failures = 0;
  const run = async () => {
    window.clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    running = true;
    let wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    try {
      wait = await tick();
      failures = 0;
      showUnreachable(false);
    } catch (error) {
      failures += 1;
      // One failed look is not worth a message: the next one comes soon.
      if (failures > 1 && error instanceof ApiError && error.status === 0) showUnreachable(true);
    }
    running = false;
    if (again) wait = 0;
    again = false;
    if (!document.hidden) timer = window.setTimeout(run, wait);
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) run();
  });
  window.addEventListener("online", run);
  timer = window.setTimeout(run, delay);
  return run;
}

/** @type {(() => void) | null} */
let hideUnreachable = null;

/** @param {boolean} unreachable */
function showUnreachable(unreachable) {
  if (unreachable) {
    hideUnreachable ??= toast(t("The server does not answer. Trying again …"), {
      kind: "danger",
      sticky: true,
    });
  } else {
    hideUnreachable?.();
    hideUnreachable = null;
  }
}

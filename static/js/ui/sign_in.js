/** Signing in without leaving the page: what is open, drawn or typed stays. */

import { ApiError, signIn } from "../api.js";
import { t } from "../core/translate.js";
import { formDialog } from "./dialog.js";

/** Why it did not work, for the person. @param {unknown} error */
export function explainSignIn(error) {
  if (!(error instanceof ApiError)) return error;
  if (error.status === 429) return new Error(t("Too many attempts. Wait a minute, then try again."));
  if (error.status === 401) return new Error(t("Name and password do not match. Both are case-sensitive."));
  if (error.code === "offline")
    return new Error(t("The server does not answer. Check your connection, then try again."));
  return error;
}

/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * Ask the person who was signed in here for the password. One dialog at a time, whoever asks.
 * @param {string} name only this person: what waits to be saved is theirs
 * @returns {Promise<boolean>} whether they are signed in now
 */
export function signInAgain(name) {
  asking ??= ask(name).finally(() => {
    asking = null;
  });
  return asking;
}

/** @param {string} name */
async function ask(name) {
  const done = formDialog({
    title: t("Sign in again"),
    intro: t(
      "You were signed out. What you were doing is still here, {name}, and goes on when you are back.",
      {
        name,
      },
    ),
    fields: [
      {
        name: "password",
        label: t("Password"),
        type: "password",
        autocomplete: "current-password",
        required: true,
        hint: t(
          "No password? Open a new one-time link from your administrator in another tab, then come back.",
        ),
      },
    ],
    confirm: t("Sign in"),
    submit: async ({ password }) => {
      try {
        return await signIn(name, password);
      } catch (error) {
        throw error instanceof ApiError && error.status === 401
          ? Object.assign(new Error(t("This is not the password.")), { field: "password" })
          : explainSignIn(error);
      }
    },
  });
  return (await done) !== null;
}

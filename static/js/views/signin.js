/** Sign in with a password; one-time links need no form, the server signs in and comes here only when one fails. */

import { signIn } from "../api.js";
import { t } from "../core/translate.js";
import { busy, clearFormErrors, field, readForm, showFormError } from "../ui/dialog.js";
import { button, byId, h, icon } from "../ui/dom.js";
import { languageField } from "../ui/language.js";
import { explainSignIn } from "../ui/sign_in.js";
import { themeButton } from "../ui/theme.js";

/** Only a path of this site may be returned to. */
function nextUrl() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
  clearFormErrors(form);
  const { name = "", password = "" } = readForm(form);
  await busy(go, async () => {
    try {
      await signIn(name.trim(), password);
      location.assign(nextUrl());
    } catch (error) {
      showFormError(form, explainSignIn(error));
    }
  });
}

function linkNotice() {
  if (new URLSearchParams(location.search).get("problem") !== "link") return null;
  const message = t(
    "This sign-in link was already used, has expired or was not copied whole. Ask for a new one, or sign in with your password.",
  );
  return h("div", { class: "notice warning", role: "alert" }, icon("triangle-alert"), h("p", {}, message));
}

byId("main", HTMLElement).append(
  h(
    "div",
    { class: "signin-box" },
    h(
      "div",
      { class: "signin-brand" },
      h("img", { src: "/static/favicon.svg", alt: "", width: 44, height: 44 }),
      h("h1", {}, t("Sign in to Annotator")),
      h("p", { class: "muted" }, t("Click an object, get its mask.")),
    ),
    linkNotice(),
    h(
      "form",
      { class: "card padded stack form-body", novalidate: true, onsubmit: submit },
      field({ name: "name", label: t("Name"), autocomplete: "username", required: true }),
      field({
        name: "password",
        label: t("Password"),
        type: "password",
        autocomplete: "current-password",
        required: true,
      }),
      button(t("Sign in"), { kind: "primary large block", type: "submit" }),
    ),
    h(
      "p",
      { class: "hint" },
      t(
        "No password yet? Your administrator can give you a one-time link: opening it signs you in, and you can then choose a password in your account.",
      ),
    ),
  ),
  h("div", { class: "signin-corner" }, languageField(), themeButton()),
);
/** @type {HTMLInputElement | null} */ (document.querySelector("input[name=name]"))?.focus();
document.body.dataset.ready = "true";

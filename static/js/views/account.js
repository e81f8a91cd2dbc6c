/** One's own account: password, theme, tokens for scripts. */

import { changePassword, createToken, listTokens, revokeToken } from "../api.js";
import { t } from "../core/translate.js";
import {
  busy,
  clearFormErrors,
  confirmDialog,
  field,
  formDialog,
  openDialog,
  readForm,
  showFormError,
} from "../ui/dialog.js";
import { button, byId, h, icon, iconButton, replace } from "../ui/dom.js";
import { formatWhen } from "../ui/format.js";
import { keymap } from "../ui/keymap.js";
import { openKeymapEditor } from "../ui/keymap_editor.js";
import { languageField } from "../ui/language.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { getTheme, setTheme } from "../ui/theme.js";
import { toast, toastError } from "../ui/toast.js";

/** @typedef {import("../types.js").User} User */
/** @typedef {import("../types.js").ApiToken} ApiToken */

/** @param {User} user */
function passwordForm(user) {
  const go = button(user.has_password ? t("Change password") : t("Set password"), {
    kind: "primary",
    type: "submit",
  });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    clearFormErrors(form);
    const { current_password = "", password = "", repeat = "" } = readForm(form);
    if (password !== repeat) {
      const problem = new Error(t("The two new passwords differ."));
      return showFormError(form, Object.assign(problem, { field: "repeat" }));
    }
    return busy(go, async () => {
      try {
        await changePassword(current_password, password);
        form.reset();
        toast(t("Password changed. Other browsers where you were signed in are signed out."), {
          kind: "success",
        });
      } catch (error) {
        showFormError(form, error);
      }
    });
  };
  const form = h(
    "form",
    { class: "card padded stack form-body", novalidate: true, onsubmit: submit },
    // Password managers look for the name next to the password.
    h("input", { type: "text", name: "username", autocomplete: "username", value: user.name, hidden: true }),
    user.has_password
      ? field({
          name: "current_password",
          label: t("Current password"),
          type: "password",
          autocomplete: "current-password",
        })
      : h(
          "p",
          { class: "muted" },
          t("You signed in by link. With a password you can come back without one."),
        ),
    field({
      name: "password",
      label: t("New password"),
      type: "password",
      autocomplete: "new-password",
      hint: t("At least 8 characters."),
    }),
    field({ name: "repeat", label: t("New password again"), type: "password", autocomplete: "new-password" }),
    h("div", {}, go),
  );
  return form;
}

function themeChoice() {
  const group = h("div", { class: "segmented", role: "radiogroup", "aria-label": t("Theme") });
  /** @type {[import("../ui/theme.js").Theme, string, string][]} */
  const choices = [
    ["system", t("System"), "monitor"],
    ["light", t("Light"), "sun"],
    ["dark", t("Dark"), "moon"],
  ];
  const draw = () =>
    replace(
      group,
      choices.map(([theme, label, iconName]) => {
        const checked = String(theme === getTheme());
        const choose = () => {
          setTheme(theme);
          /** @type {HTMLElement | null} */ (group.querySelector("[aria-checked=true]"))?.focus();
        };
        return h(
          "button",
          { type: "button", role: "radio", "aria-checked": checked, onclick: choose },
          icon(iconName),
          label,
        );
      }),
    );
  window.addEventListener("themechange", draw);
  draw();
  return group;
}

function tokenSection() {
  const list = h("ul", { class: "lines" });
  const load = async () => {
    const tokens = await listTokens();
    replace(
      list,
      tokens.length
        ? tokens.map((token) => tokenRow(token, load))
        : h("li", { class: "label-none muted" }, t("No tokens. Make one to use the API from a script.")),
    );
  };
  const make = async () => {
    const token = await formDialog({
      title: t("New token"),
      confirm: t("Make token"),
      fields: [
        { name: "name", label: t("What is it for?"), required: true, placeholder: t("Nightly export") },
      ],
      submit: ({ name = "" }) => createToken(name.trim()),
    });
    if (!token) return;
    await load();
    showToken(token.token);
  };
  load().catch((error) => toastError(error, t("Could not read the tokens")));
  return h(
    "section",
    { class: "stack" },
    h(
      "div",
      { class: "row" },
      h("h2", { class: "grow" }, t("API tokens")),
      button(t("New token"), { icon: "plus", kind: "small", onclick: make }),
    ),
    h("div", { class: "card" }, list),
    h(
      "p",
      { class: "hint" },
      t("Scripts send a token in this header and may do what you may do:"),
      " ",
      h("code", { class: "mono" }, "Authorization: Bearer …"),
      " ",
      h("a", { href: "/api/v1/openapi.json" }, t("Description of every endpoint")),
    ),
  );
}

/**
 * @param {ApiToken} token
 * @param {() => Promise<void>} reload
 */
function tokenRow(token, reload) {
  const revoke = async () => {
    const sure = await confirmDialog({
      title: t("Revoke “{name}”?", { name: token.name }),
      message: t("Scripts that use it stop working at once."),
      confirm: t("Revoke"),
    });
    if (!sure) return;
    await revokeToken(token.id).catch((error) => toastError(error, t("Could not revoke the token")));
    await reload();
  };
  const used = token.last_used_at
    ? t("last used {when}", { when: formatWhen(token.last_used_at) })
    : t("never used");
  return h(
    "li",
    { class: "label-row" },
    icon("key"),
    h("span", { class: "grow truncate" }, token.name),
    h(
      "span",
      { class: "faint small-text" },
      t("made {when}, {used}", { when: formatWhen(token.created_at), used }),
    ),
    iconButton("trash-2", t("Revoke {name}", { name: token.name }), {
      kind: "small danger",
      "data-tooltip": null,
      onclick: revoke,
    }),
  );
}

/** @param {string} secret */
function showToken(secret) {
  const input = h("input", { class: "input mono", readonly: true, value: secret, "aria-label": t("Token") });
  const copy = button(t("Copy"), {
    icon: "copy",
    kind: "primary",
    onclick: async () => {
      input.select();
      await navigator.clipboard.writeText(secret).then(
        () => toast(t("Token copied."), { kind: "success" }),
        () => toast(t("The browser did not allow copying: press Ctrl+C, the token is selected.")),
      );
    },
  });
  openDialog({
    title: t("Your new token"),
    body: [
      h("p", { class: "muted" }, t("It is shown only now. Keep it like a password.")),
      h("div", { class: "row" }, input, copy),
    ],
  });
  input.select();
}

function shortcutSection() {
  return h(
    "section",
    { class: "stack" },
    h("h2", {}, t("Shortcuts")),
    h("p", { class: "hint" }, t("Every command of the workbench can have the key your hands know.")),
    h("div", {}, button(t("Change shortcuts"), { icon: "keyboard", onclick: openKeymapEditor })),
  );
}

startPage(async (user) => {
  keymap.load(user);
  mountTopbar(user, { crumbs: [{ label: t("Account") }] });
  replace(
    byId("main", HTMLElement),
    h(
      "div",
      { class: "narrow stack sections" },
      h(
        "header",
        { class: "row" },
        h("span", { class: "avatar large", "aria-hidden": "true" }, user.name.slice(0, 2)),
        h(
          "div",
          {},
          h("h1", {}, user.name),
          h("p", { class: "muted" }, user.is_admin ? t("Administrator") : t("Member")),
        ),
      ),
      h("section", { class: "stack" }, h("h2", {}, t("Appearance")), themeChoice(), languageField(user)),
      shortcutSection(),
      h("section", { class: "stack" }, h("h2", {}, t("Password")), passwordForm(user)),
      tokenSection(),
    ),
  );
});

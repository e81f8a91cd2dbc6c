/** People with an account (administrators only). */

import { createSignInLink, createUser, listUsers, updateUser } from "../api.js";
import { t } from "../core/translate.js";
import { confirmDialog, formDialog, openDialog } from "../ui/dialog.js";
import { button, byId, h, iconButton, replace } from "../ui/dom.js";
import { emptyState } from "../ui/empty_state.js";
import { formatWhen } from "../ui/format.js";
import { attachMenu } from "../ui/menu.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { toast, toastError } from "../ui/toast.js";

/** @typedef {import("../types.js").User} User */

/**
 * @param {User} person
 * @param {User} me
 * @param {() => Promise<void>} reload
 */
function row(person, me, reload) {
  const menu = iconButton("ellipsis", t("Actions for {name}", { name: person.name }), {
    kind: "small",
    "data-tooltip": null,
  });
  attachMenu(menu, () => menuItems(person, me, reload));
  return h(
    "tr",
    { dataset: { user: String(person.id) } },
    h(
      "td",
      {},
      h(
        "span",
        { class: "row" },
        h("span", { class: "avatar", "aria-hidden": "true" }, person.name.slice(0, 2)),
        h("span", {}, person.name),
        person.id === me.id ? h("span", { class: "badge" }, t("You")) : null,
      ),
    ),
    h("td", { class: "muted" }, person.is_admin ? t("Administrator") : t("Member")),
    h(
      "td",
      {},
      person.active
        ? h("span", { class: "badge success" }, t("Active"))
        : h("span", { class: "badge" }, t("Blocked")),
    ),
    h("td", { class: "muted" }, person.created_at ? formatWhen(person.created_at) : ""),
    h("td", { class: "actions" }, menu),
  );
}

/**
 * @param {User} person
 * @param {User} me
 * @param {() => Promise<void>} reload
 * @returns {import("../ui/menu.js").MenuItem[]}
 */
function menuItems(person, me, reload) {
  /** @type {import("../ui/menu.js").MenuItem[]} */
  const items = [{ label: t("Make sign-in link"), icon: "link", run: () => showLink(person) }];
  if (person.id === me.id) return items;
  const { is_admin, active } = person;
  items.push(
    {
      label: is_admin ? t("Make member") : t("Make administrator"),
      icon: "shield",
      run: () => change(person, { is_admin: !is_admin }, reload),
    },
    "separator",
    active
      ? { label: t("Block…"), icon: "lock", danger: true, run: () => block(person, reload) }
      : { label: t("Unblock"), icon: "check", run: () => change(person, { active: true }, reload) },
  );
  return items;
}

/**
 * @param {User} person
 * @param {{is_admin?: boolean, active?: boolean}} values
 * @param {() => Promise<void>} reload
 */
async function change(person, values, reload) {
  try {
    await updateUser(person.id, values);
  } catch (error) {
    toastError(error, t("Could not change {name}", { name: person.name }));
  }
  await reload();
}

/**
 * @param {User} person
 * @param {() => Promise<void>} reload
 */
async function block(person, reload) {
  const sure = await confirmDialog({
    title: t("Block {name}?", { name: person.name }),
    message: t("They are signed out and cannot sign in again until unblocked. Their work stays."),
    confirm: t("Block"),
  });
  if (sure) await change(person, { active: false }, reload);
}

/** @param {User} person */
async function showLink(person) {
  try {
    const { url } = await createSignInLink(person.id);
    const link = new URL(url, location.origin).href;
    const input = h("input", {
      class: "input mono",
      readonly: true,
      value: link,
      "aria-label": t("Sign-in link"),
    });
    const copy = button(t("Copy"), {
      icon: "copy",
      kind: "primary",
      onclick: async () => {
        input.select();
        try {
          await navigator.clipboard.writeText(link);
          toast(t("Link copied."), { kind: "success" });
        } catch {
          toast(t("The browser did not allow copying: press Ctrl+C, the link is selected."));
        }
      },
    });
    openDialog({
      title: t("Sign-in link for {name}", { name: person.name }),
      body: [
        h(
          "p",
          { class: "muted" },
          t("It signs in as this person, works once and soon expires. Send it only to them."),
        ),
        h("div", { class: "row" }, input, copy),
      ],
    });
    input.select();
  } catch (error) {
    toastError(error, t("Could not make a link"));
  }
}

/** @param {() => Promise<void>} reload */
async function newPerson(reload) {
  const person = await formDialog({
    title: t("New person"),
    confirm: t("Create"),
    fields: [
      { name: "name", label: t("Name"), required: true },
      {
        name: "password",
        label: t("Password"),
        type: "password",
        autocomplete: "new-password",
        hint: t("Leave it empty to send a one-time link instead."),
      },
      {
        name: "role",
        label: t("Kind of account"),
        value: "member",
        options: [
          { value: "member", label: t("Member: sees the projects they were added to") },
          { value: "admin", label: t("Administrator: sees and changes everything") },
        ],
      },
    ],
    submit: ({ name = "", password = "", role }) =>
      createUser({ name: name.trim(), is_admin: role === "admin", ...(password ? { password } : {}) }),
  });
  if (!person) return;
  await reload();
  await showLink(person);
}

startPage(async (me) => {
  mountTopbar(me, { section: "users", crumbs: [{ label: t("People") }] });
  const body = h("tbody", {});
  const reload = async () => {
    const people = await listUsers();
    replace(
      body,
      people.map((person) => row(person, me, reload)),
    );
  };
  if (!me.is_admin) {
    replace(
      byId("main", HTMLElement),
      emptyState({ icon: "lock", title: t("Only administrators manage people") }),
    );
    return;
  }
  replace(
    byId("main", HTMLElement),
    h(
      "div",
      { class: "medium stack sections" },
      h(
        "header",
        { class: "page-header" },
        h(
          "div",
          { class: "grow" },
          h("h1", {}, t("People")),
          h(
            "p",
            { class: "muted" },
            t("Everyone who can sign in. Roles inside a project are set on the project's page."),
          ),
        ),
        button(t("New person"), { icon: "user-plus", kind: "primary", onclick: () => newPerson(reload) }),
      ),
      h(
        "div",
        { class: "card table-card" },
        h(
          "table",
          { class: "table" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              [t("Name"), t("Kind"), t("State"), t("Since")].map((text) => h("th", { scope: "col" }, text)),
              h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, t("Actions"))),
            ),
          ),
          body,
        ),
      ),
    ),
  );
  await reload();
});

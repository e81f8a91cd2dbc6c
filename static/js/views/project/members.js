/** Who works in a project, and as what. */

import { listMembers, listUsers, removeMember, setMember } from "../../api.js";
import { t } from "../../core/translate.js";
import { busy, confirmDialog } from "../../ui/dialog.js";
import { button, h, icon, iconButton, replace } from "../../ui/dom.js";
import { toastError } from "../../ui/toast.js";

/** @typedef {import("../../types.js").Member} Member */
/** @typedef {import("../../types.js").Role} Role */
/** @typedef {import("../project.js").Page} Page */

const ROLES = [
  { value: "annotator", label: t("Annotator") },
  { value: "manager", label: t("Manager") },
];

/** @param {Page} page */
export function createMembersSection(page) {
  const body = h("div", { class: "card" });
  const element = h(
    "section",
    { class: "narrow stack", "aria-label": t("Members") },
    h(
      "p",
      { class: "muted" },
      t(
        "Annotators add images and annotate them. Managers also look after labels, people and settings. Administrators see every project.",
      ),
    ),
    body,
  );
  const load = async () => {
    try {
      const members = await listMembers(page.project().id);
      const people = await listUsers();
      const others = people.filter(
        (user) => user.active && !members.some((member) => member.user_id === user.id),
      );
      replace(body, memberList(page, members, load), addRow(page, others, load));
    } catch (error) {
      replace(
        body,
        h(
          "div",
          { class: "notice danger" },
          icon("circle-alert"),
          h("p", {}, error instanceof Error ? error.message : String(error)),
        ),
      );
    }
  };
  return { element, show: load };
}

/**
 * @param {Page} page
 * @param {Member[]} members
 * @param {() => Promise<void>} reload
 */
function memberList(page, members, reload) {
  if (!members.length)
    return h("p", { class: "label-none muted" }, t("Nobody yet besides the administrators."));
  const rows = members.map((member) =>
    h(
      "li",
      { class: "label-row" },
      h("span", { class: "avatar", "aria-hidden": "true" }, member.name.slice(0, 2)),
      h("span", { class: "grow truncate" }, member.name),
      roleSelect(member.role, t("Role of {name}", { name: member.name }), (role) =>
        change(page, member.user_id, role, reload),
      ),
      iconButton("x", t("Remove {name}", { name: member.name }), {
        kind: "small danger",
        "data-tooltip": null,
        onclick: () => remove(page, member, reload),
      }),
    ),
  );
  return h("ul", { class: "lines" }, rows);
}

/**
 * @param {Role} role
 * @param {string} label
 * @param {(role: Role) => void} [changed]
 */
function roleSelect(role, label, changed) {
  const options = ROLES.map((option) =>
    h("option", { value: option.value, selected: option.value === role }, option.label),
  );
  const select = h("select", { class: "select small role-select", "aria-label": label }, options);
  if (changed) select.addEventListener("change", () => changed(/** @type {Role} */ (select.value)));
  return select;
}

/**
 * @param {Page} page
 * @param {number} userId
 * @param {Role} role
 * @param {() => Promise<void>} reload
 */
async function change(page, userId, role, reload) {
  try {
    await setMember(page.project().id, userId, role);
  } catch (error) {
    toastError(error, t("Could not change the role"));
  }
  await reload();
}

/**
 * @param {Page} page
 * @param {Member} member
 * @param {() => Promise<void>} reload
 */
async function remove(page, member, reload) {
  const sure = await confirmDialog({
    title: t("Remove {name} from this project?", { name: member.name }),
    message: t("They no longer see it. What they annotated stays."),
    confirm: t("Remove"),
  });
  if (!sure) return;
  try {
    await removeMember(page.project().id, member.user_id);
  } catch (error) {
    toastError(error, t("Could not remove {name}", { name: member.name }));
  }
  await reload();
}

/**
 * @param {Page} page
 * @param {import("../../types.js").User[]} others
 * @param {() => Promise<void>} reload
 */
function addRow(page, others, reload) {
  if (!others.length) {
    return h(
      "p",
      { class: "label-add muted small-text" },
      h(
        "span",
        {},
        t("Everyone with an account is a member."),
        " ",
        page.user.is_admin
          ? h("a", { href: "/users" }, t("Add people"))
          : t("An administrator can add people."),
      ),
    );
  }
  const person = h(
    "select",
    { class: "select grow", "aria-label": t("Person to add") },
    others.map((user) => h("option", { value: String(user.id) }, user.name)),
  );
  const role = roleSelect("annotator", t("Role of the person to add"));
  role.classList.remove("small");
  const go = button(t("Add"), { icon: "user-plus", type: "submit" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    return busy(go, () => change(page, Number(person.value), /** @type {Role} */ (role.value), reload));
  };
  return h("form", { class: "label-add", onsubmit: submit }, person, role, go);
}

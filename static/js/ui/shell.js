/** What every page shares: the signed-in user, the top bar, and a readable answer when a page cannot load. */

import { ApiError, getMe, session, signOut } from "../api.js";
import { t } from "../core/translate.js";
import { button, h, icon, replace } from "./dom.js";
import { emptyState } from "./empty_state.js";
import { attachMenu } from "./menu.js";
import { signInAgain } from "./sign_in.js";
import { getTheme, setTheme, themeButton } from "./theme.js";
import { toast, toastError } from "./toast.js";

/** @typedef {import("../types.js").User} User */
/** @typedef {{label: string, href?: string}} Crumb */
/** @typedef {"projects" | "models" | "users" | ""} Section */

const narrow = window.matchMedia("(max-width: 48rem)"); // as in pages.css

/** Where to sign in, coming back to this page afterwards. */
export function signInUrl() {
  const here = location.pathname + location.search + location.hash;
  return here === "/" ? "/signin" : `/signin?next=${encodeURIComponent(here)}`;
}

/**
 * Run a page for the signed-in user; sends others to the sign-in page and shows what went wrong otherwise.
 * @param {(user: User) => Promise<void>} run
 * @param {Promise<import("../types.js").Me>} [me] where it has been asked for already
 */
export async function startPage(run, me = getMe()) {
  try {
    const { user } = await me;
    session.addEventListener("signed-out", () => offerSignIn(user));
    await run(user);
    document.body.dataset.ready = "true";
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) location.replace(signInUrl());
    else showPageError(error);
  }
}

/** A session that ends under an open page: what is on screen stays, one message offers to go on in place. */
let offered = false;
function offerSignIn(/** @type {User} */ user) {
  if (offered || leaving) return;
  offered = true;
  const action = {
    label: t("Sign in"),
    run: async () => {
      // Given up: the next request that fails offers it again.
      if (!(await signInAgain(user.name))) offered = false;
    },
  };
  const close = toast(t("You are signed out."), { kind: "danger", sticky: true, action });
  session.addEventListener(
    "signed-in",
    () => {
      offered = false;
      close();
    },
    { once: true },
  );
}

/** @param {unknown} error */
function showPageError(error) {
  const missing = error instanceof ApiError && error.status === 404;
  const message = error instanceof Error ? error.message : String(error);
  const main = document.getElementById("main");
  if (!main) throw error;
  const state = emptyState({
    icon: missing ? "circle-question-mark" : "triangle-alert",
    title: missing ? t("There is nothing here") : t("This page could not be loaded"),
    text: missing ? t("It does not exist, was removed, or is not shared with you.") : message,
    action: h(
      "div",
      { class: "row" },
      missing ? null : button(t("Try again"), { kind: "primary", onclick: () => location.reload() }),
      h("a", { class: "button", href: "/" }, t("All projects")),
    ),
  });
  state.role = "alert";
  replace(main, state);
  document.body.dataset.ready = "error";
}

/**
 * Fill the top bar.
 * @param {User} user
 * @param {{crumbs?: Crumb[], section?: Section}} [options]
 */
export function mountTopbar(user, { crumbs = [], section = "" } = {}) {
  const bar = document.getElementById("topbar");
  if (!bar) return;
  while (bar.children.length > 1) bar.lastElementChild?.remove();
  bar.append(breadcrumbs(crumbs), navigation(user, section), themeButton(), accountButton(user));
}

/** @param {Crumb[]} crumbs */
export function breadcrumbs(crumbs) {
  const last = crumbs.length - 1;
  const items = crumbs.map(({ label, href }, at) =>
    h(
      "li",
      {},
      href && at !== last
        ? h("a", { href }, label)
        : h("span", { "aria-current": at === last ? "page" : null, title: label }, label),
    ),
  );
  return h("nav", { class: "breadcrumbs", "aria-label": t("Breadcrumb") }, h("ol", {}, items));
}

/**
 * @param {User} user
 * @returns {{section: Section, href: string, label: string, icon: string}[]}
 */
function places(user) {
  /** @type {{section: Section, href: string, label: string, icon: string}[]} */
  const all = [
    { section: "projects", href: "/", label: t("Projects"), icon: "folder" },
    { section: "models", href: "/models", label: t("Models"), icon: "box" },
  ];
  if (user.is_admin) all.push({ section: "users", href: "/users", label: t("People"), icon: "users" });
  return all;
}

/**
 * @param {User} user
 * @param {Section} current
 */
function navigation(user, current) {
  const links = places(user).map(({ section, href, label }) =>
    h("a", { href, "aria-current": section === current ? "page" : null }, label),
  );
  return h("nav", { class: "topnav", "aria-label": t("Main") }, links);
}

/** @param {User} user */
export function accountButton(user) {
  const initials =
    user.name
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim()
      .slice(0, 2) || "?";
  const trigger = h(
    "button",
    { type: "button", class: "icon-button" },
    h("span", { class: "visually-hidden" }, t("Account of {name}", { name: user.name })),
    h("span", { class: "avatar", "aria-hidden": "true" }, initials),
  );
  attachMenu(trigger, () => [
    { heading: user.is_admin ? t("{name} · administrator", { name: user.name }) : user.name },
    // A narrow window has no room for the links of the top bar.
    ...(narrow.matches ? places(user) : []),
    { label: t("Account"), icon: "user", href: "/account" },
    "separator",
    {
      label: t("System theme"),
      icon: "monitor",
      checked: getTheme() === "system",
      run: () => setTheme("system"),
    },
    { label: t("Light"), icon: "sun", checked: getTheme() === "light", run: () => setTheme("light") },
    { label: t("Dark"), icon: "moon", checked: getTheme() === "dark", run: () => setTheme("dark") },
    "separator",
    { label: t("Sign out"), icon: "log-out", run: leave },
  ]);
  return trigger;
}

let leaving = false;
async function leave() {
  leaving = true;
  try {
    await signOut();
    location.assign("/signin");
  } catch (error) {
    leaving = false;
    toastError(error, t("Could not sign out"));
  }
}

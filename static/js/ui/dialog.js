/** Modal dialogs on <dialog>: confirmations that default to Cancel, and small forms with field errors. */
import { t } from "../core/translate.js";
import { button, h, iconButton } from "./dom.js";

const FOCUSABLE = "a[href], button, input, select, textarea";

let serial = 0;

/**
 * Show a modal dialog; it is removed from the page when it closes.
 * @param {{title: string, body: (Node | string)[], footer?: Node[], wide?: boolean,
 *   onsubmit?: (event: SubmitEvent) => void}} options
 * @returns {{element: HTMLDialogElement, closed: Promise<string>}} `closed` gives the return value ("" when cancelled)
 */
export function openDialog({ title, body, footer = [], wide = false, onsubmit }) {
  serial += 1;
  const id = `dialog-title-${serial}`;
  const close = iconButton("x", t("Close"), {
    kind: "small",
    "data-tooltip": null,
    onclick: () => element.close(""),
  });
  const content = h("div", { class: "dialog-body" }, body);
  // A long text scrolls by keyboard, too.
  if (!content.querySelector(FOCUSABLE)) content.tabIndex = 0;
  const form = h(
    "form",
    { method: "dialog", novalidate: true, onsubmit },
    h("header", {}, h("h2", { id }, title), close),
    content,
    footer.length ? h("footer", {}, footer) : null,
  );
  const element = h("dialog", { class: wide ? "dialog wide" : "dialog", "aria-labelledby": id }, form);
  document.body.appendChild(element);
  const closed = new Promise((/** @type {(value: string) => void} */ resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      resolve(element.returnValue);
    });
  });
  element.addEventListener("cancel", () => {
    element.returnValue = "";
  });
  // A press that starts and ends on the backdrop dismisses; a drag that ends there (text selection) does not.
  let pressedOutside = false;
  element.addEventListener("pointerdown", (event) => {
    pressedOutside = event.target === element;
  });
  element.addEventListener("click", (event) => {
    if (pressedOutside && event.target === element) element.close("");
  });
  element.showModal();
  return { element, closed };
}

/**
 * Ask before something that matters. Focus and Enter rest on Cancel.
 * @param {{title: string, message: string | Node, confirm: string, danger?: boolean}} options
 * @returns {Promise<boolean>}
 */
export async function confirmDialog({ title, message, confirm, danger = true }) {
  const cancel = button(t("Cancel"), { autofocus: true, onclick: () => dialog.element.close("") });
  const go = button(confirm, {
    kind: danger ? "danger" : "primary",
    onclick: () => dialog.element.close("confirm"),
  });
  const body = [typeof message === "string" ? h("p", {}, message) : message];
  const dialog = openDialog({ title, body, footer: [cancel, go] });
  cancel.focus();
  return (await dialog.closed) === "confirm";
}

/**
 * @typedef {{name: string, label: string, type?: string, value?: string, hint?: string, required?: boolean,
 *   autocomplete?: string, placeholder?: string, options?: {value: string, label: string}[]}} FieldSpec
 */

/**
 * A labelled input, select or textarea with room for its error.
 * @param {FieldSpec} spec
 * @returns {HTMLElement}
 */
export function field(spec) {
  serial += 1;
  const id = `field-${serial}`;
  const { name, label, type = "text", value = "", hint, required, autocomplete, placeholder, options } = spec;
  const describedBy = [hint ? `${id}-hint` : "", `${id}-error`].join(" ").trim();
  const common = { id, name, required, placeholder, "aria-describedby": describedBy };
  /** @type {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
  let control;
  if (options) {
    const choices = options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.label));
    control = h("select", { ...common, class: "select" }, choices);
  } else if (type === "textarea") {
    control = h("textarea", { ...common, class: "textarea", rows: 3 }, value);
  } else {
    const kind = type === "color" ? "swatch-input" : "input";
    control = h("input", { ...common, class: kind, type, value, autocomplete: autocomplete ?? "off" });
  }
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
    h("p", { class: "error", id: `${id}-error`, hidden: true, "data-error-for": name }),
  );
}

/**
 * Show an error at the field it names, else below the form's fields.
 * @param {HTMLElement} form
 * @param {unknown} error
 */
export function showFormError(form, error) {
  clearFormErrors(form);
  const message = error instanceof Error ? error.message : String(error);
  const name = /** @type {{field?: string | null}} */ (error)?.field ?? "";
  const slot = name ? form.querySelector(`[data-error-for="${CSS.escape(name)}"]`) : null;
  const control = name ? form.querySelector(`[name="${CSS.escape(name)}"]`) : null;
  if (slot instanceof HTMLElement) {
    slot.textContent = message;
    slot.hidden = false;
    control?.setAttribute("aria-invalid", "true");
    if (control instanceof HTMLElement) control.focus();
    return;
  }
  const target = form.querySelector(".dialog-body, .form-body") ?? form;
  target.append(h("p", { class: "form-error", role: "alert" }, message));
}

/** @param {HTMLElement} form */
export function clearFormErrors(form) {
  for (const element of form.querySelectorAll(".form-error")) element.remove();
  for (const element of form.querySelectorAll("[data-error-for]")) {
    element.textContent = "";
    element.setAttribute("hidden", "");
  }
  for (const element of form.querySelectorAll("[aria-invalid]")) element.removeAttribute("aria-invalid");
}

/**
 * A form in a dialog. It stays open, with what was typed, until `submit` succeeds.
 * @template T
 * @param {{title: string, fields: FieldSpec[], confirm: string, intro?: string,
 *   submit: (values: Record<string, string>) => Promise<T>}} options
 * @returns {Promise<T | null>} what `submit` gave, or null when the person cancelled
 */
export async function formDialog({ title, fields, confirm, intro, submit }) {
  /** @type {T | null} */
  let result = null;
  const go = button(confirm, { kind: "primary", type: "submit" });
  const dialog = openDialog({
    title,
    body: [...(intro ? [h("p", { class: "muted" }, intro)] : []), ...fields.map(field)],
    footer: [button(t("Cancel"), { onclick: () => dialog.element.close("") }), go],
    onsubmit: async (event) => {
      event.preventDefault();
      const form = /** @type {HTMLFormElement} */ (event.target);
      clearFormErrors(form);
      const values = readForm(form);
      const missing = fields.find((f) => f.required && !values[f.name]?.trim());
      if (missing) {
        showFormError(
          form,
          Object.assign(new Error(t("{field} is needed.", { field: missing.label })), {
            field: missing.name,
          }),
        );
        return;
      }
      await busy(go, async () => {
        try {
          result = await submit(values);
          dialog.element.close("done");
        } catch (error) {
          showFormError(form, error);
        }
      });
    },
  });
  /** @type {HTMLElement | null} */ (
    dialog.element.querySelector(".dialog-body :is(input, select, textarea)")
  )?.focus();
  await dialog.closed;
  return result;
}

/**
 * The form's text values by field name.
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
export function readForm(form) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") values[name] = value;
  return values;
}

/**
 * Mark a button busy while `work` runs; a second press is ignored meanwhile.
 * @template T
 * @param {HTMLButtonElement} element
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function busy(element, work) {
  if (element.getAttribute("aria-busy") === "true") return undefined;
  element.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Models: which one draws the masks, and how to get stronger ones. */

import { activateModel, cancelJob, installModel, listJobs, listModels } from "../api.js";
import { t } from "../core/translate.js";
import { busy, confirmDialog } from "../ui/dialog.js";
import { button, byId, h, icon, replace } from "../ui/dom.js";
import { formatBytes, formatNumber } from "../ui/format.js";
import { poll } from "../ui/poll.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { toast, toastError } from "../ui/toast.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("../types.js").Job} Job */
/** @typedef {import("../types.js").User} User */

/** The released checkpoints: sizes of the files, so that nobody is surprised by the download. */
const RELEASED = [
  {
    name: "vit_b",
    title: "SAM ViT-B",
    bytes: 375_042_383,
    note: t("91 M parameters. Prepares an image in seconds on a CPU."),
  },
  {
    name: "vit_l",
    title: "SAM ViT-L",
    bytes: 1_249_524_607,
    note: t("308 M parameters. A GPU is advisable."),
  },
  {
    name: "vit_h",
    title: "SAM ViT-H",
    bytes: 2_564_550_879,
    note: t("636 M parameters, the paper's best. Needs a GPU to be pleasant."),
  },
];
const SOURCES = /** @type {Record<string, string>} */ ({
  bundled: t(
    "Comes with the product: a small model trained by this project, so that everything works at once and on any computer. Its masks are rougher than those of the released SAM checkpoints.",
  ),
  installed: t("Released by Meta AI with the Segment Anything paper, Apache-2.0."),
  trained: t("Trained here on your annotations."),
});

/**
 * @param {Model} model
 * @param {User} user
 * @param {() => void} reload
 */
function modelRow(model, user, reload) {
  const { image_size, embedding_size } = model.config;
  const facts = [
    t("{number} M parameters", { number: formatNumber(Math.round(model.parameters / 1e5) / 10) }),
    image_size ? t("{size} px input", { size: image_size }) : "",
    embedding_size ? t("{size} embedding", { size: embedding_size.join(" × ") }) : "",
    t("{size} decoder", { size: formatBytes(model.decoder.bytes) }),
  ].filter(Boolean);
  return h(
    "li",
    { class: "card padded model-row", dataset: { model: model.digest } },
    h("span", { class: "model-icon" }, icon("box")),
    h(
      "div",
      { class: "grow" },
      h(
        "p",
        { class: "row tight wrap" },
        h("strong", {}, model.name),
        model.active ? h("span", { class: "badge success" }, icon("check", "small"), t("In use")) : null,
        model.source === model.name ? null : h("span", { class: "badge" }, model.source),
      ),
      h("p", { class: "muted small-text" }, SOURCES[model.source] ?? ""),
      h("p", { class: "faint small-text tabular" }, facts.join(" · ")),
      h("p", { class: "faint small-text mono truncate", title: model.digest }, model.digest.slice(0, 16)),
    ),
    user.is_admin && !model.active ? useButton(model, reload) : null,
  );
}

/**
 * @param {Model} model
 * @param {() => void} reload
 */
function useButton(model, reload) {
  const go = button(t("Use"), {
    "aria-label": t("Use {model}", { model: model.name }),
    onclick: async () => {
      const sure = await confirmDialog({
        title: t("Use {model}?", { model: model.name }),
        message: t(
          "Images are prepared again for it, at the latest when they are opened. Saved masks stay as they are.",
        ),
        confirm: t("Use this model"),
        danger: false,
      });
      if (!sure) return;
      await busy(go, () => activateModel(model.digest)).then(
        () => toast(t("{model} is now in use.", { model: model.name }), { kind: "success" }),
        (error) => toastError(error, t("Could not change the model")),
      );
      reload();
    },
  });
  return go;
}

/**
 * @param {(typeof RELEASED)[number]} entry
 * @param {Job | undefined} job the latest installation of it
 * @param {boolean} installed
 * @param {User} user
 * @param {() => void} reload
 */
function releasedRow(entry, job, installed, user, reload) {
  const running = job?.state === "queued" || job?.state === "running" ? job : null;
  const failed = job?.state === "failed" && !installed ? job : null;
  return h(
    "li",
    { class: "released-row", dataset: { released: entry.name } },
    h(
      "div",
      { class: "grow" },
      h(
        "p",
        {},
        h("strong", {}, entry.title),
        h("span", { class: "faint" }, t(" · {size} download", { size: formatBytes(entry.bytes) })),
      ),
      h("p", { class: "muted small-text" }, entry.note),
      running ? installProgress(running, entry.title) : null,
      failed
        ? h("p", { class: "danger small-text", role: "alert" }, failed.error?.message ?? failed.message)
        : null,
    ),
    installed ? h("span", { class: "badge" }, icon("check", "small"), t("Installed")) : null,
    user.is_admin && running ? cancelButton(running, entry.title, reload) : null,
    user.is_admin && !running && !installed ? installButton(entry, failed !== null, reload) : null,
  );
}

/** @param {Job} job @param {string} title */
function installProgress({ state, progress, message }, title) {
  const words = message || (state === "queued" ? t("Waiting for its turn") : t("Starting"));
  return h(
    "div",
    { class: "install-progress" },
    h("progress", {
      class: "progress",
      max: 1,
      value: progress,
      "aria-label": t("Installing {model}", { model: title }),
    }),
    h("p", { class: "small-text muted tabular" }, words),
  );
}

/** @param {(typeof RELEASED)[number]} entry @param {boolean} again @param {() => void} reload */
function installButton({ name, title }, again, reload) {
  const install = button(again ? t("Try again") : t("Install"), {
    icon: again ? "rotate-ccw" : "download",
    "aria-label": again
      ? t("Try again to install {model}", { model: title })
      : t("Install {model}", { model: title }),
    onclick: () =>
      busy(install, () => installModel(name))
        .catch((error) => toastError(error, t("Could not install {model}", { model: title })))
        .finally(reload),
  });
  return install;
}

/** @param {Job} job @param {string} title @param {() => void} reload */
function cancelButton(job, title, reload) {
  const cancel = button(t("Cancel"), {
    "aria-label": t("Cancel installing {model}", { model: title }),
    onclick: () =>
      busy(cancel, () => cancelJob(job.id))
        .catch((error) => toastError(error, t("Could not cancel {model}", { model: title })))
        .finally(reload),
  });
  return cancel;
}

startPage(async (user) => {
  mountTopbar(user, { section: "models", crumbs: [{ label: t("Models") }] });
  const installedList = h("ul", { class: "stack" });
  const releasedList = h("ul", { class: "card lines" });
  replace(
    byId("main", HTMLElement),
    h(
      "div",
      { class: "narrow stack sections" },
      h(
        "header",
        {},
        h("h1", {}, t("Models")),
        h(
          "p",
          { class: "muted" },
          t("A model prepares each image once on the server; its decoder then draws masks in your browser."),
        ),
      ),
      installedList,
      h(
        "section",
        { class: "stack" },
        h("h2", {}, t("Released checkpoints")),
        releasedList,
        offlineHint(user),
      ),
    ),
  );
  let seen = "";
  let again = () => {};
  const reload = () => again();
  const draw = async () => {
    const [models, jobs] = await Promise.all([
      listModels(),
      user.is_admin ? listJobs({ kind: "install_model" }) : [],
    ]);
    const look = JSON.stringify([models, jobs]);
    const installs = jobs.filter(({ kind }) => kind === "install_model");
    if (look !== seen) {
      seen = look;
      replace(
        installedList,
        models.map((model) => modelRow(model, user, reload)),
      );
      const rows = RELEASED.map((entry) => {
        const job = installs.find((candidate) => candidate.payload?.name === entry.name);
        return releasedRow(
          entry,
          job,
          models.some(({ name }) => name === entry.name),
          user,
          reload,
        );
      });
      replace(releasedList, rows);
    }
    return installs.some(({ state }) => state === "queued" || state === "running") ? 1000 : 15000;
  };
  again = poll(draw, await draw());
});

/** @param {User} user */
function offlineHint(user) {
  if (!user.is_admin) return h("p", { class: "hint" }, t("An administrator can install these."));
  return h(
    "p",
    { class: "hint" },
    t("Without internet access, on the server:"),
    " ",
    h("code", { class: "mono" }, "flask model install vit_b --from FILE"),
  );
}

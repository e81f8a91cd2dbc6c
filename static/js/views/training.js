/** Training: start a run, watch it learn, compare, decide, look again at what the new model sees otherwise. */

import { listDoubtful, listRuns } from "../api/training.js";
import { getProject, listModels } from "../api.js";
import { t } from "../core/translate.js";
import { byId, h, icon, replace } from "../ui/dom.js";
import { poll } from "../ui/poll.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { createDoubtful } from "./training/doubtful.js";
import { Runs } from "./training/runs.js";
import { createStart } from "./training/start.js";

const BUSY_MS = 2000;
const IDLE_MS = 20000;

startPage(async (user) => {
  const id = Number(document.body.dataset.projectId);
  const [project, models] = await Promise.all([getProject(id), listModels()]);
  const manages = user.is_admin || project.role === "manager";
  mountTopbar(user, {
    section: "projects",
    crumbs: [{ label: project.name, href: `/projects/${id}` }, { label: t("Training") }],
  });
  document.title = `${t("Training")} · ${project.name}`;
  let again = () => {};
  const reload = () => again();
  const start = createStart(id, models, project, reload);
  const runs = new Runs(manages, reload);
  const doubtful = createDoubtful(id);
  const draw = async () => {
    const [answer, found] = await Promise.all([listRuns(id), listDoubtful(id)]);
    const under = answer.runs.some(({ state }) => ["queued", "running", "evaluating"].includes(state));
    start.update(answer.labelled_images, under);
    runs.update(answer.runs);
    doubtful.update(found);
    return under ? BUSY_MS : IDLE_MS;
  };
  replace(
    byId("main", HTMLElement),
    h(
      "div",
      { class: "training stack sections" },
      h(
        "header",
        {},
        h("h1", {}, t("Training")),
        h(
          "p",
          { class: "muted" },
          t(
            "A model learns from the masks that people accepted. It is compared with the one before on images that it never saw, and you decide.",
          ),
        ),
      ),
      manages ? start.element : notice(),
      runs.element,
      doubtful.element,
    ),
  );
  again = poll(draw, await draw());
});

function notice() {
  return h(
    "p",
    { class: "notice" },
    icon("info"),
    t("Managers of the project start runs and decide on them."),
  );
}

/** One project: its images, labels, people and exports. Sections render themselves; this file connects them. */

import { getProject } from "../api.js";
import { t } from "../core/translate.js";
import { byId, replace } from "../ui/dom.js";
import { poll } from "../ui/poll.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { createTabs } from "../ui/tabs.js";
import { createExportSection } from "./project/exports.js";
import { ImagesSection } from "./project/images.js";
import { createLabelsSection } from "./project/labels.js";
import { createMembersSection } from "./project/members.js";
import { Overview } from "./project/overview.js";
import { createSettingsSection } from "./project/settings.js";
import { createStageSection } from "./project/stage.js";
import { createStatisticsSection } from "./project/statistics.js";
import { createUploads } from "./project/uploads.js";

/** @typedef {import("../types.js").Project} Project */
/** @typedef {import("../types.js").User} User */
/**
 * A tab's content. `update` gets the project whenever it was read again; `show` runs when the tab is opened.
 * @typedef {{element: HTMLElement, update?: (project: Project) => void, show?: () => void}} Section
 */
/**
 * What sections may ask of the page.
 * @typedef {{project: () => Project, manages: () => boolean, refresh: () => Promise<void>, pickFiles: () => void,
 *   user: User}} Page
 */

const BUSY_MS = 1500;
const IDLE_MS = 15000;

/** @returns {number} */
function projectId() {
  return Number(document.body.dataset.projectId ?? location.pathname.split("/")[2]);
}

startPage(async (user) => {
  const id = projectId();
  let project = await getProject(id);
  /** @type {Section[]} */
  const sections = [];
  let title = "";
  const draw = () => {
    if (title !== project.name) {
      title = project.name;
      mountTopbar(user, { section: "projects", crumbs: [{ label: title }] });
      document.title = `${title} · Annotator`;
    }
    for (const section of sections) section.update?.(project);
  };
  /** @type {Page} */
  const page = {
    user,
    project: () => project,
    manages: () => user.is_admin || project.role === "manager",
    refresh: async () => {
      project = await getProject(id);
      draw();
    },
    pickFiles: () => uploads.pick(),
  };

  const overview = new Overview(page);
  const images = new ImagesSection(page);
  const uploads = createUploads(page, () => images.refresh());
  /** @type {{name: string, label: string, section: Section}[]} */
  const entries = [
    { name: "images", label: t("Images"), section: images },
    { name: "labels", label: t("Labels"), section: createLabelsSection(page) },
    { name: "export", label: t("Export"), section: createExportSection(page) },
  ];
  entries.push({ name: "statistics", label: t("Statistics"), section: createStatisticsSection(page) });
  if (page.manages()) {
    entries.push({ name: "automation", label: t("Automation"), section: createStageSection(page) });
    entries.push({ name: "members", label: t("Members"), section: createMembersSection(page) });
    entries.push({ name: "settings", label: t("Settings"), section: createSettingsSection(page) });
  }
  sections.push(overview, ...entries.map(({ section }) => section));
  replace(
    byId("main", HTMLElement),
    overview.element,
    createTabs(t("Project"), entries),
    entries.map(({ section }) => section.element),
  );
  draw();
  await images.load();
  const pause = () => (project.embeddings.pending > 0 ? BUSY_MS : IDLE_MS);
  poll(async () => {
    await page.refresh();
    return pause();
  }, pause());
});

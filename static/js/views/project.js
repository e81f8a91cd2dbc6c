/** One project: its images, labels, people and exports. Sections render themselves; this file connects them. */
import { getProject } from "../api.js";
import { byId, h, replace } from "../ui/dom.js";
import { poll } from "../ui/poll.js";
import { mountTopbar, startPage } from "../ui/shell.js";
import { createTabs } from "../ui/tabs.js";
import { createExportSection } from "./project/exports.js";
import { createImagesSection } from "./project/images.js";
import { createLabelsSection } from "./project/labels.js";
import { createMembersSection } from "./project/members.js";
import { overview } from "./project/overview.js";
import { createSettingsSection } from "./project/settings.js";
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
  const head = h("div", { class: "project-head stack" });
  /** @type {Section[]} */
  const sections = [];
  let drawn = "";

  const draw = () => {
    // The head is drawn again only when it would look different: a focused button stays focused.
    const { counts, embeddings, name, description } = project;
    const look = JSON.stringify({ counts, embeddings, name, description });
    if (look !== drawn) {
      drawn = look;
      replace(head, overview(project, page));
      mountTopbar(user, { section: "projects", crumbs: [{ label: name }] });
      document.title = `${name} · Annotator`;
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

  const images = createImagesSection(page);
  const uploads = createUploads(page, images.added);
  /** @type {{name: string, label: string, section: Section}[]} */
  const entries = [
    { name: "images", label: "Images", section: images },
    { name: "labels", label: "Labels", section: createLabelsSection(page) },
    { name: "export", label: "Export", section: createExportSection(page) },
  ];
  if (page.manages()) {
    entries.push({ name: "members", label: "Members", section: createMembersSection(page) });
    entries.push({ name: "settings", label: "Settings", section: createSettingsSection(page) });
  }
  sections.push(...entries.map(({ section }) => section));
  replace(
    byId("main", HTMLElement),
    head,
    createTabs("Project", entries),
    entries.map(({ section }) => section.element),
  );
  draw();
  await images.load();
  poll(
    async () => {
      await page.refresh();
      return project.embeddings.pending > 0 ? BUSY_MS : IDLE_MS;
    },
    project.embeddings.pending > 0 ? BUSY_MS : IDLE_MS,
  );
});

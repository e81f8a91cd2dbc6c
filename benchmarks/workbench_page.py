"""A real Chromium on the workbench, instrumented: how benchmarks open it, aim, and time what they do.

Times come from `workbench_probe.js`: from the input event's own time stamp to the end of the frame that shows its
effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.workbench_page import WorkbenchPage
from tools import chromium
from tools.real_server import Api

PROBE = Path(__file__).with_name("workbench_probe.js")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage")
PATIENCE_MS = 240_000

# Resolves when every attribute of the element is as wanted (or, with `other`, is not any more).
WAIT = """([selector, wanted, other]) => new Promise((resolve, reject) => {
  const element = document.querySelector(selector);
  const timer = setTimeout(() => {
    observer.disconnect();
    reject(new Error(`${selector} did not become ${JSON.stringify(wanted)}: ${JSON.stringify(element.dataset)}`));
  }, 60_000);
  const look = () => {
    for (const [name, value] of Object.entries(wanted))
      if ((element.getAttribute(name) === value) === other) return;
    observer.disconnect();
    clearTimeout(timer);
    resolve();
  };
  const observer = new MutationObserver(look);
  observer.observe(element, { attributes: true });
  look();
})"""


class QuietWorkbench(WorkbenchPage):
    """Waits inside the page: Playwright's own expectations read the whole page while they wait, which would be timed
    along."""

    def wait_until_ready(self) -> None:
        self.page.wait_for_selector("body[data-ready=true][data-embedding=ready]", state="attached")

    def wait_for(self, **state: str) -> None:
        wanted = {f"data-{name.replace('_', '-')}": value for name, value in state.items()}
        self.page.evaluate(WAIT, ["body", wanted, False])

    def wait_for_another_scale(self, before: str) -> None:
        """Until the stage's zoom is not what it was."""
        self.page.evaluate(WAIT, ["#stage", {"data-scale": before}, True])
        self.settle()


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium.find()), args=list(FLAGS))
        yield started
        started.close()


@contextmanager
def workbench(started: Browser, api: Api, *scripts: str) -> Iterator[Page]:
    """A signed-in page of a window of its own, with the probe and these scripts; it fails on an uncaught error."""
    context = started.new_context(
        storage_state=api.storage_state(),
        base_url=api.base_url,
        viewport={"width": 1280, "height": 800},
        service_workers="block",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    for script in scripts:
        context.add_init_script(script)
    context.add_init_script(path=PROBE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    if errors:
        raise RuntimeError(f"the page failed: {errors}")


def opened(page: Page, project: int, image: int) -> QuietWorkbench:
    """The workbench on this image, ready for clicks."""
    page.goto(f"/projects/{project}/images/{image}")
    bench = QuietWorkbench(page)
    bench.wait_until_ready()
    return bench


def begin(page: Page, call: str, argument: object) -> None:
    """Start to wait in the page, before the input that is timed; `call` is one of the probe's."""
    page.evaluate(f"(argument) => {{ window.timed = window.probe.{call}(argument); }}", argument)


def end(page: Page) -> float:
    """Milliseconds from the input to the end of the frame that shows what was waited for; fails after a minute."""
    times: dict[str, float] = page.evaluate(
        """() => Promise.race([window.timed, new Promise((_, reject) => {
          setTimeout(reject, 60_000, new Error("what was waited for did not happen"));
        })])"""
    )
    return times["painted"]

"""Make docs/images: the project page and the workbench, as a person sees them after a morning's work.

Usage: `make screenshots`, or `python docs/screenshots.py [--out FOLDER]`. A fresh server with the demo project is
started for it; every mask in the pictures is the bundled model's answer to clicks made here in a real Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import chromium  # noqa: E402
from tools.real_server import Api, RealServer  # noqa: E402

LARGEST_FILE = 300_000  # bytes; the pictures live in the repository
PATIENCE_SECONDS = 600
STEP_MS = 60_000
SMALL, LARGE = (1280, 800), (1920, 1080)


@dataclass(frozen=True)
class Object:
    """One object to annotate: include points, exclude points and at most one box, as fractions of the image."""

    label: str
    include: tuple[tuple[float, float], ...] = ()
    exclude: tuple[tuple[float, float], ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Scene:
    """What is annotated on one demo image; `draft` stays open, with its candidates on show."""

    image: str
    objects: tuple[Object, ...] = ()
    draft: Object | None = None
    status: str | None = None


SCENES = (
    Scene(
        "cat.png",
        (
            Object("Animal", box=(0.07, 0.0, 0.90, 1.0)),
            Object("Part", box=(0.295, 0.28, 0.46, 0.495)),
            Object("Part", box=(0.65, 0.365, 0.765, 0.55)),
            Object("Part", box=(0.525, 0.755, 0.655, 0.885)),
        ),
        status="done",
    ),
    Scene(
        "astronaut.png",
        (
            Object("Person", box=(0.03, 0.0, 0.86, 1.0)),
            Object("Object", box=(0.60, 0.72, 1.0, 1.0)),
        ),
        status="done",
    ),
    Scene("rocket.jpg", (Object("Vehicle", box=(0.475, 0.16, 0.54, 0.87)),), status="done"),
    Scene("photographer.png", (Object("Person", box=(0.20, 0.12, 0.72, 0.98)),)),
    Scene("deep-field.jpg", status="skipped"),
    Scene(
        "coffee.png",
        (
            Object("Object", box=(0.285, 0.04, 0.69, 0.61)),
            Object("Part", box=(0.322, 0.565, 0.442, 0.785)),
        ),
        draft=Object("Object", include=((0.62, 0.70),)),
    ),
)


@contextmanager
def page_at(browser: Browser, api: Api, size: tuple[int, int], theme: str) -> Iterator[Page]:
    """A signed-in page of this size and theme."""
    context = browser.new_context(
        base_url=api.base_url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        storage_state=api.storage_state(),
    )
    context.set_default_timeout(STEP_MS)
    page = context.new_page()
    yield page
    context.close()


def save(page: Page, target: Path) -> None:
    """A screenshot as WebP: photographs and text in one picture are too much for a small PNG."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in (92, 86, 80, 70, 60, 50):
        shot.save(target, "WEBP", quality=quality, method=6)
        if target.stat().st_size <= LARGEST_FILE:
            print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB, quality {quality}")
            return
    raise SystemExit(f"{target.name} does not fit into {LARGEST_FILE} bytes")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {PATIENCE_SECONDS} s for {what}")
        time.sleep(0.3)


def is_prepared(api: Api, project_id: int) -> bool:
    project = api.get(f"/projects/{project_id}").body
    return bool(project["embeddings"]["ready"] == project["counts"]["images"])


def is_saved(api: Api, image_id: int, count: int) -> bool:
    return len(api.get(f"/images/{image_id}/annotations").body["annotations"]) == count


def ensure_labels(api: Api, project: dict[str, Any], names: list[str]) -> list[str]:
    """Add missing labels; returns all of them in the order of the digit keys."""
    known = [category["name"] for category in project["categories"]]
    for name in names:
        if name not in known:
            api.post(f"/projects/{project['id']}/categories", {"name": name})
            known.append(name)
    return known


def open_image(page: Page, project_id: int, image: dict[str, Any]) -> None:
    page.goto(f"/projects/{project_id}/images/{image['id']}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    expect(page.locator("body")).to_have_attribute("data-embedding", "ready")
    page.wait_for_timeout(500)


def prompt(page: Page, image: dict[str, Any], wanted: Object) -> None:
    """Click and drag what `wanted` asks for, and wait for its mask."""
    stage = page.locator("[data-scale]")
    scale, x, y = (float(stage.get_attribute(f"data-{name}") or 0) for name in ("scale", "x", "y"))
    corner = stage.bounding_box()
    assert corner is not None

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return (
            corner["x"] + x + point[0] * image["width"] * scale,
            corner["y"] + y + point[1] * image["height"] * scale,
        )

    if wanted.box is not None:
        page.mouse.move(*at(wanted.box[:2]))
        page.mouse.down()
        page.mouse.move(*at(wanted.box[2:]), steps=5)
        page.mouse.up()
        settle(page)
    for point in wanted.include:
        page.mouse.click(*at(point))
        settle(page)
    for point in wanted.exclude:
        page.mouse.click(*at(point), button="right")
        settle(page)


def settle(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-draft", "mask")
    expect(page.locator("body")).to_have_attribute("data-decoding", "false")


def annotate(page: Page, api: Api, image: dict[str, Any], scene: Scene, labels: list[str]) -> None:
    for at, wanted in enumerate(scene.objects, start=1):
        prompt(page, image, wanted)
        page.keyboard.press(digit(labels, wanted))
        page.keyboard.press("Enter")
        expect(page.locator("body")).to_have_attribute("data-objects", str(at))
    wait_for(lambda: is_saved(api, image["id"], len(scene.objects)), "the annotations to be saved")
    if scene.draft is not None:
        prompt(page, image, scene.draft)
        page.keyboard.press(digit(labels, scene.draft))


def digit(labels: list[str], wanted: Object) -> str:
    """The key that chooses the label."""
    return str((labels.index(wanted.label) + 1) % 10)


def make(browser: Browser, api: Api, folder: Path) -> None:
    """Work on the demo project and take the four pictures."""
    project = api.get("/projects").body["projects"][0]
    wait_for(lambda: is_prepared(api, project["id"]), "the demo images to be prepared")
    images = {image["name"]: image for image in api.get(f"/projects/{project['id']}/images").body["images"]}
    labels = ensure_labels(api, project, [wanted.label for scene in SCENES for wanted in scene.objects])
    for scene in SCENES:
        image = images[scene.image]
        with page_at(browser, api, SMALL, "dark") as page:
            open_image(page, project["id"], image)
            annotate(page, api, image, scene, labels)
            if scene.draft is not None:
                save(page, folder / "workbench.webp")
                page.keyboard.press("Escape")
        if scene.status is not None:
            api.call("PATCH", f"/images/{image['id']}", {"status": scene.status})
        if scene.draft is not None:
            with page_at(browser, api, LARGE, "light") as page:
                open_image(page, project["id"], image)
                prompt(page, image, scene.draft)
                page.keyboard.press(digit(labels, scene.draft))
                save(page, folder / "workbench-large.webp")
    for name, size, theme in (("project.webp", SMALL, "light"), ("project-large.webp", LARGE, "dark")):
        with page_at(browser, api, size, theme) as page:
            page.goto(f"/projects/{project['id']}")
            expect(page.locator("body")).to_have_attribute("data-ready", "true")
            page.wait_for_load_state("networkidle")
            save(page, folder / name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    path = chromium.find()
    if path is None:
        raise SystemExit("no Chromium: run `make setup-tests` or name one with CHROMIUM=")
    expect.set_options(timeout=STEP_MS)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        tempfile.TemporaryDirectory() as scratch,
        RealServer(Path(scratch) / "instance") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(path), args=flags)
        make(browser, Api(server.base_url, server.link), folder)
        browser.close()


if __name__ == "__main__":
    main()

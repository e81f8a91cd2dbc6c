"""The pictures in docs/images: the project page and the workbench, as a person sees them after a morning's work.

Every mask in them is the bundled model's answer to clicks made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tools.real_server import Api
from tools.screenshots.camera import LARGE, REST_MS, SMALL, Theme, page_at, save_small, view_of, wait_for


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


def images_of(api: Api, project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The project's images by name."""
    return {image["name"]: image for image in api.get(f"/projects/{project['id']}/images").body["images"]}


def open_image(page: Page, project_id: int, image: dict[str, Any]) -> None:
    page.goto(f"/projects/{project_id}/images/{image['id']}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    expect(page.locator("body")).to_have_attribute("data-embedding", "ready")
    page.wait_for_timeout(REST_MS)


def prompt(page: Page, image: dict[str, Any], wanted: Object) -> None:
    """Click and drag what `wanted` asks for, and wait for its mask."""
    at = view_of(page, image).at
    if wanted.box is not None:
        page.mouse.move(*at(*wanted.box[:2]))
        page.mouse.down()
        page.mouse.move(*at(*wanted.box[2:]), steps=5)
        page.mouse.up()
        settle(page)
    for point in wanted.include:
        page.mouse.click(*at(*point))
        settle(page)
    for point in wanted.exclude:
        page.mouse.click(*at(*point), button="right")
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


def demo_project(api: Api, *, prepared: bool) -> dict[str, Any]:
    """The demo project; with `prepared` once all of its images can be clicked."""
    project: dict[str, Any] = api.get("/projects").body["projects"][0]
    if prepared:
        wait_for(lambda: is_prepared(api, project["id"]), "the demo images to be prepared")
    return project


def annotate_demo(browser: Browser, api: Api, project: dict[str, Any], folder: Path | None) -> None:
    """A morning's work on the demo project; pictures of the open draft go into `folder`, if there is one."""
    labels = ensure_labels(api, project, [wanted.label for scene in SCENES for wanted in scene.objects])
    images = images_of(api, project)
    for scene in SCENES:
        image = images[scene.image]
        with page_at(browser, api, SMALL, "dark") as page:
            open_image(page, project["id"], image)
            annotate(page, api, image, scene, labels)
            if scene.draft is not None and folder is not None:
                save_small(page, folder / "workbench.webp")
                page.keyboard.press("Escape")
        if scene.status is not None:
            api.call("PATCH", f"/images/{image['id']}", {"status": scene.status})
        if scene.draft is not None and folder is not None:
            with page_at(browser, api, LARGE, "light") as page:
                open_image(page, project["id"], image)
                prompt(page, image, scene.draft)
                page.keyboard.press(digit(labels, scene.draft))
                save_small(page, folder / "workbench-large.webp")


def take_project(browser: Browser, api: Api, project: dict[str, Any], folder: Path) -> None:
    looks: tuple[tuple[str, tuple[int, int], Theme], ...] = (
        ("project.webp", SMALL, "light"),
        ("project-large.webp", LARGE, "dark"),
    )
    for name, size, theme in looks:
        with page_at(browser, api, size, theme) as page:
            page.goto(f"/projects/{project['id']}")
            expect(page.locator("body")).to_have_attribute("data-ready", "true")
            page.wait_for_load_state("networkidle")
            save_small(page, folder / name)

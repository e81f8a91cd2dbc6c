"""The project page: uploads, image grid, labels, settings, export."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect

from tools.real_server import Api


def picture(name: str, seed: int, size: tuple[int, int] = (64, 48)) -> FilePayload:
    """A small PNG of its own content."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(content, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": content.getvalue()}


@pytest.fixture
def project(api: Api, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A new, empty project named after the test."""
    made = api.post("/projects", {"name": request.node.name[:100], "description": "Made by a test."})
    assert made.status == 201, made.body
    return dict(made.body)


def open_project(page: Page, project: dict[str, Any], tab: str = "") -> None:
    page.goto(f"/projects/{project['id']}{tab}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")


def counts(api: Api, project: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = api.get(f"/projects/{project['id']}").body["counts"]
    return found


def row(page: Page, name: str) -> Any:
    return page.locator(".upload-row").filter(has_text=name)


def test_bad_files_are_named_with_their_reason_and_the_good_ones_are_kept(
    page: Page, api: Api, project: dict[str, Any]
) -> None:
    open_project(page, project)
    expect(page.get_by_text("Drop photographs or whole folders")).to_be_visible()
    good = [picture("a.png", 1), picture("b.png", 2)]
    bad: list[FilePayload] = [
        {
            "name": "drawing.svg",
            "mimeType": "image/svg+xml",
            "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        },
        {"name": "empty.png", "mimeType": "image/png", "buffer": b""},
        {"name": "cut.png", "mimeType": "image/png", "buffer": good[0]["buffer"][:60]},
    ]
    again = {**good[0], "name": "a-copy.png"}
    page.locator("input[type=file]").set_input_files([good[0], *bad, good[1]])
    panel = page.get_by_label("Uploads", exact=True)
    expect(panel.get_by_role("heading")).to_have_text("2 images added, 3 refused")
    for file in bad:
        expect(row(page, file["name"])).to_have_attribute("data-state", "refused")
        assert len(row(page, file["name"]).locator(".upload-note").inner_text()) > 15, "a reason, not a code"
    page.locator("input[type=file]").set_input_files([again])
    expect(row(page, "a-copy.png")).to_contain_text("Already in this project as a.png")

    expect(page.locator(".image-card")).to_have_count(2)
    expect(page.get_by_text("a.png").first).to_be_visible()
    assert counts(api, project)["images"] == 2
    panel.get_by_label("Close").click()
    expect(panel).to_be_hidden()


def test_a_broken_connection_loses_no_upload(page: Page, api: Api, project: dict[str, Any]) -> None:
    open_project(page, project)
    broken = {"left": 2}

    def break_some(route: Route) -> None:
        if route.request.method == "POST" and broken["left"]:
            broken["left"] -= 1
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/projects/*/images", break_some)
    page.locator("input[type=file]").set_input_files([picture("c.png", 3), picture("d.png", 4)])
    expect(page.get_by_label("Uploads", exact=True).get_by_role("heading")).to_have_text("2 images added")
    assert counts(api, project)["images"] == 2


def test_a_lasting_failure_can_be_retried(page: Page, api: Api, project: dict[str, Any]) -> None:
    open_project(page, project)
    page.clock.install()
    page.route(
        "**/api/v1/projects/*/images",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    page.locator("input[type=file]").set_input_files([picture("e.png", 5), picture("f.png", 6)])
    for _ in range(8):
        page.clock.run_for(5000)
        page.wait_for_timeout(20)
    for name in ("e.png", "f.png"):
        expect(row(page, name)).to_have_attribute("data-state", "failed")
    assert counts(api, project)["images"] == 0
    page.unroute("**/api/v1/projects/*/images")
    page.clock.resume()
    page.get_by_role("button", name="Retry failed").click()
    expect(row(page, "e.png")).to_have_attribute("data-state", "stored")
    expect(row(page, "f.png")).to_have_attribute("data-state", "stored")
    assert counts(api, project)["images"] == 2


def test_files_dropped_on_the_page_are_uploaded(page: Page, api: Api, project: dict[str, Any]) -> None:
    open_project(page, project)
    content = list(picture("dropped.png", 6)["buffer"])
    page.evaluate(
        """([content]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], "dropped.png", { type: "image/png" }));
            for (const type of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(
                    new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }
        }""",
        [content],
    )
    expect(page.locator(".image-card")).to_have_count(1)
    expect(page.locator(".drop-overlay")).to_be_hidden()
    assert counts(api, project)["images"] == 1


def test_images_are_filtered_searched_marked_and_deleted(
    page: Page, api: Api, project: dict[str, Any]
) -> None:
    open_project(page, project)
    page.locator("input[type=file]").set_input_files(
        [picture(f"{name}.png", 10 + at) for at, name in enumerate("xyz")]
    )
    expect(page.locator(".image-card")).to_have_count(3)

    page.get_by_label("Actions for y.png").click()
    page.get_by_role("menuitem", name="Mark as done").click()
    page.get_by_role("button", name="Done 1").click()
    expect(page.locator(".image-card")).to_have_count(1)
    expect(page.locator(".image-card")).to_contain_text("y.png")

    page.get_by_role("button", name="New 2").click()
    expect(page.locator(".image-card")).to_have_count(2)
    page.get_by_label("Actions for x.png").click()
    page.get_by_role("menuitem", name="Mark as skipped").click()
    expect(page.locator(".image-card")).to_have_count(1)
    expect(page.get_by_text("1 image found")).to_be_visible()
    page.get_by_role("button", name="Skipped 1").click()
    page.get_by_label("Actions for x.png").click()
    page.get_by_role("menuitem", name="Mark as new").click()
    expect(page.get_by_text("No image matches")).to_be_visible()

    page.get_by_role("button", name="All 3").click()
    names = page.locator(".image-name")
    expect(names).to_have_text(["x.png", "y.png", "z.png"])
    page.get_by_label("Search images by name").fill("z.p")
    expect(page.locator(".image-card")).to_have_count(1)
    expect(page.get_by_text("1 image found")).to_be_visible()
    page.get_by_label("Search images by name").fill("nothing like it")
    page.get_by_role("button", name="Show all images").click()
    expect(page.locator(".image-card")).to_have_count(3)

    page.get_by_label("Actions for x.png").click()
    page.get_by_role("menuitem", name="Delete image").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert counts(api, project)["images"] == 3, "Enter rests on Cancel"
    page.get_by_label("Actions for x.png").click()
    page.get_by_role("menuitem", name="Delete image").click()
    page.get_by_role("button", name="Delete image").click()
    expect(page.locator(".image-card")).to_have_count(2)
    assert counts(api, project)["images"] == 2


def test_labels_are_added_renamed_recoloured_reordered_and_deleted(
    page: Page, api: Api, project: dict[str, Any]
) -> None:
    def names() -> list[str]:
        return [category["name"] for category in api.get(f"/projects/{project['id']}").body["categories"]]

    open_project(page, project, "#labels")
    field = page.get_by_label("Name of the new label")
    for name in ("cat", "dog", "bird"):
        field.fill(name)
        field.press("Enter")
        expect(page.get_by_label(f"Name of {name}")).to_be_visible()
    field.fill("cat")
    field.press("Enter")
    expect(
        page.locator(".label-add .error, .label-add .form-error").filter(has_text="cat").first
    ).to_be_visible()
    assert names() == ["cat", "dog", "bird"]

    page.get_by_label("Name of dog").fill("wolf")
    page.get_by_label("Name of dog").press("Enter")
    expect(page.get_by_label("Name of wolf")).to_be_visible()
    page.get_by_label("Colour of wolf").fill("#112233")
    expect(page.get_by_label("Colour of wolf")).to_have_value("#112233")
    page.get_by_label("Move bird up").click()
    expect(page.locator(".label-row input[type=text]").nth(1)).to_have_value("bird")
    assert names() == ["cat", "bird", "wolf"]

    page.get_by_label("Delete bird").click()
    page.get_by_role("button", name="Delete label").click()
    expect(page.get_by_label("Name of bird")).to_have_count(0)
    categories = api.get(f"/projects/{project['id']}").body["categories"]
    assert [(c["name"], c["color"]) for c in categories][1] == ("wolf", "#112233")


def test_an_export_is_written_checked_and_downloaded(
    page: Page, api: Api, project: dict[str, Any], tmp_path: Path
) -> None:
    open_project(page, project)
    page.locator("input[type=file]").set_input_files([picture("only.png", 20)])
    expect(page.locator(".image-card")).to_have_count(1)
    page.get_by_role("tab", name="Export").click()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("There were no masks to write")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    target = tmp_path / "export.json"
    started.value.save_as(target)
    written = json.loads(target.read_text(encoding="utf-8"))
    assert started.value.suggested_filename.endswith(".json")
    assert [image["file_name"] for image in written["images"]] == ["only.png"]
    assert (written["images"][0]["width"], written["images"][0]["height"]) == (64, 48)


def test_settings_are_kept_and_the_project_can_be_deleted(
    page: Page, api: Api, project: dict[str, Any]
) -> None:
    open_project(page, project, "#settings")
    page.get_by_label("Description").fill("Outline every cup.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Settings saved.")).to_be_visible()
    expect(page.locator(".project-head")).to_contain_text("Outline every cup.")
    assert api.get(f"/projects/{project['id']}").body["description"] == "Outline every cup."

    page.get_by_role("button", name="Delete project…").click()
    page.get_by_role("button", name="Delete project", exact=True).click()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert api.get(f"/projects/{project['id']}").status == 404


def test_members_are_added_and_removed(page: Page, api: Api, project: dict[str, Any]) -> None:
    assert api.post("/users", {"name": "dora"}).status == 201
    open_project(page, project, "#members")
    page.get_by_label("Person to add", exact=True).select_option(label="dora")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Role of dora")).to_have_value("annotator")
    page.get_by_label("Role of dora").select_option("manager")
    expect(page.get_by_label("Role of dora")).to_have_value("manager")
    page.get_by_label("Remove dora").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_label("Role of dora")).to_have_count(0)
    members = api.get(f"/projects/{project['id']}/members").body["members"]
    assert "dora" not in [member["name"] for member in members]


def test_many_images_come_page_by_page(page: Page, api: Api, project: dict[str, Any]) -> None:
    open_project(page, project)
    files = [picture(f"{at:03}.png", 100 + at, (16, 16)) for at in range(70)]
    page.locator("input[type=file]").set_input_files(files)
    expect(page.get_by_label("Uploads", exact=True).get_by_role("heading")).to_have_text(
        "70 images added", timeout=120_000
    )
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    page.keyboard.press("End")
    # Each once, in the order they were given.
    expect(page.locator(".image-name")).to_have_text([f"{at:03}.png" for at in range(70)])
    # Nobody will look at them again: their embeddings would keep the server busy during the next tests.
    for job in api.get(f"/jobs?project_id={project['id']}&state=queued&limit=100").body["jobs"]:
        api.post(f"/jobs/{job['id']}/cancel")

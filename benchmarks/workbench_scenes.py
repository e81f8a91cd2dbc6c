"""Large photographs with many objects, made and uploaded: what the workbench is measured on.

The photographs are drawn (blobs of light on a shaded ground, with grain), the objects are wobbly discs with a hole,
spread evenly and written down as run lengths, so that hundreds of masks of 50 megapixels cost nothing but their
outlines.
"""

from __future__ import annotations

import functools
import http.client
import io
import json
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.database import writing
from annotator.masks import Rle, rle_from_runs
from annotator.services.annotation_input import AnnotationInput
from annotator.services.annotations import Expected, save
from app import create_app
from tools.real_server import Api

DRAWN_SIDE = 1200
"""Longer side at which a photograph is drawn before it is enlarged, pixels."""

JPEG_QUALITY = 90
EMBEDDINGS_SECONDS = 900
SHAPES = 24


def photograph(height: int, width: int, seed: int) -> bytes:
    """A JPEG of this size; another picture for each seed."""
    rng = np.random.default_rng(seed)
    shrink = max(height, width) / DRAWN_SIDE
    small = _drawn(round(height / shrink), round(width / shrink), rng)
    pixels = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    grain = rng.integers(-9, 10, (512, 512, 1), np.int16)
    repeats = (-(-height // 512), -(-width // 512), 1)
    noisy = pixels + np.tile(grain, repeats)[:height, :width]
    target = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _drawn(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(height, width, 3): sixty soft-edged blobs on a slope."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.stack([60 + 70 * x / width, 80 + 50 * y / height, 110 - 40 * x / width], axis=-1)
    for _ in range(60):
        cx, cy, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.015, 0.07) * width
        distance = np.hypot(x - cx, (y - cy) * rng.uniform(0.7, 1.4)) / radius
        inside = np.clip((1 - distance) * 12, 0, 1)[..., None]
        picture = picture * (1 - inside) + rng.uniform(20, 250, 3).astype(np.float32) * inside
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@functools.cache
def _shape(radius: int, seed: int) -> NDArray[np.bool_]:
    """A wobbly disc with a hole, in its own window (2r, 2r)."""
    y, x = np.mgrid[-radius:radius, -radius:radius]
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    edge = radius * (0.8 + 0.12 * np.sin((3 + seed % 5) * angle + seed) + 0.04 * np.sin(23 * angle))
    return np.asarray((distance < edge) & (distance > radius / 5))


def spread_objects(height: int, width: int, count: int) -> list[Rle]:
    """`count` masks in rows and columns over the whole image, apart from each other."""
    columns = max(1, round((count * width / height) ** 0.5))
    rows = -(-count // columns)
    pitch_x, pitch_y = width / columns, height / rows
    radius = max(4, int(min(pitch_x, pitch_y, width / 8) / 3))
    return [
        placed(
            _shape(radius, number % SHAPES),
            int((number % columns + 0.5) * pitch_x) - radius,
            int((number // columns + 0.5) * pitch_y) - radius,
            height,
            width,
        )
        for number in range(count)
    ]


def placed(window: NDArray[np.bool_], left: int, top: int, height: int, width: int) -> Rle:
    """The mask of an image (height, width) whose foreground is `window`, its corner at (left, top)."""
    rows, columns = window.shape
    padded = np.zeros((columns, rows + 2), np.int8)
    padded[:, 1:-1] = window.T
    column, row = np.nonzero(np.diff(padded, axis=1))  # starts and ends of runs in turn, column by column
    edges = (left + column) * height + top + row
    runs = np.diff(np.concatenate([[0], edges, [height * width]])).astype(np.int64)
    return rle_from_runs(runs, height=height, width=width)


class Client:
    """Uploads with the rights of `api`."""

    def __init__(self, api: Api) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(api.base_url).netloc, timeout=300)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in api.cookies)
        token = api.get("/me").body["csrf_token"]
        self._headers = {"Cookie": cookies, "X-CSRFToken": token, "Referer": api.base_url + "/"}

    def send(self, method: str, path: str, data: bytes, content_type: str) -> Any:
        """The parsed answer; raises RuntimeError when the server refuses."""
        headers = {**self._headers, "Content-Type": content_type}
        self._connection.request(method, "/api/v1" + path, data, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {body[:300]!r}")
        return json.loads(body) if body else None

    def upload(self, project_id: int, name: str, data: bytes, mime: str = "image/jpeg") -> dict[str, Any]:
        """Store one image; returns it as the API gives it."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            f"Content-Type: {mime}\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        form = f"multipart/form-data; boundary={boundary}"
        self._connection.close()  # the server may have closed it while the picture was drawn
        answer = self.send("POST", f"/projects/{project_id}/images", body, form)
        stored: dict[str, Any] = answer["images"][0]
        return stored

    def close(self) -> None:
        self._connection.close()


def save_objects(instance: Path, image_id: int, category_id: int, masks: list[Rle]) -> None:
    """Each mask as a hand-drawn object, the first at the bottom, in one transaction of the server's database."""
    with create_app(instance).app_context(), writing():
        for z, mask in enumerate(masks, start=1):
            data = AnnotationInput.model_validate(
                {
                    "image_id": image_id,
                    "category_id": category_id,
                    "segmentation": mask.to_coco(),
                    "source": "manual",
                    "active_ms": 5000,
                    "z": z,
                }
            )
            save(str(uuid.uuid4()), data, author_id=None, expected=Expected())


def new_project(api: Api, name: str) -> tuple[int, int]:
    """Ids of a new project and of its one category."""
    project = api.post("/projects", {"name": name}).body
    category = api.post(f"/projects/{project['id']}/categories", {"name": "object"}).body
    return project["id"], category["id"]


def wait_for_embeddings(api: Api, project_id: int) -> None:
    """Until every image can be clicked. Raises RuntimeError when one fails or it takes too long."""
    deadline = time.monotonic() + EMBEDDINGS_SECONDS
    while True:
        project = api.get(f"/projects/{project_id}").body
        if project["embeddings"]["ready"] >= project["counts"]["images"]:
            return
        if project["embeddings"]["failed"] or time.monotonic() > deadline:
            raise RuntimeError(f"the embeddings did not get ready: {project['embeddings']}")
        time.sleep(0.5)

"""Display tiles: what they show, who sees them, and that a missing one is made instead of a failure."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image as Pillow
from PIL import ImageCms

from annotator.database import db
from annotator.models import Job
from annotator.services import tiles
from annotator.services.tiles import Layout
from annotator.storage import storage
from annotator.worker import Worker
from tests.server.pictures import encode, rotated_jpeg

WIDTH, HEIGHT = 1100, 700


def scenery(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) soft colours with texture, small as a file."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 37 + y / 91), np.cos(x / 53 - y / 29), np.sin((x + y) / 71)]
    texture = np.random.default_rng(0).normal(0, 4, (64, 64, 1))
    repeats = (-(-height // 64), -(-width // 64), 1)
    colours: np.ndarray = np.stack([127 + 100 * wave for wave in waves], axis=-1)
    colours += np.tile(texture, repeats)[:height, :width]
    return (np.clip(colours, 0, 255) // 16 * 16).astype(np.uint8)


@pytest.fixture(autouse=True)
def small_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a megapixel is very large here."""
    monkeypatch.setattr(tiles, "TILED_PIXELS", 500_000)


@pytest.fixture
def project(admin: Any) -> int:
    return int(admin.post("/api/v1/projects", json={"name": "Large"}).json["id"])


def upload(client: Any, project: int, data: bytes, name: str) -> dict[str, Any]:
    parts = {"files": (io.BytesIO(data), name)}
    answer = client.post(f"/api/v1/projects/{project}/images", data=parts)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = client.get(f"/api/v1/images/{answer.json['images'][0]['id']}").json
    return image


def address(image: dict[str, Any], level: int, column: int, row: int) -> str:
    return str(image["tiles"]["url"]).format(level=level, column=column, row=row)


def assembled(client: Any, image: dict[str, Any], level: int) -> np.ndarray:
    """A whole level, put together from its tiles as a browser does: uint8 (H, W, 3)."""
    layout = Layout(image["width"], image["height"])
    width, height = layout.size(level)
    whole = Pillow.new("RGB", (width, height), (255, 0, 255))
    columns, rows = layout.grid(level)
    for row in range(rows):
        for column in range(columns):
            answer = client.get(address(image, level, column, row))
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
            part = Pillow.open(io.BytesIO(answer.data))
            assert answer.mimetype == f"image/{(part.format or '').lower()}"
            whole.paste(part, (column * tiles.SIDE, row * tiles.SIDE))
    return np.asarray(whole)


@pytest.mark.parametrize(
    ("size", "levels"), [((512, 512), 1), ((513, 10), 2), ((1100, 700), 3), ((12000, 8400), 6), ((1, 1), 1)]
)
def test_the_last_level_fits_into_one_tile(size: tuple[int, int], levels: int) -> None:
    layout = Layout(*size)
    assert layout.levels == levels
    assert layout.grid(levels - 1) == (1, 1)
    for level in range(levels):
        assert layout.size(level) == tuple(math.ceil(side / 2**level) for side in size)
    numbers = [
        layout.number(level, column, row)
        for level in range(levels)
        for row in range(layout.grid(level)[1])
        for column in range(layout.grid(level)[0])
    ]
    assert numbers == list(range(layout.count))


def test_a_lossless_file_is_lossless_at_full_size(app: APIFlask, admin: Any, project: int) -> None:
    picture = scenery()
    image = upload(admin, project, encode(Pillow.fromarray(picture), "PNG"), "map.png")
    assert image["tiles"] == {
        "ready": False,
        "side": 512,
        "levels": 3,
        "url": f"/api/v1/images/{image['id']}/tiles/{{level}}/{{column}}/{{row}}?v={image['sha256'][:16]}",
    }
    assert Worker(app).run_until_idle() == 1
    image = admin.get(f"/api/v1/images/{image['id']}").json
    assert image["tiles"]["ready"]
    assert np.array_equal(assembled(admin, image, 0), picture)
    for level in (1, 2):
        half = np.asarray(Pillow.fromarray(picture).reduce(2**level)).astype(int)
        shown = assembled(admin, image, level)
        assert shown.shape == half.shape
        assert np.abs(shown - half).mean() < 3


def test_a_photograph_cannot_be_told_from_its_file(app: APIFlask, admin: Any, project: int) -> None:
    data = encode(Pillow.fromarray(scenery()), "JPEG", quality=88)
    image = upload(admin, project, data, "photo.jpg")
    Worker(app).run_until_idle()
    shown = assembled(admin, image, 0).astype(int)
    original = np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))
    error = np.abs(shown - original)
    assert error.mean() < 1.5
    assert np.percentile(error, 99) <= 5
    assert admin.get(image["urls"]["file"]).data == data, "the file itself stays what was uploaded"


def test_tiles_are_upright(app: APIFlask, admin: Any, project: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILED_PIXELS", 1000)
    image = upload(admin, project, rotated_jpeg(6), "turned.jpg")
    assert (image["width"], image["height"]) == (48, 32)
    Worker(app).run_until_idle()
    shown = assembled(admin, image, 0)
    assert shown[2, 2, 0] > 200
    assert shown[2, 2, 2] < 60, "the red corner is at the upper left"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_colours_keep_their_profile(app: APIFlask, admin: Any, project: int, mode: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Pillow.fromarray(scenery()).convert(mode)
    image = upload(admin, project, encode(picture, "JPEG", icc_profile=profile), "photo.jpg")
    Worker(app).run_until_idle()
    part = Pillow.open(io.BytesIO(admin.get(address(image, 0, 0, 0)).data))
    assert part.mode == "RGB"
    assert part.info.get("icc_profile") == (profile if mode == "RGB" else None)


def test_images_up_to_the_threshold_have_no_tiles(
    app: APIFlask, admin: Any, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "TILED_PIXELS", WIDTH * HEIGHT)
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "PNG"), "just.png")
    assert image["tiles"] is None
    answer = admin.get(f"/api/v1/images/{image['id']}/tiles/0/0/0")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "tile_not_found")
    assert Worker(app).run_until_idle() == 0


def test_missing_tiles_are_made_when_somebody_asks(app: APIFlask, admin: Any, project: int) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    with app.app_context():
        [key] = storage().keys("tiles")
        storage().delete(key)
    answer = admin.get(address(image, 0, 0, 0))
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "tiles_missing")
    assert Worker(app).run_until_idle() == 1
    assert admin.get(address(image, 0, 0, 0)).status_code == 200


def test_a_damaged_blob_is_no_server_error(app: APIFlask, admin: Any, project: int) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    with app.app_context():
        [key] = storage().keys("tiles")
        storage().put(key, storage().read(key)[:20])
    assert admin.get(address(image, 0, 0, 0)).status_code == 404


@pytest.mark.parametrize("place", ["3/0/0", "0/3/0", "0/0/2", "99999999999999999999/0/0", "x/0/0", "-1/0/0"])
def test_places_beyond_the_image_are_not_found(app: APIFlask, admin: Any, project: int, place: str) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    assert admin.get(f"/api/v1/images/{image['id']}/tiles/{place}").status_code == 404


def test_only_members_see_tiles(app: APIFlask, admin: Any, make_client: Any, project: int) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    answer = make_client("otto").get(address(image, 0, 0, 0))
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "image_not_found")
    assert app.test_client().get(address(image, 0, 0, 0)).status_code == 401


def test_a_tile_is_not_sent_twice(app: APIFlask, admin: Any, project: int) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    first = admin.get(address(image, 1, 0, 0))
    again = admin.get(address(image, 1, 0, 0), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_deleting_the_image_deletes_its_tiles(app: APIFlask, admin: Any, project: int) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")
    Worker(app).run_until_idle()
    assert admin.delete(f"/api/v1/images/{image['id']}").status_code == 204
    with app.app_context():
        assert storage().keys() == []


def test_a_worker_that_dies_halfway_leaves_nothing_half_made(
    app: APIFlask, admin: Any, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = upload(admin, project, encode(Pillow.fromarray(scenery()), "JPEG"), "photo.jpg")

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> bytes:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(tiles, "_encode", die)
        with pytest.raises(Killed):
            Worker(app).run_once()
    with app.app_context():
        assert storage().keys("tiles") == []
        job = db.session.query(Job).filter_by(kind="tiles").one()
        assert job.state == "running"
        job.lease_until = job.created_at
        db.session.commit()
    Worker(app).run_until_idle()
    assert admin.get(address(image, 0, 0, 0)).status_code == 200

"""Uploads: every good file lands upright, every bad one is named with its reason, and nothing ends in a 500."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image as Pillow

from annotator.database import db
from annotator.errors import InvalidInput
from annotator.models import Image, Job
from annotator.services.pictures import check_name
from annotator.storage import storage
from tests.server import pictures
from tests.server.pictures import encode, picture


@pytest.fixture
def upload(admin: Any) -> Callable[..., Any]:
    """upload((name, bytes), …) → the answer of one request into one project."""
    project_id = admin.post("/api/v1/projects", json={"name": "Uploads"}).json["id"]

    def send(*files: tuple[str, bytes]) -> Any:
        parts = [(io.BytesIO(data), name) for name, data in files]
        return admin.post(f"/api/v1/projects/{project_id}/images", data={"files": parts})

    return send


def shown(admin: Any, image: dict[str, Any]) -> Pillow.Image:
    """What a browser gets to see."""
    answer = admin.get(image["urls"]["file"])
    assert answer.status_code == 200
    assert answer.mimetype == image["mime"]
    return Pillow.open(io.BytesIO(answer.data))


@pytest.mark.parametrize(
    ("name", "form", "kept"),
    [
        ("a.jpg", "JPEG", True),
        ("a.JPEG", "JPEG", True),
        ("a.png", "PNG", True),
        ("a.webp", "WEBP", True),
        ("a.tif", "TIFF", False),
        ("a.tiff", "TIFF", False),
        ("a.bmp", "BMP", False),
        ("no suffix", "PNG", True),
    ],
)
def test_formats(admin: Any, upload: Any, name: str, form: str, kept: bool) -> None:
    data = picture(form, **({"lossless": True} if form == "WEBP" else {}))
    answer = upload((name, data))
    assert answer.status_code == 201, answer.text
    image = answer.json["images"][0]
    assert (image["name"], image["width"], image["height"], image["status"]) == (name, 40, 24, "new")
    sent = admin.get(image["urls"]["file"]).data
    assert (sent == data) is kept
    if form != "JPEG":
        assert np.array_equal(np.asarray(shown(admin, image).convert("RGB")), pictures.pixels())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(admin: Any, upload: Any, orientation: int) -> None:
    data = pictures.rotated_jpeg(orientation)
    image = upload(("turned.jpg", data)).json["images"][0]
    assert (image["width"], image["height"]) == (48, 32)
    seen = shown(admin, image)
    assert seen.getexif().get(0x0112, 1) == 1
    difference = np.abs(np.asarray(seen.convert("RGB"), int) - pictures.pixels(48, 32))
    assert difference.mean() < 4
    small = Pillow.open(io.BytesIO(admin.get(image["urls"]["thumbnail"]).data)).convert("RGB")
    assert small.size == (48, 32)
    assert np.asarray(small)[3, 3, 0] > 200  # the red corner is at the upper left
    assert (admin.get(image["urls"]["file"]).data == data) is (orientation == 1)


def grey16(form: str) -> bytes:
    ramp = np.linspace(1000, 3000, 40 * 24).reshape(24, 40).astype(np.uint16)
    return encode(Pillow.fromarray(ramp), form)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_greys_are_spread_over_the_range(admin: Any, upload: Any, form: str) -> None:
    image = upload((f"a.{form.lower()}", grey16(form))).json["images"][0]
    seen = np.asarray(shown(admin, image).convert("L"), int)
    assert seen.min() == 0
    assert seen.max() == 255
    assert abs(seen.mean() - 127.5) < 3
    assert (np.diff(seen.reshape(-1)) >= 0).all()


def test_floating_point_tiff(admin: Any, upload: Any) -> None:
    values = np.linspace(-1, 1, 40 * 24).reshape(24, 40).astype(np.float32)
    values[0, 0] = np.nan
    image = upload(("a.tif", encode(Pillow.fromarray(values), "TIFF"))).json["images"][0]
    seen = np.asarray(shown(admin, image).convert("L"), int)
    assert seen[0, 0] == 0
    assert seen[-1, -1] == 255


def test_cmyk_becomes_rgb(admin: Any, upload: Any) -> None:
    data = encode(Pillow.fromarray(pictures.pixels()).convert("CMYK"), "JPEG", quality=95)
    image = upload(("print.jpg", data)).json["images"][0]
    seen = shown(admin, image)
    assert seen.mode == "RGB"
    assert np.abs(np.asarray(seen, int) - pictures.pixels()).mean() < 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "L"])
def test_other_modes_become_plain_colours(admin: Any, upload: Any, mode: str) -> None:
    source = Pillow.fromarray(pictures.pixels())
    if mode in ("RGBA", "LA"):
        source = source.convert(mode)
        source.putalpha(Pillow.new("L", source.size, 0))
    else:
        source = source.convert(mode)
    image = upload(("a.png", encode(source, "PNG"))).json["images"][0]
    seen = np.asarray(shown(admin, image).convert("RGB"))
    assert seen.shape == (24, 40, 3)
    if mode in ("RGBA", "LA"):
        assert (seen == 255).all()  # fully transparent: the white ground


def test_palette_with_transparency(admin: Any, upload: Any) -> None:
    source = Pillow.fromarray(pictures.pixels()).convert("P")
    corner = source.getpixel((0, 0))
    data = encode(source, "PNG", transparency=corner)
    image = upload(("a.png", data)).json["images"][0]
    assert tuple(np.asarray(shown(admin, image).convert("RGB"))[0, 0]) == (255, 255, 255)


BAD: list[tuple[str, bytes, str, str]] = [
    ("empty.png", b"", "empty_file", "0 bytes"),
    ("text.jpg", b"hello, I am not an image at all" * 10, "not_an_image", "JPEG, PNG"),
    ("script.png", b"<html><script>alert(1)</script></html>", "not_an_image", "not an image"),
    ("draw.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg", "SVG"),
    ("draw.png", b'<?xml version="1.0"?><svg/>', "svg", "SVG"),
    ("hidden.png", b"<!-- x --><svg onload='x'/>", "svg", "SVG"),
    ("cut.jpg", picture("JPEG", 300, 200)[:3000], "damaged", "cut off"),
    ("cut.png", picture("PNG", 300, 200)[:-40], "damaged", "cut off"),
    ("cut.webp", picture("WEBP", 300, 200)[:400], "damaged", "cut off"),
    ("cut.tif", picture("TIFF", 300, 200)[:1500], "", ""),
    ("cut.bmp", picture("BMP", 300, 200)[:1500], "damaged", "cut off"),
    ("actually.png", picture("JPEG"), "wrong_extension", "rename it to .jpg"),
    ("actually.jpg", picture("PNG"), "wrong_extension", "PNG"),
    ("picture.txt", picture("PNG"), "wrong_extension", ".txt"),
    ("huge.png", pictures.png_header(50_000, 50_000), "too_many_pixels", "50000 × 50000"),
    ("area.png", pictures.png_header(29_000, 29_000), "too_many_pixels", "29000"),
    ("maximal.png", pictures.png_header(2**31 - 1, 2**31 - 1), "too_many_pixels", "per side"),
    ("none.png", pictures.png_header(0, 10), "", ""),
    ("line.png", picture("PNG", 1000, 1), "too_narrow", "1000 × 1"),
    ("moving.gif", pictures.animation("GIF"), "format", "GIF"),
    ("still.gif", picture("GIF"), "format", "GIF"),
    ("moving.webp", pictures.animation("WEBP"), "animated", "3 frames"),
    ("moving.png", pictures.animation("PNG"), "animated", "3 frames"),
    ("pages.tif", pictures.animation("TIFF"), "multi_page", "3 pages"),
    ("../../etc/passwd.png", picture(), "bad_name", "path"),
    ("..", picture(), "bad_name", "path"),
    ("/root/a.png", picture(), "bad_name", "path"),
    ("bell\x07.png", picture(), "bad_name", "printable"),
    ("n" * 300 + ".png", picture(), "bad_name", "255"),
]


@pytest.mark.parametrize(("name", "data", "code", "words"), BAD, ids=[f"{n[:24]!r}" for n, *_ in BAD])
def test_a_bad_file_is_named_with_its_reason(
    upload: Any, name: str, data: bytes, code: str, words: str
) -> None:
    answer = upload((name, data))
    assert answer.status_code == 422, answer.text
    [rejected] = answer.json["rejected"]
    assert rejected["file"] == name
    if code:
        assert rejected["code"] == answer.json["error"]["code"] == code
    assert words in rejected["message"]
    assert answer.json["error"]["message"].startswith(name)
    assert answer.json["images"] == []


@pytest.mark.parametrize("name", ["", "  ", ".", "..", "a/b", "a\\b", "\x00", "line\nbreak", "\u202egnp.exe"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_name(name)
    assert caught.value.code == "bad_name"


def test_bad_files_do_not_cost_the_good_ones(app: APIFlask, admin: Any, upload: Any) -> None:
    mixed = [(f"good{i}.png", picture(width=30 + i)) for i in range(3)]
    bad = [(name, data) for name, data, *_ in BAD]
    files = [*bad[:10], mixed[0], *bad[10:20], mixed[1], *bad[20:], mixed[2]]
    answer = upload(*files)
    assert answer.status_code == 201
    assert [image["name"] for image in answer.json["images"]] == [name for name, _ in mixed]
    assert [entry["file"] for entry in answer.json["rejected"]] == [name for name, _ in bad]
    with app.app_context():
        assert db.session.query(Image).count() == 3
        assert len(storage().keys("images")) == 3
        assert len(storage().keys("thumbnails")) == 3


def test_duplicates_are_found_by_content(admin: Any, upload: Any) -> None:
    first = upload(("a.png", picture())).json["images"][0]
    answer = upload(("b.png", picture()), ("c.png", picture(width=41)), ("d.png", picture(width=41)))
    assert answer.status_code == 201
    assert [image["name"] for image in answer.json["images"]] == ["c.png"]
    assert [(entry["file"], entry["image"]["name"]) for entry in answer.json["duplicates"]] == [
        ("b.png", "a.png"),
        ("d.png", "c.png"),
    ]
    assert answer.json["duplicates"][0]["image"]["id"] == first["id"]
    again = upload(("b.png", picture()))
    assert (again.status_code, len(again.json["duplicates"])) == (201, 1)


def test_two_projects_share_the_file(app: APIFlask, admin: Any, upload: Any) -> None:
    first = upload(("a.png", picture())).json["images"][0]
    other = admin.post("/api/v1/projects", json={"name": "Other"}).json["id"]
    answer = admin.post(f"/api/v1/projects/{other}/images", data={"files": (io.BytesIO(picture()), "z.png")})
    second = answer.json["images"][0]
    assert second["sha256"] == first["sha256"]
    assert second["id"] != first["id"]
    assert admin.delete(f"/api/v1/images/{first['id']}").status_code == 204
    assert admin.get(second["urls"]["file"]).status_code == 200  # still needed
    assert admin.delete(f"/api/v1/images/{second['id']}").status_code == 204
    with app.app_context():
        assert storage().keys("images") == storage().keys("thumbnails") == []


def test_requests_without_usable_files(admin: Any, upload: Any) -> None:
    assert upload().json["error"]["code"] == "no_files"
    answer = admin.post(
        "/api/v1/projects/1/images", data=b"junk", content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 422
    answer = admin.post("/api/v1/projects/1/images", json={"files": []})
    assert answer.status_code == 422
    answer = admin.post("/api/v1/projects/1/images", data={"files": "text, not a file"})
    assert answer.status_code == 415


def test_limits_come_from_the_settings(tmp_path: Path, make_app: Any) -> None:
    from annotator.services import users

    small = make_app(tmp_path / "small", max_file_bytes=1000, max_files=2, max_image_side=100)
    with small.app_context():
        users.create_user("root", password="correct horse", is_admin=True)
    client = small.test_client().sign_in("root")
    assert client.post("/api/v1/projects", json={"name": "x"}).status_code == 201

    def code(*files: tuple[str, bytes]) -> str:
        parts = [(io.BytesIO(data), name) for name, data in files]
        return str(client.post("/api/v1/projects/1/images", data={"files": parts}).json["error"]["code"])

    assert code(("a.png", bytes(1001))) == "file_too_large"
    assert code(("a.png", picture(width=101, height=2))) == "too_many_pixels"
    assert code(*[("a.png", picture())] * 3) == "too_many_files"


def test_random_damage_never_ends_in_a_500(upload: Any) -> None:
    """Bytes flipped, cut and spliced in every format, with a fixed seed."""
    rng = random.Random(7)
    exif = pictures.rotated_jpeg(6)
    sources = [(f"a.{form.lower()}", picture(form)) for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")]
    sources += [("e.jpg", exif), ("g.tiff", grey16("TIFF")), ("g.png", grey16("PNG"))]
    files = []
    for round_ in range(30):
        for name, data in sources:
            broken = bytearray(data)
            for _ in range(rng.choice((1, 2, 8, 40))):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            if round_ % 3 == 0:
                broken = broken[: rng.randrange(1, len(broken))]
            if round_ % 5 == 0:
                broken += rng.randbytes(50)
            files.append((name, bytes(broken)))
    for start in range(0, len(files), 90):
        answer = upload(*files[start : start + 90])
        assert answer.status_code in (201, 422), answer.text
        lists = answer.json
        total = len(lists["images"]) + len(lists["duplicates"]) + len(lists["rejected"])
        assert total == len(files[start : start + 90])
        assert all(entry["message"] and entry["code"] for entry in lists["rejected"])


def test_an_embedding_is_queued_once_there_is_a_model(
    app: APIFlask, upload: Any, register_model: Any
) -> None:
    upload(("before.png", picture()))
    digest = register_model()
    image = upload(("after.png", picture(width=50))).json["images"][0]
    assert image["embedding"]["state"] == "queued"
    assert image["embedding"]["message"].startswith("Number 1 in the queue, about")
    with app.app_context():
        [job] = db.session.query(Job).all()
        assert job.payload == {"image_sha256": image["sha256"], "model_digest": digest}


def test_a_phone_picture_with_a_second_one_inside_is_a_jpeg(admin: Any, upload: Any) -> None:
    first, second = (Pillow.fromarray(pictures.pixels(width, 24)) for width in (40, 20))
    data = encode(first, "MPO", save_all=True, append_images=[second])
    image = upload(("phone.jpg", data)).json["images"][0]
    assert (image["width"], image["height"], image["mime"]) == (40, 24, "image/jpeg")


@pytest.mark.parametrize("form", [".png", ".tiff"])
def test_sixteen_bit_colours_are_spread_too(admin: Any, upload: Any, form: str) -> None:
    ramp = np.linspace(0, 4095, 40).astype(np.uint16)
    values = np.zeros((24, 40, 3), np.uint16)
    values[..., 2] = ramp  # red, in OpenCV's order
    data = bytes(cv2.imencode(form, values)[1])
    image = upload((f"deep{form}", data)).json["images"][0]
    seen = np.asarray(shown(admin, image).convert("RGB"), int)
    assert seen[..., 0].max() == 255
    assert seen[..., 1:].max() == 0
    assert (np.diff(seen[0, :, 0]) >= 0).all()


def test_an_upload_survives_the_deletion_of_the_same_picture(
    app: APIFlask, admin: Any, upload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files vanish between being written and the row being added, as when somebody deletes the last copy."""
    from annotator.services import ingest

    original, calls = ingest._insert, []

    def racing(image: Image) -> Any:
        calls.append(image.name)
        if len(calls) == 1:
            for key in storage().keys(""):
                storage().delete(key)
        return original(image)

    monkeypatch.setattr(ingest, "_insert", racing)
    image = upload(("a.png", picture())).json["images"][0]
    assert len(calls) == 2
    assert shown(admin, image).size == (40, 24)

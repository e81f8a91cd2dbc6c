"""What jobs say while they are under way, in the language of whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.chunks import Pace, duration
from annotator.database import db
from annotator.errors import InvalidInput
from annotator.lines import line, parts_of
from annotator.models import Job

CHINESE = {"Accept-Language": "zh-CN"}


def test_a_line_is_its_english_text_and_knows_its_parts() -> None:
    left = line("{number} min", number=3)
    whole = line("{done} of {total} images", done=1, total=left)
    assert whole == "1 of 3 min images"
    assert parts_of(whole) == {
        "text": "{done} of {total} images",
        "values": {"done": "1", "total": {"text": "{number} min", "values": {"number": "3"}}},
    }
    assert parts_of("a name") is None


def test_durations_are_rounded_to_what_people_say() -> None:
    assert [str(duration(seconds)) for seconds in (0.2, 99, 150, 7200)] == ["1 s", "99 s", "2 min", "2 h"]


@pytest.fixture
def ticket(app: APIFlask) -> Any:
    with app.app_context():
        jobs.enqueue("export", {})
        return jobs.claim("somebody")


def test_progress_is_told_in_both_languages(app: APIFlask, admin: Any, ticket: Any) -> None:
    pace = Pace(64)
    pace._started -= 12
    with app.app_context():
        jobs.heartbeat(ticket, 0.5, pace.message(4))
    address = f"/api/v1/jobs/{ticket.id}"
    assert admin.get(address).json["message"] == "4 of 64 images, 3 s each, about 3 min left"
    said = admin.get(address, headers=CHINESE).json["message"]
    assert said == "64 张图像中的 4 张，每张 3 秒，约剩 3 分钟"


def test_a_text_of_another_line_leaves_no_parts_behind(app: APIFlask, admin: Any, ticket: Any) -> None:
    with app.app_context():
        jobs.heartbeat(ticket, 0.5, line("Writing {total} masks", total=7))
        jobs.heartbeat(ticket, 0.6, "street.png")
        assert db.session.get_one(Job, ticket.id).message_parts is None
    assert admin.get(f"/api/v1/jobs/{ticket.id}", headers=CHINESE).json["message"] == "street.png"


def test_the_end_and_the_reason_are_translated_too(app: APIFlask, admin: Any, ticket: Any) -> None:
    with app.app_context():
        jobs.fail(ticket, InvalidInput("There is no image to propose masks for.", code="no_images"))
    job = admin.get(f"/api/v1/jobs/{ticket.id}", headers=CHINESE).json
    assert job["message"] == "失败"
    assert not job["error"]["message"].isascii()
    assert admin.get(f"/api/v1/jobs/{ticket.id}").json["message"] == "Failed"

"""Two people do the same thing at the same moment: one wins, the other hears what they would have heard later."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, OperationalError

from annotator.database import db, writing
from annotator.errors import Conflict
from annotator.models import Category, Image, Project, User
from annotator.races import ATTEMPTS, again_when_overtaken, overtaken
from annotator.services import projects
from tests.server.pictures import picture

pytestmark = pytest.mark.databases

MEETING_SECONDS = 0.5


@pytest.fixture
def project(admin: Any) -> int:
    return int(admin.post("/api/v1/projects", json={"name": "Cats"}).json["id"])


@pytest.fixture
def together(app: APIFlask, admin: Any) -> Iterator[Callable[..., list[Any]]]:
    """together(ask, ask) → their answers; each waits before its first write until the other has looked, too.

    Where writers wait for each other from the start (SQLite), the first one goes on alone after a moment.
    """
    barrier = threading.Barrier(2)

    def meet(*_: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(MEETING_SECONDS)

    def send(*asks: Callable[[Any], Any]) -> list[Any]:
        clients = [app.test_client().sign_in("root") for _ in asks]  # type: ignore[attr-defined]
        with app.app_context():
            event.listen(db.session, "before_flush", meet)
        with ThreadPoolExecutor(len(asks)) as pool:
            return list(pool.map(lambda pair: pair[0](pair[1]), zip(asks, clients, strict=True)))

    yield send
    with suppress(Exception):
        event.remove(db.session, "before_flush", meet)


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/api/v1/projects", {"name": "Dogs"}),
        ("/api/v1/users", {"name": "ann"}),
        ("/api/v1/projects/{project}/categories", {"name": "paw"}),
    ],
)
def test_one_name_goes_to_one_of_two(together: Any, project: int, address: str, body: Any) -> None:
    def ask(client: Any) -> Any:
        return client.post(address.format(project=project), json=body)

    answers = together(ask, ask)
    assert statuses(answers) == [201, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert lost.json["error"]["code"] == "name_taken"
    assert body["name"] in lost.json["error"]["message"]


@pytest.mark.parametrize("kind", ["projects", "categories", "users"])
def test_two_renamed_to_one_name(together: Any, admin: Any, project: int, kind: str) -> None:
    list_of = f"/api/v1/projects/{project}/categories" if kind == "categories" else f"/api/v1/{kind}"
    ids = [admin.post(list_of, json={"name": name}).json["id"] for name in ("one", "two")]

    def rename(id: int) -> Callable[[Any], Any]:
        return lambda client: client.patch(f"/api/v1/{kind}/{id}", json={"name": "same"})

    assert statuses(together(*map(rename, ids))) == [200, 409]


def test_one_file_uploaded_twice_is_one_image(together: Any, app: APIFlask, project: int) -> None:
    data = picture("PNG")

    def upload(client: Any) -> Any:
        address = f"/api/v1/projects/{project}/images"
        return client.post(address, data={"files": [(io.BytesIO(data), "a.png")]})

    answers = together(upload, upload)
    assert statuses(answers) == [201, 201], [answer.text for answer in answers]
    stored = [image["id"] for answer in answers for image in answer.json["images"]]
    known = [known["image"]["id"] for answer in answers for known in answer.json["duplicates"]]
    assert len(stored) == 1
    assert known == stored
    with app.app_context():
        assert len(db.session.scalars(select(Image)).all()) == 1


def test_places_in_a_list_are_unique(together: Any, app: APIFlask, project: int) -> None:
    def upload(seed: int) -> Callable[[Any], Any]:
        parts = [(io.BytesIO(picture(width=20 + seed)), f"{seed}.png")]
        return lambda client: client.post(f"/api/v1/projects/{project}/images", data={"files": parts})

    def label(name: str) -> Callable[[Any], Any]:
        return lambda client: client.post(f"/api/v1/projects/{project}/categories", json={"name": name})

    assert statuses(together(upload(1), upload(2))) == [201, 201]
    assert statuses(together(label("a"), label("b"))) == [201, 201]
    with app.app_context():
        assert sorted(db.session.scalars(select(Image.position))) == [0, 1]
        assert sorted(db.session.scalars(select(Category.position))) == [0, 1]


def test_a_member_added_twice_is_one(together: Any, admin: Any, project: int) -> None:
    person = admin.post("/api/v1/users", json={"name": "ann"}).json["id"]

    def add(client: Any) -> Any:
        return client.put(f"/api/v1/projects/{project}/members/{person}", json={"role": "annotator"})

    assert set(statuses(together(add, add))) <= {200, 204}


def test_an_image_deleted_twice_is_gone(together: Any, admin: Any, project: int) -> None:
    files = {"files": [(io.BytesIO(picture("PNG")), "a.png")]}
    image = admin.post(f"/api/v1/projects/{project}/images", data=files).json["images"][0]["id"]
    answers = together(*[lambda client: client.delete(f"/api/v1/images/{image}")] * 2)
    assert set(statuses(answers)) <= {204, 404}
    assert 204 in statuses(answers)


def test_what_nobody_foresaw_is_a_conflict_and_no_500(app: APIFlask, make_client: Callable[..., Any]) -> None:
    def careless() -> str:
        with writing() as session:
            session.add_all([Project(name="twice"), Project(name="twice")])
        return "written"

    def absent() -> str:
        return db.session.get_one(User, 10**6).name

    app.add_url_rule("/api/v1/careless", view_func=careless)
    app.add_url_rule("/api/v1/absent", view_func=absent)
    admin = make_client("root", admin=True)
    answer = admin.get("/api/v1/careless")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "overtaken")
    assert "try again" in answer.json["error"]["message"]
    assert admin.get("/api/v1/absent").status_code == 404


def test_an_overtaken_writer_looks_again(app: APIFlask) -> None:
    tries = []

    @again_when_overtaken
    def write(succeeds_at: int) -> str:
        tries.append(1)
        with writing():
            if len(tries) < succeeds_at:
                raise IntegrityError("insert", {}, ValueError())
        return "written"

    with app.app_context():
        assert write(3) == "written"
        assert len(tries) == 3
        tries.clear()
        with pytest.raises(IntegrityError):
            write(ATTEMPTS + 1)
        assert len(tries) == ATTEMPTS
        tries.clear()
        with pytest.raises(IntegrityError), writing():
            write(2)
        assert len(tries) == 1, "the outer transaction is over; only who opened it may try again"


def test_what_counts_as_overtaken() -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    assert overtaken(OperationalError("update", {}, Deadlock()))
    assert not overtaken(OperationalError("update", {}, ValueError("disk full")))


def test_the_database_holds_what_the_check_cannot(app: APIFlask) -> None:
    """A name that appears between looking and writing is found at the second look."""
    with app.app_context():
        projects.create_project("there")
        with pytest.raises(Conflict, match="there"):
            projects.create_project("there")

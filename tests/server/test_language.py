"""Which language a request is answered in, and how error messages are put into it."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from annotator.database import db


def language_of(client: Any, path: str = "/", **headers: str) -> str:
    page = client.get(path, headers=headers).text
    return str(page.split('<html lang="')[1].split('"')[0])


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-Hant-TW", "zh-CN"),
        ("de,zh;q=0.5", "zh-CN"),
        ("en-GB,zh;q=0.5", "en"),
        ("de-AT,fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("zh;q=nonsense", "en"),
    ],
)
def test_the_browser_asks(app: APIFlask, header: str, language: str) -> None:
    assert language_of(app.test_client(), "/signin", **{"Accept-Language": header}) == language


def test_preference_before_cookie_before_browser(admin: Any) -> None:
    chinese = {"Accept-Language": "zh-CN"}
    assert language_of(admin, **chinese) == "zh-CN"
    admin.set_cookie("language", "en")
    assert language_of(admin, **chinese) == "en"
    admin.patch("/api/v1/me", json={"preferences": {"language": "zh-CN"}})
    assert language_of(admin) == "zh-CN"


@pytest.mark.parametrize("value", ["tlh", 7, ["zh-CN"], {"a": 1}, ""])
def test_a_preference_that_is_no_language_counts_for_nothing(admin: Any, value: Any) -> None:
    admin.patch("/api/v1/me", json={"preferences": {"language": value}})
    admin.set_cookie("language", "../../etc")
    assert language_of(admin) == "en"


def test_pages_carry_the_catalogue_only_in_another_language(app: APIFlask) -> None:
    client = app.test_client()
    assert 'id="messages"' not in client.get("/signin").text
    page = client.get("/signin", headers={"Accept-Language": "zh"}).text
    assert '<script type="application/json" id="messages">' in page
    assert "\\u767b\\u5f55" in page or "登录" in page
    assert "跳到主要内容" in page


def message_of(answer: Any) -> str:
    return str(answer.json["error"]["message"])


def test_messages_keep_their_values(admin: Any) -> None:
    chinese = {"Accept-Language": "zh-CN"}
    admin.post("/api/v1/users", json={"name": "ann"})
    taken = admin.post("/api/v1/users", json={"name": "ann"}, headers=chinese)
    assert message_of(taken) == "已有名为 'ann' 的用户。"
    assert taken.json["error"]["code"] == "name_taken"
    assert taken.json["error"]["field"] == "name"
    assert message_of(admin.get("/api/v1/nothing", headers=chinese)) == "此地址没有内容。"
    assert "<h1>这里没有内容</h1>" in admin.get("/nothing", headers={**chinese, "Accept": "text/html"}).text


def test_a_script_with_a_token_is_answered_as_it_asks(app: APIFlask, admin: Any) -> None:
    admin.patch("/api/v1/me", json={"preferences": {"language": "zh-CN"}})
    token = admin.post("/api/v1/me/tokens", json={"name": "nightly"}).json["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    client = app.test_client()
    assert message_of(client.get("/api/v1/jobs/999", headers=bearer)) == "There is no such job."
    chinese = {**bearer, "Accept-Language": "zh"}
    assert message_of(client.get("/api/v1/jobs/999", headers=chinese)) == "没有这个任务。"


def test_a_broken_database_still_says_so(app: APIFlask, admin: Any) -> None:
    with app.app_context():
        db.session.execute(text('DROP TABLE "user"'))
        db.session.commit()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = admin.get("/api/v1/projects", headers={"Accept-Language": "zh"})
    assert answer.status_code == 500
    assert message_of(answer) == "服务器出错，已记录日志，请重试。"

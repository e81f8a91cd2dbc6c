"""Getting in: one-time links, passwords, what the page says when either fails."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tools.real_server import Api, RealServer

PASSWORD = "correct horse battery"


def _person(api: Api, name: str, **values: object) -> int:
    made = api.post("/users", {"name": name, **values})
    assert made.status == 201, made.body
    return int(made.body["id"])


def test_a_link_signs_in_once(visitor: Page, api: Api, server: RealServer) -> None:
    person = _person(api, "link-person")
    link = api.post(f"/users/{person}/link").body["url"]
    visitor.goto(link)
    expect(visitor.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    expect(visitor.get_by_text("ask a manager to add you to theirs")).to_be_visible()

    visitor.context.clear_cookies()
    visitor.goto(link)
    expect(visitor.get_by_role("alert")).to_contain_text("already used")
    assert urlsplit(visitor.url).path == "/signin"


def test_a_password_brings_back_to_the_page_that_was_asked_for(visitor: Page, api: Api) -> None:
    _person(api, "ann", password=PASSWORD)
    visitor.goto("/account")
    expect(visitor.get_by_role("heading", name="Sign in to Annotator")).to_be_visible()

    visitor.get_by_label("Name").fill("ann")
    visitor.get_by_label("Password").fill("not it")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_text("Name and password do not match.")).to_be_visible()
    expect(visitor.get_by_label("Name")).to_have_value("ann")

    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="ann", exact=True)).to_be_visible()
    assert urlsplit(visitor.url).path == "/account"


def test_a_foreign_return_address_is_not_followed(visitor: Page, api: Api, server: RealServer) -> None:
    _person(api, "ben", password=PASSWORD)
    visitor.goto("/signin?next=//evil.example/")
    visitor.get_by_label("Name").fill("ben")
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert visitor.url == server.base_url + "/"


def test_signing_out_and_setting_a_password(visitor: Page, api: Api) -> None:
    person = _person(api, "cleo")
    visitor.goto(api.post(f"/users/{person}/link").body["url"])
    visitor.goto("/account")
    visitor.get_by_label("New password", exact=True).fill(PASSWORD)
    visitor.get_by_label("New password again").fill("something else")
    visitor.get_by_role("button", name="Set password").click()
    expect(visitor.get_by_text("The two new passwords differ.")).to_be_visible()
    visitor.get_by_label("New password again").fill(PASSWORD)
    visitor.get_by_role("button", name="Set password").click()
    expect(visitor.get_by_text("Password changed.")).to_be_visible()

    visitor.get_by_role("button", name="Account of cleo").click()
    visitor.get_by_role("menuitem", name="Sign out").click()
    expect(visitor.get_by_role("heading", name="Sign in to Annotator")).to_be_visible()
    visitor.get_by_label("Name").fill("cleo")
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Projects", exact=True)).to_be_visible()

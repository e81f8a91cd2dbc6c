"""Simplified Chinese: asked for by the browser, chosen at sign-in or in the account, in pages and in messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.workbench_page import WorkbenchPage
from tools.real_server import Api, RealServer


@pytest.fixture(autouse=True)
def browser_language(api: Api) -> Iterator[None]:
    yield
    assert api.call("PATCH", "/me", {"preferences": {"language": None}}).status == 200


def test_the_browsers_language_is_used_until_a_person_chooses(
    browser: Browser, server: RealServer, api: Api
) -> None:
    window = browser.new_context(base_url=server.base_url, locale="zh-CN", storage_state=api.storage_state())
    page = window.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="项目", exact=True)).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.goto("/account")
    page.get_by_label("语言").select_option(label="English")
    expect(page.get_by_role("heading", name="Appearance")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert api.get("/me").body["user"]["preferences"]["language"] == "en"
    window.close()


def test_the_sign_in_page_switches_without_an_account(visitor: Page) -> None:
    visitor.goto("/signin")
    visitor.get_by_label("Language").select_option(label="简体中文")
    expect(visitor.get_by_role("heading", name="登录 Annotator")).to_be_visible()
    visitor.get_by_label("名称").fill("nobody")
    visitor.get_by_label("密码").fill("not the password")
    visitor.get_by_role("button", name="登录").click()
    expect(visitor.get_by_text("名称与密码不匹配。两者均区分大小写。")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_role("heading", name="登录 Annotator")).to_be_visible()


def test_messages_of_the_server_follow_the_person(page: Page, api: Api) -> None:
    assert api.call("PATCH", "/me", {"preferences": {"language": "zh-CN"}}).status == 200
    page.goto("/projects/999999")
    expect(page.get_by_role("heading", name="这里没有内容")).to_be_visible()
    page.goto("/users")
    page.get_by_role("button", name="新建人员").click()
    page.get_by_label("名称").fill("admin")
    page.get_by_role("button", name="创建").click()
    expect(page.get_by_text("已有名为 'admin' 的用户。")).to_be_visible()


def test_the_workbench_speaks_chinese(page: Page, api: Api, demo: dict[str, object]) -> None:
    assert api.call("PATCH", "/me", {"preferences": {"language": "zh-CN"}}).status == 200
    page.goto(f"/projects/{demo['id']}/images/1")
    WorkbenchPage(page).wait_until_ready()
    expect(page.get_by_role("button", name="画笔", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘与鼠标")).to_contain_text("橡皮擦")

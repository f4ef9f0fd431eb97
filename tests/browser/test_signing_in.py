"""Who a page's client is, in a real browser: its cookies, and what its tabs share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .tab import Page
from .test_transports import ask, connect

__all__ = ["connect"]


def sign_in(page: Page, user: str) -> None:
    """Have the browser bring a cookie of the application's, as after a sign-in."""
    page.front().get(f"{page.url}/elsewhere")
    page.run("document.cookie = `user=${arguments[0]}`", user)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_all_tabs_of_a_browser_share_a_key_that_no_script_sees(
    page: Page, transport: str, connect: Callable[..., Page]
) -> None:
    sign_in(page, "ada")
    tabs = [connect(transport)]
    page.front().switch_to.new_window("tab")
    tabs.append(connect(transport))
    users = ask(page, "/users")
    assert {user for user, _ in users} == {"ada"}  # with some of lines that were tried in vain
    (key,) = {key for _, key in users}
    assert len(key) == 32
    assert [tab.run("return document.cookie") for tab in tabs] == ["user=ada"] * 2


def test_a_page_that_is_not_let_in_is_told_why_and_does_not_come_again(page: Page) -> None:
    sign_in(page, "mallory")
    page.load()
    page.wait_until("return client.state", "closed")
    assert page.run("return client.why").endswith("you are banned, Mallory")
    assert ask(page, "/users") == []
    assert len(ask(page, "/queries")) == 1

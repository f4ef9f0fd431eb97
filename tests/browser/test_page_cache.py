"""A page that goes into the back/forward cache of a real browser and comes back: its session and its stores go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from support.cutting_proxy import LIVE, CuttingProxy

from .tab import Page

BLOCKED = {"websocket": (), "sse": LIVE[:1], "polling": (LIVE[0], LIVE[3])}
"""What a proxy refuses so that only this transport is left."""

MARK = """
window.mark = "the same page";
addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
client.onstate((state) => state === "offline" && (window.why = client.why));
"""
RESTORED = "return [window.mark, window.persisted, window.why]"
WHY = "the page is in the back/forward cache"
REASONS = "return JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"


@pytest.fixture
def open_over(page: Page) -> Iterator[Callable[[str], Page]]:
    """A function that opens the page where only one transport gets through, and waits until it is live."""
    with ExitStack() as stack:

        def start(transport: str) -> Page:
            proxy = stack.enter_context(CuttingProxy(int(page.url.rpartition(":")[2]), refused=BLOCKED[transport]))
            tab = Page(page.driver, f"http://127.0.0.1:{proxy.port}")
            tab.load("/?hasty")
            tab.wait_until("return [client.state, client.transport]", ["live", transport])
            return tab

        yield start


def leave_and_come_back(page: Page, between: Callable[[], None]) -> None:
    """Follow a link to another page, and go back to this one, which must not have been loaded again."""
    page.run(MARK)
    page.front().get(f"{page.url}/elsewhere")
    assert page.front().title == "elsewhere"
    between()
    page.front().back()
    page.wait(lambda: page.front().title == "list", "the page is back")
    assert page.run(RESTORED) == ["the same page", True, WHY], page.run(REASONS)


@pytest.mark.parametrize("transport", BLOCKED)
def test_a_page_out_of_the_cache_goes_on_with_its_session(
    open_over: Callable[[str], Page], page: Page, transport: str
) -> None:
    tab = open_over(transport)
    tab.say("before")
    tab.wait_for_list("before")
    me = tab.run("return client.clientId")

    def somebody_else_says() -> None:
        page.driver.switch_to.new_window("tab")
        other = Page(page.driver, page.url)
        other.load()
        other.say("meanwhile")
        other.wait_for_list("before", "meanwhile")
        other.close()
        page.driver.switch_to.window(page.driver.window_handles[0])

    for _ in range(2):
        leave_and_come_back(tab, lambda: None)
        tab.wait_until("return client.state", "live")
        assert tab.run("return client.transport") == transport
    leave_and_come_back(tab, somebody_else_says)
    tab.wait_for_list("before", "meanwhile")
    tab.say("after")
    tab.wait_for_list("before", "meanwhile", "after")
    assert tab.run("return [client.clientId, told]") == [me, []]


def test_what_was_said_just_before_the_page_was_put_away_is_applied_once(page: Page) -> None:
    page.load("/?hasty")
    page.wait_until("return client.state", "live")
    page.run("addEventListener('pagehide', () => { for (const one of ['1', '2', '3']) list.dispatch(one) })")
    leave_and_come_back(page, lambda: None)
    page.wait_for_list("1", "2", "3")
    page.wait_until("return client.queue.messages", 0)


def test_two_pages_of_one_tab_keep_out_of_each_others_way(page: Page) -> None:
    page.load("/?hasty")
    page.say("from the first")
    page.wait_for_list("from the first")
    page.load("/classic?hasty")
    page.say("from the second")
    page.wait_for_list("from the first", "from the second")
    page.front().back()
    page.wait(lambda: page.run("return location.pathname === '/' && 'list' in window"), "the first is back")
    page.wait_until("return client.state", "live")
    page.say("from the first again")
    page.wait_for_list("from the first", "from the second", "from the first again")
    page.front().forward()
    page.wait(lambda: page.run("return location.pathname === '/classic' && 'list' in window"), "the second is back")
    page.wait_for_list("from the first", "from the second", "from the first again")
    assert page.run("return told") == []

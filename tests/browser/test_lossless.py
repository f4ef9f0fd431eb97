"""Tabs that lose their connection again and again while they post: every message arrives, once and in its order."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from selenium.webdriver import Chrome
from support.cutting_proxy import LIVE, CuttingProxy
from support.serving import program

from .tab import Page

CUTS = 50
MESSAGES = 500
BLOCKED = {"websocket": (), "sse": LIVE[:1], "polling": (LIVE[0], LIVE[3])}
"""What a proxy refuses so that only this transport is left."""

SIZE = 200  # characters of a message: what is posted between two cuts is more than the bytes up to the second one
REACH = 2_000  # bytes after which a connection is cut at the latest; a handshake and a Hello together are about 1,000
SETTLED = """
const {messages, kept} = client.queue;
return [client.state, messages, kept, list.pending.length, list.model.length, list.confirmed.length, told]
"""


def message(author: str, number: int) -> str:
    """Return a message that is like no other."""
    return f"{author} {number} ".ljust(SIZE, ".")


class Site:
    """The server, and a proxy in front of it that its tabs know nothing of."""

    def __init__(self, driver: Chrome, port: int, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        self.driver = driver
        self.posted: dict[str, list[str]] = {}
        self._port = port

    def open(self) -> Page:
        """Open a tab, or the first one."""
        page = Page(self.driver, f"http://127.0.0.1:{self.proxy.port}")
        page.load("/?hasty")
        return page

    def post(self, page: Page, author: str, count: int) -> None:
        """Have a page post messages, all at once."""
        mine = self.posted.setdefault(author, [])
        new = [message(author, len(mine) + at) for at in range(count)]
        mine += new
        page.say(*new)

    def list(self) -> list[str]:
        """Return what the server has; it is asked directly."""
        with urlopen(f"http://127.0.0.1:{self._port}/list", timeout=10) as answer:
            return list(json.load(answer))

    def wait_settled(self, *pages: Page) -> None:
        """Wait until all that was posted is there, everywhere once, in the order of each author, and nothing waits."""
        total = sum(map(len, self.posted.values()))
        for page in pages:
            page.wait_until(SETTLED, ["live", 0, 0, 0, total, total, []])
        there = self.list()
        assert {author: [one for one in there if one.startswith(f"{author} ")] for author in self.posted} == self.posted
        assert len(there) == total
        for page in pages:
            assert page.run("return list.model") == there


@pytest.fixture
def site(driver: Chrome) -> Iterator[Callable[..., Site]]:
    """A function that starts the site, behind a proxy that lets only one transport through."""
    with ExitStack() as stack:
        running = stack.enter_context(program("-m", "browser.page"))
        port = int(running.wait_for(r"http://\S+:(\d+)")[1])

        def start(transport: str) -> Site:
            proxy = stack.enter_context(CuttingProxy(port, refused=BLOCKED[transport]))
            return Site(driver, port, proxy)

        yield start
        for handle in driver.window_handles:
            driver.switch_to.window(handle)
            assert driver.execute_script("return window.violations ?? []") == []
        running.signal(signal.SIGTERM)
        assert running.wait() == 0, running.output
        assert "Traceback" not in running.output, running.output


def is_live(page: Page) -> bool:
    return bool(page.run("return client.state === 'live'"))


@pytest.mark.parametrize("transport", BLOCKED)
def test_a_tab_that_is_cut_off_fifty_times_loses_nothing(site: Callable[..., Site], transport: str) -> None:
    here, chance = site(transport), random.Random(f"{transport} 4")
    page = here.open()
    page.wait_until("return [client.state, client.transport]", ["live", transport])
    for cut in range(CUTS):
        if chance.random() < 0.7:
            page.wait(lambda: is_live(page), "it is back")
        here.proxy.cut_after(chance.randint(1, REACH))
        here.post(page, "tab", MESSAGES // CUTS)
        here.proxy.wait_cut()
        if cut == CUTS // 2:
            page.load("/?hasty")  # what was posted a moment ago has no answer yet
    here.wait_settled(page)
    assert len(here.posted["tab"]) == MESSAGES


@pytest.mark.parametrize("transport", BLOCKED)
def test_what_a_tab_could_not_send_survives_its_reload(site: Callable[..., Site], transport: str) -> None:
    here = site(transport)
    page = here.open()
    here.post(page, "tab", 10)
    here.wait_settled(page)
    here.post(page, "tab", 10)  # under way, and perhaps there
    through, here.proxy.refused = here.proxy.refused, LIVE
    here.proxy.cut()
    here.post(page, "tab", 10)
    page.wait_until("return client.queue.messages - client.queue.kept", 0)
    page.load("/?hasty")
    here.post(page, "tab", 10)
    page.wait_until("return list.model?.length >= 20", True)
    here.proxy.refused = through
    here.wait_settled(page)


@pytest.mark.parametrize("transport", BLOCKED)
def test_two_tabs_that_are_cut_off_together_lose_nothing(site: Callable[..., Site], transport: str) -> None:
    here, chance = site(transport), random.Random(transport)
    pages = {"one": here.open()}
    here.driver.switch_to.new_window("tab")
    pages["two"] = here.open()
    for _ in range(CUTS):
        if chance.random() < 0.7:
            page = chance.choice(list(pages.values()))
            page.wait(lambda page=page: is_live(page), "it is back")
        here.proxy.cut_after(chance.randint(1, REACH))
        for author, page in pages.items():
            here.post(page, author, MESSAGES // CUTS // 2 + 1)
        here.proxy.wait_cut()
    here.wait_settled(*pages.values())

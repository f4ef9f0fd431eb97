"""A tab behind a line so slow that its Snapshot takes many heartbeats: it arrives, over each transport."""

from __future__ import annotations

import pytest
from selenium.webdriver import Chrome
from support.cutting_proxy import CuttingProxy
from support.serving import program

from .tab import Page
from .test_page_cache import BLOCKED

HEARTBEAT = 0.5
SIZE, RATE = 120_000, 40_000  # bytes, and bytes a second: the Snapshot takes six heartbeats, in an event stream eight
STATES = "return states.map(([state]) => state).slice(states.findIndex(([state]) => state === 'live'))"


@pytest.mark.parametrize("transport", BLOCKED)
def test_a_large_snapshot_arrives_over_a_slow_line(driver: Chrome, transport: str) -> None:
    with program("-m", "browser.page", "--heartbeat", str(HEARTBEAT), "--size", str(SIZE)) as site:
        port = int(site.wait_for(r"http://\S+:(\d+)")[1])
        with CuttingProxy(port, refused=BLOCKED[transport], rate=RATE) as proxy:
            page = Page(driver, f"http://127.0.0.1:{proxy.port}")
            page.load("/?hasty")
            page.wait_until("return list.confirmed[0]?.length", SIZE)
            assert page.run("return [client.state, client.transport]") == ["live", transport]
            states = page.run(STATES)
            # Over HTTP the client sees the bytes arrive. Of a WebSocket's message it sees nothing, and learns to wait.
            assert states.count("live") <= (2 if transport == "websocket" else 1), states
            page.say("it is in step")
            page.wait_until("return list.confirmed[1]", "it is in step")
            page.run("client.close()")

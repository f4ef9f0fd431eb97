"""A tab that follows 1,000 topics with long names: after a cut it names them all, in frames that the server takes."""

from __future__ import annotations

import pytest
from selenium.webdriver import Chrome
from support.cutting_proxy import LIVE, CuttingProxy
from support.serving import program

from .tab import Page
from .test_page_cache import BLOCKED

COUNT = 998  # a session may have 1,000 subscriptions, and follows the list, too; in JavaScript its own store is one

FOLLOW = """
window.stores = Array.from({ length: arguments[0] }, (_, number) =>
  client.subscribe(`asset-${number}-`.padEnd(100, "x"), { update: (total, more) => total + more }));
"""
IN_STEP = "return stores.filter(({ model, error }) => model === arguments[0] && error === null).length"
ADD = """
const all = Promise.all(stores.map((store) => store.dispatch(1)));
return all.then((seqs) => seqs.every((seq) => seq === arguments[0]));
"""


@pytest.mark.parametrize("transport", BLOCKED)
def test_a_tab_with_a_thousand_topics_comes_back(driver: Chrome, transport: str) -> None:
    with program("-m", "browser.page") as site:
        port = int(site.wait_for(r"http://\S+:(\d+)")[1])
        with CuttingProxy(port, refused=BLOCKED[transport]) as proxy:
            page = Page(driver, f"http://127.0.0.1:{proxy.port}")
            page.load("/?hasty")
            page.wait_until("return [client.state, client.transport]", ["live", transport])
            page.run(FOLLOW, COUNT)
            page.wait(lambda: page.run(IN_STEP, 0) == COUNT, "all are followed")
            assert page.run(ADD, 1)
            me = page.run("return client.clientId")
            for cuts in (1, 2):
                through, proxy.refused = proxy.refused, LIVE  # else a browser may ask again by itself
                proxy.cut()
                page.wait(lambda: page.run("return client.state") != "live", "the line is lost")
                proxy.refused = through
                page.wait_until("return client.state", "live")
                assert page.run(ADD, cuts + 1)
                assert page.run(IN_STEP, cuts + 1) == COUNT
            assert page.run("return [client.state, client.clientId, told]") == ["live", me, []]
            page.run("client.close()")

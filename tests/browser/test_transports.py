"""What a program says to `connect` and to a client holds over each transport, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

import pytest
from support.cutting_proxy import LIVE, CuttingProxy

from .tab import Page

UPGRADES = LIVE[0], LIVE[4]
BLOCKED = {"websocket": (), "sse": UPGRADES, "polling": (*UPGRADES, LIVE[3])}
"""What a proxy refuses so that only this transport is left."""

CONNECT = """
const done = arguments[arguments.length - 1];
const [url, { tokens, ...options }] = arguments;
import("/live/nuphar.js").then(({ connect }) => {
  window.client?.close();
  Object.assign(window, { heard: [], tokens });
  window.client = connect(url, {
    platform: { random: () => 0 }, ...options,
    ...(tokens ? { token: async () => (window.tokens.length > 1 ? window.tokens.shift() : window.tokens[0]) } : {}),
    onstate: (state) => heard.push(state),
    onqueue: ({ messages }) => heard.push(messages),
    onreject: ({ code }) => heard.push(code),
  });
  window.list = client.subscribe("list", { update: (model, message) => [...model, message], optimistic: true });
  done(1);
});
"""


@pytest.fixture
def connect(page: Page) -> Iterator[Callable[..., Page]]:
    """A function that connects a page with a URL and options where only one transport gets through."""
    with ExitStack() as stack:

        def start(transport: str, url: str = "/live", **options: object) -> Page:
            proxy = stack.enter_context(CuttingProxy(int(page.url.rpartition(":")[2]), refused=BLOCKED[transport]))
            tab = Page(page.driver, f"http://127.0.0.1:{proxy.port}")
            tab.front().get(f"{tab.url}/elsewhere")
            tab.front().execute_async_script(CONNECT, url.replace("ORIGIN", tab.url), options)
            tab.wait_until("return [client.state, client.transport]", ["live", transport])
            return tab

        yield start


def ask(page: Page, path: str) -> Any:
    """Ask the site itself."""
    with urlopen(page.url + path, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("transport", BLOCKED)
@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("/live", ""),
        ("/live/", ""),
        ("/live?token=a%20b%2Bc&flag", "token=a%20b%2Bc&flag"),
        ("ORIGIN/live/?room=7#here", "room=7"),
    ],
)
def test_the_url_means_the_same(connect: Callable[..., Page], page: Page, transport: str, url: str, query: str) -> None:
    tab = connect(transport, url)
    assert set(ask(page, "/queries")) == {query}
    tab.say("one")
    tab.wait_for_list("one")


@pytest.mark.parametrize("transport", BLOCKED)
@pytest.mark.parametrize("storage", [True, False])
def test_hooks_and_storage(connect: Callable[..., Page], transport: str, storage: bool) -> None:
    tab = connect(transport, storage=storage, user="ann")
    tab.say("one")
    tab.wait_for_list("one")
    tab.wait_until("return client.queue.messages", 0)
    assert {"live", 0, 1} <= set(tab.run("return heard"))
    assert tab.run("return client.queue.where") == ("disk" if storage else "memory")
    tab.run("list.dispatch('x'.repeat(70_000)).catch(() => {})")
    assert "too_large" in tab.run("return heard")
    tab.run("client.close()")
    assert tab.run("return [client.state, client.code, heard.at(-1)]") == ["closed", 1000, "closed"]


@pytest.mark.parametrize("transport", BLOCKED)
@pytest.mark.parametrize("size", [10, 60_000])
def test_what_was_said_before_the_client_was_closed_arrives(
    connect: Callable[..., Page], page: Page, transport: str, size: int
) -> None:
    tab = connect(transport)
    tab.wait_until("return list.model", [])
    sessions = ask(page, "/sessions")  # some may be left of transports that were tried in vain
    said = [f"{number} ".ljust(size, "x") for number in range(5)]
    tab.run("for (const one of arguments[0]) list.dispatch(one).catch(() => {}); client.close()", said)
    tab.wait(lambda: ask(page, "/list") == said, "all of it has arrived")
    tab.wait(lambda: ask(page, "/sessions") == sessions - 1, "the session has ended")


def test_the_sentence_of_a_refusal_reaches_the_program_over_http(page: Page) -> None:
    page.front().get(f"{page.url}/elsewhere")
    page.front().execute_async_script(CONNECT, "/live?stranger", {})
    page.run("window.whys = []; client.onstate((state) => state === 'offline' && whys.push(client.why))")
    sentence = "status 503: the application cannot say at the moment who you are: come back"
    # Of a WebSocket that is refused nothing is told; over HTTP it comes back when the server has said, not before.
    page.wait(lambda: page.run("return whys").count(sentence) >= 2, "it says why")


def test_bodies_that_outlive_their_page_have_64_kib_together(page: Page) -> None:
    """A fact about Fetch (docs/design/libraries.md) on which the goodbye over HTTP rests."""
    page.load()
    post = """
    const done = arguments[arguments.length - 1];
    const post = (size) => fetch("/list", { method: "POST", body: "x".repeat(size), keepalive: true });
    const read = (answer) => answer.text().then(() => true);
    Promise.all(arguments[0].map((size) => post(size).then(read, () => false))).then(done);
    """
    for sizes, taken in [([65_536], [True]), ([65_537], [False]), ([40_000, 40_000], [True, False])]:
        assert page.front().execute_async_script(post, sizes) == taken


@pytest.mark.parametrize("transport", BLOCKED)
def test_another_token_is_another_line_and_the_same_session(
    connect: Callable[..., Page], page: Page, transport: str
) -> None:
    tab = connect(transport, token="first")
    assert ask(page, "/shown")[-1] == "first"
    name = tab.run("return client.clientId")
    tab.say("one")
    tab.run("client.reauthenticate({ token: 'second' })")
    tab.say("two")
    tab.wait_for_list("one", "two")
    tab.wait_until("return [client.state, client.transport, client.clientId]", ["live", transport, name])
    assert ask(page, "/shown")[-1] == "second"


@pytest.mark.parametrize("transport", BLOCKED)
def test_a_token_that_is_refused_is_answered_once_by_a_fresh_one(
    connect: Callable[..., Page], page: Page, transport: str
) -> None:
    tab = connect(transport, tokens=["first"])
    tab.run("tokens = ['old', 'third']; client.reauthenticate()")
    tab.wait(lambda: "third" in ask(page, "/shown"), "a fresh token was shown")
    tab.wait_until("return client.state", "live")
    tab.run("tokens = ['old', 'old', 'none']; client.reauthenticate()")
    tab.wait_until("return [client.state, client.code]", ["closed", 4401])
    assert "expired" in tab.run("return client.why")
    assert "none" not in ask(page, "/shown")

"""The browser client: what it keeps over a reload, in which tab, and that no policy has to be loosened for it."""

from __future__ import annotations

import pytest

from .tab import Page

QUEUE = "const {messages, kept, where, why} = client.queue; return [messages, kept, where, why]"
AGE = """
const [name] = arguments;
addEventListener("pagehide", () => {
  localStorage[name] = JSON.stringify({ ...JSON.parse(localStorage[name]), date: Date.now() - 60_000 });
});
"""
NAME = "return Object.entries(sessionStorage).find(([key]) => key.startsWith('nuphar '))"


@pytest.mark.parametrize("path", ["/", "/classic"])
def test_it_works_under_the_strictest_policy_its_worker_included(page: Page, path: str) -> None:
    page.load(path)
    page.say("one")
    page.wait_for_list("one")
    hide = "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
    page.run(f"{hide} document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_until("return performance.getEntriesByName(location.origin + '/live/nuphar-worker.js').length", 1)


def test_what_waits_survives_a_reload_and_is_sent_once(page: Page) -> None:
    page.load("/?offline")
    page.say("one", "two")
    page.wait_until(QUEUE, [2, 2, "disk", ""])
    page.load("/?offline")
    page.wait_until("return [list.model, list.pending, list.confirmed]", [["one", "two"], ["one", "two"], []])
    page.say("three")
    page.wait_until(QUEUE, [3, 3, "disk", ""])
    page.load()
    page.wait_for_list("one", "two", "three")
    page.wait_until(QUEUE, [0, 0, "disk", ""])
    page.load()
    page.wait_for_list("one", "two", "three")
    assert page.run("return told") == []


def test_a_duplicated_tab_is_a_session_of_its_own(page: Page) -> None:
    page.load()
    page.wait_until("return client.state", "live")
    mine = page.run(NAME)
    copy = page.another()
    copy.wait_until("return client.state", "live")
    assert copy.run(NAME)[0] == mine[0]
    assert copy.run(NAME)[1] != mine[1]
    assert copy.run("return client.clientId") != page.run("return client.clientId")
    copy.say("from the copy")
    page.say("from the first")
    page.wait(lambda: len(page.run("return list.confirmed")) == 2, "both have arrived")
    page.load()
    page.wait_until("return client.state", "live")
    assert page.run(NAME) == mine


def test_what_a_dead_tab_left_is_taken_over_by_one_that_is_opened_later(page: Page) -> None:
    page.load("/?offline")
    page.say("left behind")
    page.wait_until(QUEUE, [1, 1, "disk", ""])
    name = page.run(NAME)[1]
    bystander = page.another("")
    # Its end has to lie back for a while: a tab that is only loaded again is not robbed.
    page.run(AGE, name)
    page.close()
    bystander.driver.switch_to.window(bystander.driver.window_handles[0])
    assert bystander.run("return list.pending") == []
    heir = bystander.another("")
    heir.wait_for_list("left behind")
    assert heir.run(NAME)[1] == name


def test_a_browser_that_keeps_nothing_says_so_and_goes_on_in_memory(page: Page) -> None:
    page.load("/?forbidden")
    page.say("one")
    page.wait_for_list("one")
    page.wait_until(QUEUE, [0, 0, "memory", "it is forbidden"])


def test_one_that_signs_in_as_another_user_sends_nothing_of_the_first(page: Page) -> None:
    page.load("/?offline")
    page.say("private")
    page.wait_until(QUEUE, [1, 1, "disk", ""])
    page.run(
        "return import('/live/nuphar.js').then(({connect}) => {"
        "window.bob = connect('/live', {user: 'bob'}); window.theirs = bob.subscribe('list') })"
    )
    page.wait_until("return bob.state", "live")
    page.wait_until("return theirs.model", [])
    assert page.run("return bob.queue.messages") == 0


def test_a_reload_goes_on_with_the_session(page: Page) -> None:
    pytest.importorskip("nuphar.actors.sessions.reception", reason="this server resumes no sessions")
    page.load()
    page.wait_until("return client.state", "live")
    me = page.run("return client.clientId")
    for number in range(3):
        page.say(f"message {number}")
        page.load()
        page.wait_until("return client.state", "live")
        assert page.run("return client.clientId") == me
    page.wait_for_list("message 0", "message 1", "message 2")
    page.run("client.close()")
    page.load()
    page.wait_until("return client.state", "live")
    assert page.run("return client.clientId") != me
    assert page.run("return told") == []


FALLEN = """
const done = arguments[arguments.length - 1];
import("/live/nuphar.js").then(({ connect }) => {
  class Dead {
    constructor() { setTimeout(() => this.onclose({ code: 1006, reason: "" })); }
    send() {}
    close() {}
  }
  const blocked = (url) => arguments[0] === "polling" && new URL(url).pathname === "/live/events";
  const lets = (url, how) => (blocked(url) ? Promise.reject(TypeError("blocked")) : fetch(url, how));
  const platform = { random: () => 0, fetch: lets };
  window.client.close();
  window.client = connect("/live", { WebSocket: Dead, platform, storage: false });
  const update = (model, message) => [...model, message];
  window.list = client.subscribe("list", { update, optimistic: true, initial: [] });
  done(1);
});
"""


@pytest.mark.parametrize("transport", ["sse", "polling"])
def test_where_websockets_are_blocked_http_will_do(page: Page, transport: str) -> None:
    pytest.importorskip("nuphar.transport.server.http.requests", reason="this server has no lines over HTTP")
    page.load()
    page.front().execute_async_script(FALLEN, transport)
    page.wait_until("return [client.state, client.transport]", ["live", transport])
    page.say("é" * 100, "two", *("x" * 30_000 for _ in range(5)))
    page.wait(lambda: page.run("return list.confirmed.length") == 7, "all have arrived")
    other = page.another()
    other.say("from the other")
    page.wait(lambda: page.run("return list.confirmed.length") == 8, "what another says arrives")
    page.run("client.close()")

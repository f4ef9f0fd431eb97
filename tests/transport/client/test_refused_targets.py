"""A Subscribe that the server refuses, as the program sees it, on every runtime and transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest
from support.counting import add
from support.serving import eventually, listen
from support.skins import AsyncSkin, Skin, skin

from nuphar import NotRunning, Refused, Server, Store, UsageError, states

STORES = {"counter": Store(0, add)}


@pytest.fixture
def allowed() -> list[str]:
    return []


@pytest.fixture
def port(server: Server, allowed: list[str]) -> int:
    server.topic("counter").with_store(STORES["counter"])
    members = server.topic("members").with_store(Store(0, add))
    members.can_subscribe(lambda *_: bool(allowed))
    return listen(server)


@pytest.fixture(params=["greenlets", "threads", "asyncio"])
def client(request: pytest.FixtureRequest, port: int) -> Iterator[Callable[[str], Skin]]:
    skins: list[Skin] = []

    def make(scheme: str) -> Skin:
        skins.append(skin(request.param, f"{scheme}://127.0.0.1:{port}/live", STORES))
        return skins[-1]

    yield make
    for each in skins:
        each.close()


def wait_live(skin: Skin, *arguments: Any) -> None:
    if isinstance(skin, AsyncSkin):
        skin.run(skin.client.wait_live(*arguments))
    else:
        skin.client.wait_live(*arguments)


def status(skin: Skin, target: str) -> states.TargetState:
    found: states.TargetState = skin.call(lambda client: client.status(target))
    return found


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_a_refusal_is_seen_in_the_status_by_the_hook_and_by_who_waits(
    client: Callable[[str], Skin], scheme: str, allowed: list[str]
) -> None:
    one = client(scheme)
    told: list[Any] = []
    one.call(lambda client: client.on_refused(lambda target, refused: told.append((target, refused.code))))
    one.call(lambda client: client.subscribe("members"))
    with pytest.raises(Refused, match="denied") as caught:
        wait_live(one, "members")
    wait_live(one, "topic:counter")
    assert status(one, "counter") == states.Following()
    out = status(one, "members")
    assert isinstance(out, states.Out)
    assert (out.code, out.text) == (caught.value.code, caught.value.text)
    eventually(lambda: told)
    assert told == [("topic:members", "denied")]

    allowed.append("everybody")
    one.call(lambda client: client.subscribe("members"))
    wait_live(one, "members")
    assert status(one, "members") == states.Following()
    assert len(told) == 1


def test_who_waits_for_what_is_not_followed_or_for_a_closed_client_hears_so(client: Callable[[str], Skin]) -> None:
    one = client("ws")
    with pytest.raises(UsageError, match="does not follow"):
        wait_live(one, "elsewhere")
    with pytest.raises(UsageError, match="does not follow"):
        status(one, "elsewhere")
    wait_live(one, 5.0)  # a number alone is the timeout
    if isinstance(one, AsyncSkin):
        one.run(one.client.close())
    else:
        one.close()
    with pytest.raises(NotRunning):
        wait_live(one, "counter")


def test_waiting_for_a_target_has_a_limit(client: Callable[[str], Skin], server: Server) -> None:
    one = client("ws")
    wait_live(one, "counter")
    held = server.topic("slow")
    gate: list[bool] = []
    held.can_subscribe(lambda *_: (eventually(lambda: gate), True)[1])
    one.call(lambda client: client.subscribe("slow"))
    try:
        with pytest.raises((pykka.Timeout, TimeoutError)):
            wait_live(one, "slow", 0.01)
        assert status(one, "slow") == states.Waiting()
    finally:
        gate.append(True)
    wait_live(one, "slow")

"""The life of one connection as a machine; time is an argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Limits
from nuphar.transport.server.protocol import MISSED, Beat, CloseWith, ServerProtocol
from nuphar.transport.wire.frames import Frame, Hello, Ping, Subscribe

LIMITS = Limits(hello=5.0, heartbeat=20.0)


def live(opened: float = 0.0) -> ServerProtocol:
    protocol = ServerProtocol(opened, LIMITS)
    assert protocol.greet(Hello(1, None, None, {}, {})) is None
    return protocol


def test_hello_makes_a_connection_live() -> None:
    assert live().is_live


@pytest.mark.parametrize("frame", [Ping(1), Subscribe(1, "topic:t", None, None)])
def test_any_other_first_frame_is_malformed(frame: Frame) -> None:
    protocol = ServerProtocol(0.0, LIMITS)
    code, text = protocol.greet(frame) or ("", "")
    assert code == "malformed"
    assert type(frame).__name__ in text
    assert not protocol.is_live


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_is_said_to_be_so(version: int) -> None:
    protocol = ServerProtocol(0.0, LIMITS)
    assert protocol.greet(Hello(version, None, None, {}, {})) == (
        "version",
        f"this server speaks version 1, got {version}",
    )
    assert not protocol.is_live


def test_a_connection_without_hello_ends_in_time() -> None:
    protocol = ServerProtocol(100.0, LIMITS)
    assert protocol.tick(104.9, 100.0) is None
    assert protocol.tick(105.0, 104.9) == CloseWith(4400, "no Hello within 5 s")


def test_a_client_that_speaks_is_not_asked() -> None:
    protocol = live()
    assert protocol.tick(1000.0, 981.0) is None


def test_a_silent_client_is_asked_twice_and_then_ended() -> None:
    protocol = live()
    assert protocol.tick(20.0, 0.0) == Beat(1)
    assert protocol.tick(21.0, 0.0) is None
    assert protocol.tick(40.0, 0.0) == Beat(2)
    assert protocol.tick(59.9, 0.0) is None
    assert protocol.tick(60.0, 0.0) == CloseWith(4508, "2 heartbeats missed")


def test_an_answer_starts_the_count_anew() -> None:
    protocol = live()
    assert protocol.tick(20.0, 0.0) == Beat(1)
    assert protocol.tick(30.0, 21.0) is None
    assert protocol.tick(41.0, 21.0) == Beat(2)
    assert protocol.tick(61.0, 21.0) == Beat(3)
    assert protocol.tick(81.0, 21.0) == CloseWith(4508, "2 heartbeats missed")


@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.booleans()), max_size=40))
def test_nobody_is_ended_before_three_heartbeats_of_silence(steps: list[tuple[float, bool]]) -> None:
    protocol, now, last, beats = live(), 0.0, 0.0, 0
    for wait, speaks in steps:
        now += wait
        due = protocol.tick(now, last)
        if isinstance(due, Beat):
            assert due.n == beats + 1
            beats = due.n
        elif isinstance(due, CloseWith):
            assert now - last >= LIMITS.heartbeat * (MISSED + 1)
            return
        if speaks:
            last = now

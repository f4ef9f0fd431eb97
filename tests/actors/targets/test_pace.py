"""How much catching up a client may have: a loop of Resyncs gets so many bytes a second, and is current in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import accumulate

from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from support.scripted import ScriptedClient, settle

from nuphar import Server, Store
from nuphar.actors.targets.pace import BURST, LONGEST, RATE, Pace
from nuphar.transport import decode, encode
from nuphar.transport.wire.frames import Resync, Snapshot, Subscribe

LIMIT = 10.0  # seconds that any wait here may take
SIZE = 200_000  # bytes of the model


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500)), min_size=1, max_size=40))
def test_no_more_is_due_in_any_time_than_the_burst_and_the_rate_allow(pieces: list[tuple[int, int]]) -> None:
    pace, due = Pace(rate=1_000, burst=2_000), []
    for now, size in zip(accumulate(wait for wait, _ in pieces), (size for _, size in pieces), strict=True):
        is_free = pace.is_free(now)
        at = pace.book(now, size)
        assert (at == now) == is_free
        due.append((at, size))
    for first, (begin, _) in enumerate(due):
        for last, (end, _) in enumerate(due[first:], first):
            assert sum(size for _, size in due[first:last]) <= 2_000 + 1_000 * (end - begin) + 1e-3


def test_what_is_booked_in_a_loop_is_due_within_the_longest_time() -> None:
    pace = Pace(rate=1_000, burst=0)
    assert max(pace.book(0.0, 1_000) for _ in range(10_000)) <= LONGEST + 1


def test_a_session_that_comes_back_has_the_pace_that_it_had(
    server: Server, client: Callable[[], ScriptedClient]
) -> None:
    sessions, one = server.sessions, client()
    older = sessions.get(one.id)
    assert older is not None
    pace = older.pace
    assert sessions.resume(older, older.encoding, older.sink).pace is pace


def test_a_thousand_resyncs_bring_what_the_pace_allows_and_the_last_model(server: Server) -> None:
    topic = server.topic("t").with_store(Store("x" * SIZE, lambda text, more: text + more))
    snapshots: list[Snapshot] = []
    is_current = Event()

    def hear(data: bytes) -> None:
        frame = decode(data, server.codec.serialiser)
        if isinstance(frame, Snapshot):
            snapshots.append(frame)
            if frame.state.endswith("y"):
                is_current.set()

    server.connect("one", hear)
    begun = time.monotonic()
    resync = encode(Resync({"topic:t": None}), server.codec.serialiser)
    server.incoming("one", encode(Subscribe(1, "topic:t", None, None), server.codec.serialiser))
    for _ in range(1_000):
        server.incoming("one", resync)
    settle(server)
    topic.dispatch("y")
    server.incoming("one", resync)
    settle(server)
    assert len(snapshots) <= 1 + (BURST + RATE * (time.monotonic() - begun)) / SIZE
    assert is_current.wait(LIMIT), "its debt is paid"

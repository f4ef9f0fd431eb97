"""More cursors than one frame can carry."""

from __future__ import annotations

import pytest
from support.following import PLAIN, RESUMED, WELCOME, Core

from nuphar.transport import encode
from nuphar.transport import frames as f
from nuphar.transport.client.core.cursors import LARGE_HELLO, Places, cut_cursors

MANY = [f"topic:{'x' * 90}{n}" for n in range(1_000)]


def test_parts_fit_and_are_all_there_in_order() -> None:
    cursors = {target: ("0123456789abcdef", 2**40 + n) for n, target in enumerate(MANY)}
    found = list(cut_cursors(cursors, 5_000))
    assert [target for part in found for target in part] == MANY
    for part in found:
        assert len(encode(f.Resync(dict(part)), PLAIN)) <= 5_000 + 16
    assert list(cut_cursors({}, 100)) == []
    assert [len(part) for part in cut_cursors(dict(list(cursors.items())[:2]), 1)] == [1, 1]


def connected(limits: dict[str, int]) -> Core:
    core = Core(*MANY)
    core.open()
    core.get(WELCOME._replace(limits=limits))
    for frame in core.take():
        if isinstance(frame, f.Subscribe):
            core.get(f.Snapshot(frame.target, "0123456789abcdef", 7, [], "subscribed"))
            core.get(f.Acknowledge(frame.target, 7, [frame.ref], False))
    core.lose()
    return core


@pytest.mark.parametrize("limits", [{}, {"message": 64 * 1024}, {"message": 8 * 1024}])
def test_a_client_of_a_thousand_targets_comes_back_within_the_server_s_limit(limits: dict[str, int]) -> None:
    core = connected(limits)
    limit = limits.get("message", 64 * 1024)
    core.open()
    assert all(len(data) <= limit for data in core.outgoing)
    (hello,) = core.take()
    assert hello.options == {"more": True}
    core.get(RESUMED._replace(limits=limits))
    assert all(len(data) <= limit for data in core.outgoing)
    *resyncs, last = core.take()
    assert last == f.Resync({})
    assert all(isinstance(frame, f.Resync) for frame in resyncs)
    named = [*hello.cursors, *(target for frame in resyncs for target in frame.cursors)]
    assert named == MANY
    assert {tuple(frame.cursors[target]) for frame in resyncs for target in frame.cursors} == {("0123456789abcdef", 7)}


def test_a_session_that_is_gone_is_asked_for_everything_anew() -> None:
    core = connected({})
    core.open()
    core.take()
    core.get(WELCOME)
    assert all(isinstance(frame, f.Subscribe) for frame in core.take())


def test_what_fits_is_said_in_one_hello_as_before() -> None:
    core = Core("topic:t").go_live()
    core.lose()
    core.open()
    assert core.take() == [f.Hello(1, "s", "t", {"topic:t": ("e", 0)}, {})]
    core.get(RESUMED)
    assert core.take() == []


def test_a_large_hello_that_nobody_welcomes_is_followed_by_a_small_one() -> None:
    """The server's limit may have shrunk: what it ends connections for must not be said for ever."""
    core = connected({})
    core.open()
    core.take()
    core.lose()
    core.open()
    (hello,) = core.take()
    assert (hello.cursors, hello.options) == ({}, {"more": True})
    core.get(RESUMED._replace(limits={"message": 8 * 1024}))
    assert all(len(data) <= 8 * 1024 for data in core.outgoing)
    assert sum(len(frame.cursors) for frame in core.take()) == len(MANY)


def test_a_small_hello_that_is_lost_is_said_again() -> None:
    places = Places()
    cursors = {"topic:t": ("e", 1)}
    assert places.greet(cursors, LARGE_HELLO) == (cursors, False)
    assert places.greet(cursors, LARGE_HELLO) == (cursors, False)

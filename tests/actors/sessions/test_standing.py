"""Who waits until its session has been greeted, and what is refused as its right has gone since."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Busy
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.sessions.standing import UNGREETED, Standing
from nuphar.actors.targets.messages import Why

ME: Any = "me"
GONE = Why("denied", "not any more", 0)


def request(nth: int, *, trusted: bool = False, is_check: bool = False) -> Request:
    return Request(ME, nth, "topic:t", None, None, trusted, is_check=is_check, nth=nth)


def test_requests_wait_in_their_order_while_somebody_is_greeted() -> None:
    standing, verdicts = Standing(), [Verdict(request(nth)) for nth in (1, 2)]
    assert not standing.wait(verdicts[0])
    standing.greet()
    assert standing.is_greeted
    assert all(standing.wait(verdict) for verdict in verdicts)
    assert standing.greeted() == verdicts
    assert not standing.is_greeted
    assert standing.greeted() == []


def test_only_so_many_wait_and_the_servers_own_always() -> None:
    standing = Standing()
    standing.greet()
    for nth in range(UNGREETED):
        standing.wait(Verdict(request(nth)))
    with pytest.raises(Busy, match=f"{UNGREETED} requests wait"):
        standing.wait(Verdict(request(UNGREETED)))
    assert standing.wait(Verdict(request(UNGREETED, trusted=True)))
    assert len(standing.greeted()) == UNGREETED + 1


def test_what_was_asked_before_its_right_was_found_gone_is_refused() -> None:
    standing = Standing()
    assert standing.bar_of(request(1)) is None
    standing.bar(3, GONE)
    assert [standing.bar_of(request(nth)) for nth in (1, 2, 3, 4)] == [GONE, GONE, None, None]


def test_what_the_server_wants_and_a_question_about_a_right_are_not_refused_for_it() -> None:
    standing = Standing()
    standing.bar(3, GONE)
    assert standing.bar_of(request(1, trusted=True)) is None
    assert standing.bar_of(request(1, is_check=True)) is None

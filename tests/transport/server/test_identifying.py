"""What becomes of a client that connects: the application's answer, and each way in which it may have none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from gevent.event import Event

from nuphar import ConnectRequest, Identity, Refused
from nuphar.actors.runtime.hooks import check_hook
from nuphar.transport.server.identifying import Known, Outage, TurnedAway, identify

LIMIT = 10.0  # seconds that any wait here may take
ENVIRON = {"PATH_INFO": "/live", "HTTP_COOKIE": "user=ada"}


def ask(hook: Callable[..., Any] | None, timeout: float = LIMIT) -> Known | TurnedAway | Outage:
    return identify(None if hook is None else check_hook("identify", hook), dict(ENVIRON), timeout)


def refuse(code: str) -> Any:
    raise Refused(code, "sign in first")


def test_it_is_who_the_application_says() -> None:
    assert ask(lambda request: Identity(request.cookies["user"])) == Known(Identity("ada"))


def test_the_hook_may_call_the_request_what_it_likes_or_take_none() -> None:
    assert ask(lambda whoever: Identity(whoever.cookies["user"])) == Known(Identity("ada"))
    assert ask(lambda: None) == Known(None)


def test_without_a_hook_everybody_is_anonymous() -> None:
    assert ask(None) == Known(None)


@pytest.mark.parametrize(
    ("code", "status", "close_code"),
    [
        ("unauthorised", "401 Unauthorized", 4401),
        ("forbidden", "403 Forbidden", 4403),
        ("banned", "403 Forbidden", 4403),
    ],
)
def test_a_refused_turns_away_with_its_sentence(code: str, status: str, close_code: int) -> None:
    who = ask(lambda: refuse(code))
    assert who == TurnedAway(code, "sign in first")
    assert isinstance(who, TurnedAway)
    assert (who.close_code, who.refuse().status, who.refuse().body) == (close_code, status, b"sign in first\n")
    assert (("WWW-Authenticate", "Bearer") in who.refuse().headers) is (close_code == 4401)


@pytest.mark.parametrize(
    "hook",
    [lambda: 1 / 0, lambda: 7, lambda: "ada", lambda: Identity(5), lambda request: request.cookies["no"]],  # type: ignore[arg-type]
)
def test_anything_else_is_an_outage_whose_cause_is_in_the_log_alone(
    hook: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    who = ask(hook)
    assert isinstance(who, Outage)
    assert who.refuse().status == "503 Service Unavailable"
    assert ("Retry-After", "5") in who.refuse().headers
    assert who.refuse().text == "the application cannot say at the moment who you are: come back"
    assert "hook identify failed; trace id " in caplog.text


def test_one_that_takes_too_long_is_an_outage_too(caplog: pytest.LogCaptureFixture) -> None:
    never = Event()
    assert isinstance(ask(lambda: never.wait(LIMIT), timeout=0.05), Outage)
    assert "the hook identify took longer than 0.05 s" in caplog.text


def test_who_has_expired_already_is_told_so() -> None:
    assert ask(lambda: Identity("ada", expires=time.time() - 1)) == TurnedAway("unauthorised", "expired")
    assert isinstance(ask(lambda: Identity("ada", expires=time.time() + LIMIT)), Known)


def test_no_log_line_shows_a_cookie(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    def fail(request: ConnectRequest) -> None:
        raise LookupError(f"nobody is behind {request}")

    ask(fail)
    ask(lambda: refuse("forbidden"))
    assert "is not let in: forbidden: sign in first" in caplog.text
    assert "user=ada" not in caplog.text

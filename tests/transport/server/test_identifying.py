"""What becomes of a client that connects: the application's answer, and each way in which it may have none."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gevent.event import Event

from nuphar import ConnectRequest, Identity, Refused
from nuphar.actors.runtime.hooks import check_hook
from nuphar.transport.server.identifying import Known, Outage, TurnedAway, identify

LIMIT = 10.0  # seconds that any wait here may take
ENVIRON = {"PATH_INFO": "/live", "HTTP_COOKIE": "user=ada"}
PAGE = {"HTTP_ORIGIN": "http://page.example"}
KEY = "0123456789abcdef" * 2


def ask(hook: Callable[..., Any] | None, timeout: float = LIMIT, **environ: Any) -> Known | TurnedAway | Outage:
    return identify(None if hook is None else check_hook("identify", hook), ENVIRON | environ, timeout)


def known(hook: Callable[..., Any] | None, **environ: Any) -> Known:
    who = ask(hook, **environ)
    assert isinstance(who, Known)
    return who


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
    assert "refused: forbidden" in caplog.text
    assert "user=ada" not in caplog.text


# The key of a browser.


def ada() -> Identity:
    return Identity("ada", ("staff",), {"language": "en"})


def test_a_browser_gets_a_key_that_its_tabs_share() -> None:
    first = known(ada, **PAGE)
    assert first.identity is not None
    key = first.identity.browser
    assert key is not None
    assert re.fullmatch("[0-9a-f]{32}", key)
    assert replace(first.identity, browser=None) == ada()
    assert first.headers == (("Set-Cookie", f"nuphar-browser={key}; Path=/; HttpOnly; SameSite=Lax"),)
    again = known(ada, **PAGE, HTTP_COOKIE=f"user=ada; nuphar-browser={key}")
    assert again == Known(first.identity)  # it is not set again
    other = known(ada, **PAGE)
    assert other.identity is not None
    assert other.identity.browser not in (key, None)


@pytest.mark.parametrize("cookie", ["x", KEY[1:], KEY + "0", KEY.upper(), "", f"{KEY}\n"])
def test_a_key_that_we_have_not_made_is_none(cookie: str) -> None:
    who = known(ada, **PAGE, HTTP_COOKIE=f"nuphar-browser={cookie}")
    assert who.identity is not None
    assert who.identity.browser != cookie
    assert who.headers


@pytest.mark.parametrize(
    ("environ", "is_secure"),
    [
        ({"HTTP_ORIGIN": "http://a.example"}, False),
        ({"HTTP_ORIGIN": "null"}, False),
        ({"HTTP_ORIGIN": "https://a.example"}, True),  # TLS ends at a proxy
        ({"HTTP_ORIGIN": "http://a.example", "wsgi.url_scheme": "https"}, True),
    ],
)
def test_the_cookie_is_secure_where_the_page_is(environ: dict[str, Any], is_secure: bool) -> None:
    ((_, cookie),) = known(ada, **environ).headers
    assert cookie.endswith("; Secure") is is_secure


def test_the_application_s_own_key_goes_before() -> None:
    assert known(lambda: Identity("ada", browser="own"), **PAGE) == Known(Identity("ada", browser="own"))


def test_no_cookie_is_set_for_an_anonymous_client_or_a_program() -> None:
    assert known(lambda: None, **PAGE) == Known(None)
    assert known(None, **PAGE) == Known(None)
    assert known(ada) == Known(ada())
    kept = known(ada, HTTP_COOKIE=f"nuphar-browser={KEY}")  # a program that keeps cookies all the same
    assert kept == Known(replace(ada(), browser=KEY))

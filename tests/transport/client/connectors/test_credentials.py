"""What a client shows at each try: fields and a token, checked before anything is sent, and never told to anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nuphar import UsageError
from nuphar.transport.client.connectors.credentials import Credentials
from nuphar.transport.client.connectors.dialing import Dialing
from nuphar.transport.client.connectors.ended import ConnectionEnd
from nuphar.transport.client.connectors.urls import Address

SECRET = "s3cr3t.token"
BEARER = ("Authorization", f"Bearer {SECRET}")


async def coroutine_function() -> str:
    return SECRET


@pytest.mark.parametrize("token", [SECRET, lambda: SECRET], ids=["text", "function"])
def test_a_token_is_the_last_field(token: Any) -> None:
    assert Credentials({"X": "y"}, token).now() == (("X", "y"), BEARER)


@pytest.mark.parametrize(
    "token", [None, "", lambda: None, lambda: ""], ids=["none", "empty", "gives none", "gives empty"]
)
def test_no_token_is_no_field(token: Any) -> None:
    assert Credentials((), token).now() == ()


def test_a_function_is_asked_at_each_try() -> None:
    shown = Credentials(token=iter(["a", "b"]).__next__)
    assert [shown.now(), shown.now()] == [(("Authorization", f"Bearer {each}"),) for each in "ab"]


@pytest.mark.parametrize(
    ("headers", "token", "text"),
    [
        ((), 7, "token: expected text, a function that returns it, or None, got int"),
        ((), b"x", "got bytes"),
        ((), SECRET + " and more", "token: expected at most 8192 visible ASCII characters, got 21 with others"),
        ((), SECRET + "\r\nX: y", "visible ASCII"),
        ((), "é" + SECRET, "visible ASCII"),
        ((), "x" * 8193, "at most 8192"),
        ({"authorization": "Basic eA=="}, SECRET, "expected it or an Authorization in headers, got both"),
        ((), coroutine_function, "expected a plain function, got a coroutine function, which an AsyncClient takes"),
    ],
)
def test_what_no_request_can_carry_is_refused_at_once_and_not_repeated(headers: Any, token: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        Credentials(headers, token)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("returns", [7, SECRET + "\n", {"Authorization": SECRET}])
def test_what_a_function_returns_is_checked_at_the_try(returns: Any) -> None:
    with pytest.raises(ConnectionError, match="token: expected") as caught:
        Credentials(token=lambda: returns).now()
    assert SECRET not in str(caught.value)


def test_headers_of_a_function_that_name_an_authorization_beside_a_token_are_a_fault_of_the_try() -> None:
    with pytest.raises(ConnectionError, match="got both"):
        Credentials(lambda: {"Authorization": "x"}, SECRET).now()


def test_a_function_that_raises_is_a_fault_of_the_try() -> None:
    def token() -> str:
        raise LookupError("no token yet")

    with pytest.raises(ConnectionError, match="the function for token raised LookupError: no token yet"):
        Credentials(token=token).now()


def test_a_coroutine_function_is_asked_in_the_loop() -> None:
    shown = Credentials(token=coroutine_function, in_loop=True)

    async def main() -> Any:
        return shown.now(await shown.ask_in_loop())

    assert asyncio.run(main()) == (BEARER,)
    assert not shown.may_wait


def test_others_are_not_asked_in_the_loop() -> None:
    async def main() -> Any:
        return await Credentials(token=SECRET, in_loop=True).ask_in_loop()

    assert asyncio.run(main()) is None


@pytest.mark.parametrize(
    ("headers", "token", "then"),
    [
        (None, None, (("X", "y"), BEARER)),
        (None, "new", (("X", "y"), ("Authorization", "Bearer new"))),
        ({"X": "z"}, None, (("X", "z"), BEARER)),
        ((), "", ()),
    ],
)
def test_what_is_renewed_takes_the_place_of_what_there_was(headers: Any, token: Any, then: Any) -> None:
    shown = Credentials({"X": "y"}, SECRET)
    shown.renew(headers, token)
    assert shown.now() == then


def test_what_cannot_be_renewed_changes_nothing() -> None:
    shown = Credentials((), SECRET)
    with pytest.raises(UsageError):
        shown.renew({"X": "y"}, "two words")
    assert shown.now() == (BEARER,)


@pytest.mark.parametrize("code", [401, 4401])
def test_the_second_refusal_in_a_row_is_for_good(code: int) -> None:
    shown = Credentials(token=lambda: SECRET)
    refused = ConnectionEnd(code, "who are you?")
    assert shown.judge(refused).code == 0
    assert shown.judge(refused) == refused
    for begin_anew in (shown.welcomed, shown.renew):
        begin_anew()
        assert shown.judge(refused).code == 0
        assert shown.judge(refused) == refused


@pytest.mark.parametrize(
    ("token", "ended"),
    [
        (SECRET, ConnectionEnd(401, "no")),
        (None, ConnectionEnd(4401, "no")),
        (lambda: SECRET, ConnectionEnd(403, "no")),
        (lambda: SECRET, ConnectionEnd(4403, "no")),
        (lambda: SECRET, ConnectionEnd(0, "lost", 3.0)),
    ],
)
def test_everything_else_means_what_it_says(token: Any, ended: ConnectionEnd) -> None:
    assert Credentials(token=token).judge(ended) == ended


def test_no_token_is_in_a_reason_nor_in_a_repr() -> None:
    for token in (SECRET, lambda: SECRET):
        dialing = Dialing(Address.of(f"ws://h/live?token={SECRET}"), token=token)
        route = dialing.route()
        assert BEARER in route.fields
        assert SECRET not in f"{route!r} {dialing.credentials!r} {dialing!r}"
        for code in (0, 401, 4401):
            assert SECRET not in repr(dialing.credentials.judge(ConnectionEnd(code, f"'{SECRET}' is of no use")))

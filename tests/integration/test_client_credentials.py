"""Tokens, refusals and outages: what each client does about them, over every transport and on every runtime."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer
from support.counting import add, keep
from support.every_client import RUNTIMES, TRANSPORTS, Make, every_client
from support.gate import Gate, Refusal, put_out, refusal
from support.serving import eventually, listen
from support.skins import Skin

from nuphar import ConnectRequest, Identity, NotRunning, Refused, Server, Store, UsageError, states
from nuphar.actors.runtime.host import GeventHost
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.server.wsgi_handler import WSGIHandler

STORES = {"counter": Store(0, add), "list": Store((), keep)}
SECRET = "s3cr3t.token"
NO = refusal("401 Unauthorized", "who are you?")


@pytest.fixture
def live(server: Server) -> Server:
    for name, store in STORES.items():
        server.topic(name).with_store(store)
    return server


@pytest.fixture
def gate(live: Server) -> Gate:
    return Gate(live)


@pytest.fixture
def where(live: Server, gate: Gate) -> str:
    """The rest of the URL behind the gate."""
    wsgi = WSGIServer(("127.0.0.1", 0), gate, handler_class=WSGIHandler, log=None)
    wsgi.init_socket()
    live.listen(wsgi)
    return f"://127.0.0.1:{wsgi.server_port}/live"


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(runtime: str, transport: str) -> Iterator[Make]:
    with every_client(runtime, transport, STORES) as make:
        yield make


def works(client: Skin) -> None:
    assert client.start("counter", 1)() >= 1


def ends(client: Skin) -> str:
    """Wait for the client's end, and return what it is."""
    client.wait(lambda client: client.is_closed)
    return str(client.call(lambda client: str(client.state)))


# Tokens.


def test_a_token_goes_with_each_request(gate: Gate, where: str, make: Make) -> None:
    works(make(where, token=SECRET))
    assert set(gate.shown) == {f"Bearer {SECRET}"}
    assert not any("token" in query for query in gate.queries)  # URLs are in logs


def test_a_token_s_function_is_asked_at_each_try(live: Server, gate: Gate, where: str, make: Make) -> None:
    numbers = itertools.count()
    client = make(where, token=lambda: f"t{next(numbers)}")
    works(client)
    for connection in list(live.gateway.connections):
        connection.abort()
    eventually(lambda: len(gate.shown) > 1)
    works(client)
    assert gate.shown == [f"Bearer t{at}" for at in range(len(gate.shown))]


def test_a_token_s_function_that_raises_is_a_reason_and_another_try(where: str, make: Make) -> None:
    fails = [True]

    def token() -> str:
        if fails[0]:
            raise LookupError("no token yet")
        return SECRET

    client = make(where, token=token)
    client.wait(lambda client: "LookupError" in str(client.state))
    assert client.call(lambda client: client.state.why) == "the function for token raised LookupError: no token yet"
    fails[0] = False
    works(client)


def test_a_coroutine_function_for_a_token_is_for_asyncio(
    gate: Gate, where: str, make: Make, runtime: str, transport: str
) -> None:
    async def token() -> str:
        return SECRET

    if runtime == "asyncio" and transport in ("websocket", "fallback"):
        works(make(where, token=token))
        assert gate.shown[0] == f"Bearer {SECRET}"
    else:
        with pytest.raises(UsageError, match="which an AsyncClient takes"):
            make(where, token=token)


# Refusals.


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_try_ends_the_client_with_its_sentence(gate: Gate, where: str, make: Make, status: int) -> None:
    gate.refusals = [refusal(f"{status} Nope", "who are you?")] * 2
    assert ends(make(where, token=SECRET)) == f"closed ({status} who are you?)"
    assert len(gate.shown) == 1


@pytest.mark.parametrize("code", [4401, 4403])
@pytest.mark.parametrize("rejected", [(), ("unauthorised", "you are not on my list, " + "or it is too long" * 10)])
def test_a_refused_connection_ends_the_client_with_its_sentence(
    live: Server, where: str, make: Make, code: int, rejected: tuple[str, ...]
) -> None:
    client = make(where, token=SECRET)
    works(client)
    put_out(live, code, rejected[1] if rejected else "you are out", *rejected)
    assert ends(client) == f"closed ({code} {rejected[1] if rejected else 'you are out'})"


def test_a_refusal_is_answered_once_by_a_fresh_token(gate: Gate, where: str, make: Make) -> None:
    gate.refusals = [NO]
    client = make(where, token=(f"t{n}" for n in itertools.count()).__next__)
    works(client)
    assert gate.shown[:2] == ["Bearer t0", "Bearer t1"]


def test_two_refusals_in_a_row_end_the_client(gate: Gate, where: str, make: Make) -> None:
    gate.refusals = [NO] * 5
    client = make(where, token=(f"t{n}" for n in itertools.count()).__next__)
    assert ends(client) == "closed (401 who are you?)"
    assert gate.shown == ["Bearer t0", "Bearer t1"]


def test_what_has_expired_is_shown_anew_each_time_and_nothing_is_lost(
    live: Server, gate: Gate, where: str, make: Make
) -> None:
    client = make(where, token=(f"t{n}" for n in itertools.count()).__next__)
    answers = []
    for turn in range(3):
        client.wait(lambda client: client.is_live)
        tries = len(gate.shown)
        answers.append(client.start("list", turn))
        put_out(live, 4401, "expired")
        eventually(lambda: len(gate.shown) > tries)  # noqa: B023 (it is called at once)
    assert [answer() for answer in answers] == [1, 2, 3]
    client.wait(lambda client: client.confirmed("list") == (0, 1, 2))


def test_an_expiry_with_a_token_that_is_text_ends_the_client(live: Server, where: str, make: Make) -> None:
    client = make(where, token=SECRET)
    works(client)
    put_out(live, 4401, "expired")
    assert ends(client) == "closed (4401 expired)"


# Outages.


@dataclass
class Noted(ReconnectBackoff):
    """It waits for nothing, and notes how long it was asked to."""

    asked: list[float] = field(default_factory=list)

    def pause(self, seconds: float, chance: float) -> float:
        self.asked.append(seconds)
        return 0.001


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("120", 120.0), ("Sat, 28 Nov 2026 12:00:30 GMT", 30.0), ("soon", 0.0), ("99999999", 86_400.0)],
)
def test_an_outage_is_another_try_no_sooner_than_it_says(
    gate: Gate, where: str, runtime: str, transport: str, after: str, seconds: float
) -> None:
    date = "Sat, 28 Nov 2026 12:00:00 GMT"
    gate.refusals = [refusal("503 Service Unavailable", "a moment, please", Retry_After=after, Date=date)]
    backoff = Noted()
    with every_client(runtime, transport, STORES) as make:
        client = make(where, backoff=backoff)
        why: list[str] = []
        client.call(lambda client: client.on_state(lambda state: why.append(str(state))))
        works(client)
    assert backoff.asked[0] == seconds
    assert len(gate.shown) >= 2


def test_an_outage_is_never_the_end(gate: Gate, where: str, make: Make) -> None:
    gate.refusals = [refusal("503 Service Unavailable", "a moment, please")] * 2
    client = make(where, token=SECRET)
    works(client)


# Secrets.


def test_no_token_is_in_a_log_line_nor_in_a_state_nor_in_a_repr(
    live: Server, gate: Gate, where: str, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo: list[Refusal] = [refusal(f"{status} No", f"what is '{SECRET}'?") for status in (503, 401, 401, 401)]
    gate.refusals = echo
    told: list[str] = []
    client = make(where, token=lambda: SECRET)
    client.call(lambda client: client.on_state(lambda state: told.append(repr(state))))
    told.append(ends(client))
    told.append(client.call(repr))
    assert any("what is '(token)'?" in each for each in told)
    assert SECRET not in "\n".join([*told, caplog.text])


# Other credentials.


def shows(gate: Gate, token: str) -> Callable[[], bool]:
    return lambda: gate.shown[-1] == f"Bearer {token}"


def test_a_client_that_reauthenticates_keeps_session_order_and_messages(
    live: Server, gate: Gate, where: str, make: Make
) -> None:
    client = make(where, token="before")
    works(client)
    name = client.call(lambda client: client.client_id)
    states_told: list[Any] = []
    client.call(lambda client: client.on_state(states_told.append))
    answers = [client.start("list", n) for n in range(20)]
    client.call(lambda client: client.reauthenticate(token="after"))
    answers += [client.start("list", n) for n in range(20, 40)]
    assert [answer() for answer in answers] == list(range(1, 41))
    client.wait(lambda client: client.is_live and client.confirmed("list") == tuple(range(40)))
    assert shows(gate, "after")()
    assert client.call(lambda client: client.client_id) == name
    assert states_told[-1] == states.Live(name, True)
    assert isinstance(states_told[0], states.Offline)
    assert "other credentials" in states_told[0].why


def test_a_client_that_reauthenticates_is_offline_at_once(where: str, make: Make) -> None:
    client = make(where, token="before")
    works(client)

    def both(client: Any) -> bool:
        client.reauthenticate(headers={"X-Team": "blue"})
        return bool(client.is_live)

    client.call(both)
    works(client)


def test_a_client_that_reauthenticates_while_it_is_offline_tries_at_once(gate: Gate, where: str, make: Make) -> None:
    gate.refusals = [refusal("503 Service Unavailable", "a moment, please", Retry_After="1000")] * 3
    client = make(where, token="before")
    client.wait(lambda client: isinstance(client.state, states.Offline))
    gate.refusals = []
    client.call(lambda client: client.reauthenticate(token="after"))
    works(client)
    assert shows(gate, "after")()


def test_other_credentials_that_are_refused_end_the_client(gate: Gate, where: str, make: Make) -> None:
    client = make(where, token="before")
    works(client)
    gate.refusals = [NO]
    client.call(lambda client: client.reauthenticate(token="after"))
    assert ends(client) == "closed (401 who are you?)"
    with pytest.raises(NotRunning):
        client.call(lambda client: client.reauthenticate(token="again"))


def test_other_credentials_that_no_request_can_carry_change_nothing(gate: Gate, where: str, make: Make) -> None:
    client = make(where, token=SECRET)
    works(client)
    with pytest.raises(UsageError, match="visible ASCII"):
        client.call(lambda client: client.reauthenticate(token="two words"))
    assert client.call(lambda client: client.is_live)
    works(client)
    assert set(gate.shown) == {f"Bearer {SECRET}"}


# With an application that knows its users: the server's option `identify`.


def who(request: ConnectRequest) -> Identity | None:
    """The token is the user's name, but for three."""
    match request.bearer:
        case "stranger":
            raise Refused("unauthorised", "sign in first")
        case "mallory":
            raise Refused("forbidden", "you are banned, Mallory")
        case "away":
            raise LookupError("the database of users is away")
        case user:
            return None if user is None else Identity(user)


class Later(GeventHost):
    """A host whose wall clock a test moves."""

    ahead = 0.0

    def wall(self) -> float:  # type: ignore[override]
        return time.time() + self.ahead


@pytest.fixture
def known(make_server: Callable[..., Server]) -> Server:
    server = make_server(identify=who)
    for name, store in STORES.items():
        server.topic(name).with_store(store)
    return server


def users(server: Server) -> list[str | None]:
    """Whose sessions there are."""
    return [None if each.identity is None else each.identity.user for each in server.sessions.all()]


@pytest.mark.parametrize(
    ("token", "end"),
    [("stranger", "closed (401 sign in first)"), ("mallory", "closed (403 you are banned, Mallory)")],
)
def test_whom_the_application_refuses_is_closed_with_what_it_said(
    known: Server, make: Make, token: str, end: str
) -> None:
    assert ends(make(f"://127.0.0.1:{listen(known)}/live", token=token)) == end


def test_an_outage_of_the_application_is_no_end(known: Server, runtime: str, transport: str) -> None:
    tokens = iter(["away", "away"])
    with every_client(runtime, transport, STORES) as make:
        client = make(f"://127.0.0.1:{listen(known)}/live", token=lambda: next(tokens, "ada"), backoff=Noted())
        works(client)
        assert users(known) == ["ada"]


def test_who_signs_in_keeps_its_messages_and_is_somebody_else(known: Server, make: Make) -> None:
    client = make(f"://127.0.0.1:{listen(known)}/live", token="ada")
    works(client)
    name = client.call(lambda client: client.client_id)
    client.call(lambda client: client.reauthenticate(token="ada"))
    works(client)
    assert client.call(lambda client: client.client_id) == name  # the same user: the same session
    client.call(lambda client: client.reauthenticate(token="bob"))
    works(client)
    assert client.call(lambda client: client.client_id) != name
    assert "bob" in users(known)
    assert client.call(lambda client: client.model("counter")) == 3


def test_whose_time_is_over_shows_a_fresh_token_and_keeps_its_session(
    make_server: Callable[..., Server], make: Make
) -> None:
    host, expires = Later(), [time.time() + 60]
    server = make_server(host=host, identify=lambda request: Identity("ada", expires=expires[-1]))
    for name, store in STORES.items():
        server.topic(name).with_store(store)
    asked: list[bool] = []

    def token() -> str:
        asked.append(True)
        if len(asked) > 1:
            expires.append(host.wall() + 600)
        return "ada"

    client = make(f"://127.0.0.1:{listen(server)}/live", token=token)
    works(client)
    name = client.call(lambda client: client.client_id)
    host.ahead = 120.0
    eventually(lambda: len(asked) > 1)
    works(client)
    assert client.call(lambda client: client.client_id) == name

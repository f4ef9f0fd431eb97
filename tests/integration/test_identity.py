"""Who is let in, over real sockets: as a program, as a browser, and over plain HTTP."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer
from support.http import EventsClient, PollClient
from support.raw import Closed, RawClient, request
from support.raw import Refused as NotUpgraded
from support.serving import eventually, listen

from nuphar import ConnectRequest, Identity, Live, Origins, Refused, Server, Store
from nuphar.actors.runtime.host import GeventHost
from nuphar.transport.server.wsgi_handler import WSGIHandler

PAGE = "https://page.example"
BROWSER = (f"Origin: {PAGE}",)
T = "topic:t"


class Gate:
    """An application that knows its users by a header: ``identify``, and whom it was asked for."""

    def __init__(self) -> None:
        self.asked: list[ConnectRequest] = []
        self.roles: tuple[str, ...] = ()

    def identify(self, request: ConnectRequest) -> Identity | None:
        self.asked.append(request)
        match request.headers.get("X-User") or request.query.get("user"):
            case None:
                return None
            case "nobody":
                raise Refused("unauthorised", "sign in first")
            case "mallory":
                raise Refused("forbidden", "you are banned, Mallory")
            case "odd":
                raise Refused("closed_on_sundays", "come back on Monday")
            case "broken":
                raise LookupError("the database of users is away")
            case user:
                return Identity(user, roles=self.roles)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def live(make_server: Callable[..., Server], gate: Gate) -> Server:
    server = make_server(identify=gate.identify, origins=Origins.allow([PAGE]))
    server.topic("t").with_store(Store((), lambda model, message: (*model, message)))
    return server


@pytest.fixture
def port(live: Server, log: io.StringIO) -> Iterator[int]:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(live), handler_class=WSGIHandler, log=log)
    wsgi.init_socket()
    live.listen(wsgi)
    yield int(wsgi.server_port)
    live.gateway.abort_all()


def as_user(user: str, *headers: str) -> tuple[str, ...]:
    return (f"X-User: {user}", *headers)


def identity_of(server: Server, client: RawClient) -> Identity | None:
    session = server.sessions.get(client.client_id)
    assert session is not None
    return session.identity


@pytest.fixture(params=[RawClient, PollClient, EventsClient])
def make(request: pytest.FixtureRequest) -> Any:
    """Each kind of line."""
    return request.param


def test_a_session_knows_who_its_client_is(live: Server, port: int, make: Any) -> None:
    assert identity_of(live, make(port, headers=as_user("ada"))) == Identity("ada")
    assert identity_of(live, make(port)) is None


@pytest.mark.parametrize(
    ("user", "status", "text"),
    [
        ("nobody", 401, "sign in first"),
        ("mallory", 403, "you are banned, Mallory"),
        ("odd", 403, "come back on Monday"),
        ("broken", 503, "the application cannot say at the moment who you are: come back"),
    ],
)
def test_a_program_is_refused_with_a_status_and_a_sentence(port: int, user: str, status: int, text: str) -> None:
    with pytest.raises(NotUpgraded) as caught:
        RawClient(port, headers=as_user(user))
    assert (caught.value.status, caught.value.body) == (status, f"{text}\n")
    assert caught.value.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert caught.value.headers.get("retry-after") == ("5" if status == 503 else None)


@pytest.mark.parametrize(("user", "status"), [("nobody", 401), ("mallory", 403), ("broken", 503)])
@pytest.mark.parametrize("origin", [(), BROWSER])
def test_so_is_whoever_opens_a_line_over_http_a_browser_too(
    live: Server, port: int, user: str, status: int, origin: tuple[str, ...]
) -> None:
    headers = as_user(user, "Content-Type: application/x-ndjson", *origin)
    answer, fields, body = request(port, "/live/send", "POST", (*headers, "Content-Length: 0"))
    assert answer == status
    assert ("sign in" in body.decode()) is (status == 401)
    assert "nuphar-line" not in fields
    assert not live.gateway.lines


@pytest.mark.parametrize(
    ("user", "code", "text", "close"),
    [
        ("nobody", "unauthorised", "sign in first", 4401),
        ("mallory", "forbidden", "you are banned, Mallory", 4403),
        ("odd", "closed_on_sundays", "come back on Monday", 4403),
    ],
)
@pytest.mark.parametrize("subprotocol", ["nuphar.v1.cbor", "nuphar.v1.json"])
def test_a_browser_which_sees_no_status_of_an_upgrade_is_told_in_frames(
    live: Server, port: int, user: str, code: str, text: str, close: int, subprotocol: str
) -> None:
    client = RawClient(port, headers=as_user(user, *BROWSER), greet=False, subprotocol=subprotocol)
    client.send([1, 1, None, None, {}, {}])
    assert client.receive() == [18, 0, None, code, text, None]
    assert client.receive() == Closed(close, text)
    client.close()
    assert not live.gateway.connections
    assert not len(live.sessions)


def test_a_browser_too_is_refused_in_http_while_the_application_cannot_say(port: int) -> None:
    with pytest.raises(NotUpgraded, match="503"):
        RawClient(port, headers=as_user("broken", *BROWSER))


def test_a_page_of_a_foreign_origin_is_refused_before_the_application_is_asked(port: int, gate: Gate) -> None:
    with pytest.raises(NotUpgraded, match="403: this origin is not allowed"):
        RawClient(port, headers=as_user("ada", "Origin: https://evil.example"))
    headers = ("Origin: https://evil.example", "Content-Type: application/x-ndjson", "Content-Length: 0")
    assert request(port, "/live/send", "POST", headers)[0] == 403
    assert gate.asked == []


def test_the_application_is_asked_once_for_each_line_and_not_for_each_request(port: int, gate: Gate) -> None:
    client = PollClient(port, headers=as_user("ada"))
    client.subscribe(T)
    client.barrier()
    assert len(gate.asked) == 1


def test_no_log_shows_a_token_of_a_query(port: int, log: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "nuphar")
    for user in ("nobody", "broken"):
        with pytest.raises(NotUpgraded):
            RawClient(port, path=f"/live?user={user}&token=s3cr3t")
    assert request(port, "/live?token=s3cr3t")[0] == 426
    assert request(port, "/live/poll?access_token=s3cr3t")[0] == 400
    RawClient(port, path="/live?token=s3cr3t").close()
    eventually(lambda: log.getvalue().count("token=-") == 5)
    assert "upgrade of '/live?user=nobody&token=-'" in caplog.text
    assert "s3cr3t" not in caplog.text + log.getvalue()


@pytest.mark.parametrize("make", [RawClient, PollClient])
def test_a_browser_keeps_the_cookie_of_its_first_line_for_all_its_tabs(
    live: Server, port: int, gate: Gate, make: Any
) -> None:
    def keys() -> set[str | None]:
        return {session.identity and session.identity.browser for session in live.sessions.all()}

    if make is RawClient:
        fields = RawClient(port, headers=as_user("ada", *BROWSER)).headers
    else:
        headers = as_user("ada", "Content-Type: application/x-ndjson", "Content-Length: 0", *BROWSER)
        fields = request(port, "/live/send", "POST", headers)[1]
    cookie, *rest = fields["set-cookie"].split("; ")
    assert cookie.startswith("nuphar-browser=")
    assert rest == ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    make(port, headers=as_user("bob", f"Cookie: {cookie}", *BROWSER))
    assert keys() == {cookie.partition("=")[2]}


# Coming back.


def back(client: RawClient, user: str | None) -> RawClient:
    return client.back(headers=() if user is None else as_user(user))


def test_a_session_is_resumed_as_the_same_user(live: Server, port: int) -> None:
    ada, nobody = RawClient(port, headers=as_user("ada")), RawClient(port)
    for client, user in ((ada, "ada"), (nobody, None)):
        other = back(client, user)
        assert other.welcome[1:5:3] == [client.client_id, True]


@pytest.mark.parametrize("user", ["bob", None, "Ada"])
def test_another_user_or_one_who_has_signed_out_gets_a_fresh_session(live: Server, port: int, user: str | None) -> None:
    ada = RawClient(port, headers=as_user("ada"))
    other = back(ada, user)
    assert other.welcome[4] is False
    assert other.client_id != ada.client_id
    assert identity_of(live, ada) == Identity("ada")  # nobody has touched it
    assert back(ada, "ada").welcome[4] is True


def test_a_client_that_signs_in_keeps_its_session_and_nobody_else_has_it_then(live: Server, port: int) -> None:
    nobody = RawClient(port)
    ada = back(nobody, "ada")
    assert ada.welcome[1:5:3] == [nobody.client_id, True]
    assert identity_of(live, ada) == Identity("ada")
    assert back(ada, None).welcome[4] is False


def test_roles_that_have_changed_count_when_a_session_is_resumed(live: Server, port: int, gate: Gate) -> None:
    @live.topic("staff").can_subscribe
    def may(client_id: str) -> bool:
        session = live.sessions.get(client_id)
        return session is not None and session.identity is not None and "staff" in session.identity.roles

    gate.roles = ("staff",)
    ada = RawClient(port, headers=as_user("ada"))
    assert ada.subscribe("topic:staff")[-1][0] == 17
    gate.roles = ()
    other = back(ada, "ada")
    assert other.welcome[4] is True
    out = other.receive_until(lambda frame: frame[0] == 27)[-1]
    assert out[:3] == [27, "topic:staff", "denied"]
    assert identity_of(live, other) == Identity("ada")


# The end of an identity's time.


class Later(GeventHost):
    """The real world with another date."""

    ahead = 0.0

    def wall(self) -> float:  # type: ignore[override]
        return time.time() + self.ahead


def test_a_client_whose_time_is_over_is_told_and_comes_back_to_its_session_with_a_fresh_token(
    make_server: Callable[..., Server], make: Any
) -> None:
    host, expires = Later(), [time.time() + 60]
    server = make_server(host=host, identify=lambda request: Identity("ada", expires=expires[-1]))
    server.topic("t").with_store(Store((), lambda model, message: (*model, message)))
    port = listen(server)
    client = make(port)
    client.subscribe(T)
    host.ahead = 120
    assert client.receive_all()[-1] == Closed(4401, "expired")
    with pytest.raises(NotUpgraded, match="401: expired"):
        RawClient(port)
    expires.append(time.time() + 240)
    other = RawClient(port, greet=False)
    assert other.hello(client.welcome[2], client.welcome[3], {})[4] is True
    assert T in {target for session in server.sessions.all() for target in session.memberships}
    server.gateway.abort_all()

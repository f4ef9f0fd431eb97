"""Every option of a client over every transport and on every runtime, against a real server."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import ssl as gevent_ssl
from gevent.pywsgi import WSGIServer
from support.certificates import Certificate, make_certificate
from support.counting import add
from support.every_client import RUNTIMES, TRANSPORTS, Make, every_client
from support.peer import Peer
from support.serving import eventually, free_port, listen
from support.skins import Skin
from support.web_proxy import WebProxy

from nuphar import ConnectRequest, Live, Server, Store, states
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.dialing import Dialing
from nuphar.transport.server.wsgi_handler import WSGIHandler

STORES = {"counter": Store(0, add)}
PROXIES = [each + kind for each in ("http", "https", "all", "no") for kind in ("_proxy", "_PROXY")]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    """What the application was asked about: the environment of each request, as text."""
    return []


@pytest.fixture
def live(make_server: Callable[..., Server], seen: list[dict[str, Any]]) -> Server:
    def identify(request: ConnectRequest) -> None:
        seen.append({name: value for name, value in request.environ.items() if isinstance(value, str)})

    server = make_server(identify=identify)
    server.topic("counter").with_store(STORES["counter"])
    return server


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


@pytest.mark.parametrize("path", ["/live", "/live/"])
def test_the_query_reaches_the_application(live: Server, seen: list[Any], make: Make, path: str) -> None:
    works(make(f"://127.0.0.1:{listen(live)}{path}?token=abc&name=x%20y"))
    assert seen
    assert all("token=abc&name=x%20y" in environ["QUERY_STRING"] for environ in seen)
    assert {environ["PATH_INFO"].removeprefix("/live") for environ in seen} <= {"", "/send", "/poll", "/events"}


@pytest.mark.parametrize(
    "headers",
    [
        (("X-Token", "abc"), ("X-More", "m")),
        {"X-Token": "abc", "X-More": "m"},
        lambda: {"X-Token": "abc", "X-More": "m"},
    ],
    ids=["pairs", "mapping", "function"],
)
def test_headers_reach_the_application(live: Server, seen: list[Any], make: Make, headers: Any) -> None:
    works(make(f"://127.0.0.1:{listen(live)}/live", headers=headers))
    assert seen
    assert all((environ["HTTP_X_TOKEN"], environ["HTTP_X_MORE"]) == ("abc", "m") for environ in seen)


def test_a_host_of_the_program_takes_the_place_of_ours(live: Server, seen: list[Any], make: Make) -> None:
    works(make(f"://127.0.0.1:{listen(live)}/live", headers={"host": "other.example"}))
    assert {environ["HTTP_HOST"] for environ in seen} == {"other.example"}


def test_headers_as_a_function_are_fresh_at_each_try(live: Server, seen: list[Any], make: Make) -> None:
    numbers = itertools.count(1)
    client = make(f"://127.0.0.1:{listen(live)}/live", headers=lambda: {"X-Token": str(next(numbers))})
    works(client)
    first = seen[-1]["HTTP_X_TOKEN"]
    for connection in list(live.gateway.connections):
        connection.abort()
    eventually(lambda: seen[-1]["HTTP_X_TOKEN"] != first)
    works(client)


def test_a_function_that_raises_is_a_reason_and_another_try(live: Server, make: Make) -> None:
    fails = [True]

    def headers() -> dict[str, str]:
        if fails[0]:
            raise LookupError("no token yet")
        return {}

    client = make(f"://127.0.0.1:{listen(live)}/live", headers=headers)
    client.wait(lambda client: isinstance(client.state, states.Offline) and "LookupError" in client.state.why)
    assert client.call(lambda client: client.state.why) == "the function for headers raised LookupError: no token yet"
    fails[0] = False
    works(client)


@pytest.mark.parametrize("error", [UnicodeError("label empty"), ValueError("bad"), MemoryError()], ids=repr)
def test_any_error_of_a_try_is_a_reason_and_another_try(
    live: Server, make: Make, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    route, fails = Dialing.route, [True]

    def failing(self: Dialing, token: str | None = None) -> Any:
        if fails[0]:
            raise error
        return route(self, token)

    monkeypatch.setattr(Dialing, "route", failing)
    client = make(f"://127.0.0.1:{listen(live)}/live")
    client.wait(lambda client: type(error).__name__ in str(client.state))
    fails[0] = False
    works(client)


def test_a_loop_that_breaks_ends_the_client(make: Make) -> None:
    class Broken(ReconnectBackoff):
        def delay(self, chance: float) -> float:
            raise ZeroDivisionError("bad back-off")

    client = make(f"://127.0.0.1:{free_port()}/live", backoff=Broken())
    client.wait(lambda client: client.is_closed)
    assert client.call(lambda client: str(client.state)) == "closed (1011 ZeroDivisionError: bad back-off)"


def test_a_timeout_ends_a_try_that_nobody_answers(make: Make) -> None:
    peer = Peer()
    try:
        client = make(f"://127.0.0.1:{peer.port}/live", timeout=0.05)
        client.wait(lambda client: isinstance(client.state, states.Offline))
        peer.accept()
        peer.accept()  # another try
    finally:
        peer.close()


def test_back_off_and_chance_are_the_program_s(make: Make) -> None:
    asked = itertools.count()
    drawn: list[int] = []

    def chance() -> float:
        drawn.append(next(asked))
        return 0.5

    client = make(f"://127.0.0.1:{free_port()}/live", backoff=ReconnectBackoff(0.001, most=0.002), chance=chance)
    eventually(lambda: len(drawn) >= 4)
    client.wait(lambda client: isinstance(client.state, states.Offline))


def test_a_heartbeat_is_an_option_of_all_urls(live: Server, make: Make, transport: str) -> None:
    names = {"websocket": "heartbeat", "fallback": "heartbeat", "poll": "wait", "events": "silence"}
    works(make(f"://127.0.0.1:{listen(live)}/live", **{names[transport]: 5.0}))


# Refusals.


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_the_sentence_of_a_refusal_is_told(make: Make, apart: bool) -> None:
    peer = Peer()
    try:
        client = make(f"://127.0.0.1:{peer.port}/live")
        line = peer.accept()
        line.read_request()
        head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n"
        body = "you are not on my list"
        line.send_raw(head.encode() if apart else (head + body).encode())
        if apart:
            eventually(lambda: True)
            line.send_raw(body[:5].encode())
            line.send_raw(body[5:].encode())
        client.wait(lambda client: client.is_closed)
        assert client.call(lambda client: str(client.state)) == f"closed (403 {body})"
    finally:
        peer.close()


def test_a_refusal_whose_body_never_comes_is_told_without_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuphar.transport.client.connectors.http_connection.HURRY", 0.05)
    peer = Peer()
    try:
        client = make(f"://127.0.0.1:{peer.port}/live", timeout=0.2)
        line = peer.accept()
        line.read_request()
        line.send_raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nwho")
        client.wait(lambda client: client.is_closed)
        assert client.call(lambda client: str(client.state)) == "closed (401 who)"
    finally:
        peer.close()


def test_a_redirect_is_named_with_its_location(make: Make, transport: str) -> None:
    peer = Peer()
    try:
        client = make(f"://127.0.0.1:{peer.port}/live")
        for _ in range(2 if transport == "fallback" else 1):  # a proxy may redirect one transport alone
            line = peer.accept()
            line.read_request()
            line.answer("301 Moved Permanently", "Location: https://new.example/live", "Content-Length: 0")
        client.wait(lambda client: client.is_closed)
        expected = "closed (301 redirected to https://new.example/live: give the client that address)"
        assert client.call(lambda client: str(client.state)) == expected
    finally:
        peer.close()


# Proxies.


@pytest.fixture
def web_proxy(live: Server) -> Iterator[WebProxy]:
    proxy = WebProxy(listen(live))
    yield proxy
    proxy.close()


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_proxy_is_used(
    web_proxy: WebProxy, seen: list[Any], make: Make, transport: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"proxy": web_proxy.url} if by == "option" else {}
    if by == "environment":
        monkeypatch.setenv("http_proxy", web_proxy.url)
    works(make("://chat.example/live?token=abc", **options))
    line = web_proxy.heads[0].split("\r\n")[0]
    if transport in ("poll", "events"):
        assert line == "POST http://chat.example/live/send?token=abc HTTP/1.1"
    else:
        assert line == "CONNECT chat.example:80 HTTP/1.1"
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in web_proxy.heads[0].split("\r\n")
    assert {environ["HTTP_HOST"] for environ in seen} == {"chat.example"}


def test_the_environment_s_exceptions_are_kept(
    live: Server, web_proxy: WebProxy, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web_proxy.url)
    works(make(f"://127.0.0.1:{web_proxy._to}/live"))  # this machine is never behind a proxy
    client = make("://localhost.invalid:1/live", proxy=None)
    client.wait(lambda client: isinstance(client.state, states.Offline))
    monkeypatch.setenv("no_proxy", ".invalid")
    client = make("://other.invalid:1/live")
    client.wait(lambda client: isinstance(client.state, states.Offline))
    assert web_proxy.heads == []


def test_a_proxy_that_refuses_says_why(web_proxy: WebProxy, make: Make, transport: str) -> None:
    web_proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?"
    client = make("://chat.example/live", proxy=web_proxy.url)
    client.wait(lambda client: "407" in str(client.state) and "who?" in str(client.state))


def test_a_variable_that_names_no_proxy_is_a_reason(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    client = make("://chat.example/live")
    client.wait(lambda client: "http_proxy: proxy: expected a URL like" in str(client.state))


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure_port(live: Server, certificate: Certificate) -> int:
    """The port of the server behind TLS, on this hub: a client that holds the hub gets no answer."""
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    wsgi = WSGIServer(("127.0.0.1", 0), Live(live), handler_class=WSGIHandler, log=None, ssl_context=context)
    wsgi.init_socket()
    live.listen(wsgi)
    return int(wsgi.server_port)


@pytest.mark.parametrize("trust", ["ssl_context", "environment"])
def test_tls_never_holds_the_hub(
    secure_port: int, certificate: Certificate, make: Make, trust: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"ssl_context": certificate.trusting()} if trust == "ssl_context" else {}
    if trust == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    turns = [0]

    def tick() -> None:
        while True:
            gevent.sleep(0.001)
            turns[0] += 1

    ticking = gevent.spawn(tick)
    try:
        client = make(f"://localhost:{secure_port}/live", secure=True, timeout=2.0, **options)
        works(client)
        before = turns[0]
        eventually(lambda: turns[0] > before + 50, timeout=5.0)  # while the client waits for what comes next
        works(client)
    finally:
        ticking.kill()


def test_a_certificate_that_is_not_trusted_is_a_reason(secure_port: int, make: Make) -> None:
    client = make(f"://localhost:{secure_port}/live", secure=True)
    client.wait(lambda client: "CERTIFICATE_VERIFY_FAILED" in str(client.state))


def test_tls_goes_through_a_proxy(secure_port: int, certificate: Certificate, make: Make) -> None:
    proxy = WebProxy(secure_port)
    try:
        works(make("://chat.example/live", secure=True, ssl_context=certificate.trusting(), proxy=proxy.url))
        assert {head.split("\r\n")[0] for head in proxy.heads} == {"CONNECT chat.example:443 HTTP/1.1"}
    finally:
        proxy.close()

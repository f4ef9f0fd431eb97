"""``nuphar.serve`` in a process of its own: how it starts, and how it ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support import stock
from support.raw import Closed, RawClient, request
from support.serving import Program, eventually, free_port, in_thread, program

import nuphar
from nuphar import NotRunning, Server, serve


@pytest.fixture
def running() -> Iterator[Program]:
    with program("-m", "support.counting", stdin=True) as process:
        yield process


def port(process: Program) -> int:
    return int(process.wait_for(r"http://127\.0\.0\.1:(\d+)")[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_bye_to_everybody(running: Program, number: int) -> None:
    clients = [RawClient(port(running))]
    clients += [RawClient(clients[0].sock.getpeername()[1]) for _ in range(4)]
    for client in clients:
        client.subscribe("topic:counter")
    running.signal(number)
    for client in clients:
        final, bye, closed = client.receive_all()
        assert final == [17, "topic:counter", 0, [], True]
        assert bye[0] == 26
        assert closed == Closed(1001, "the server stops")
        client.close()
    assert running.wait() == 0
    assert running.output.rstrip().endswith("ended")
    assert "Traceback" not in running.output


def test_a_signal_ends_it_in_time_although_a_client_does_not_answer(running: Program) -> None:
    client = RawClient(port(running))
    running.signal(signal.SIGTERM)
    assert running.wait(timeout=6) == 0
    assert client.receive_all()[-1] == Closed(1001, "the server stops")


def test_a_second_signal_changes_nothing(running: Program) -> None:
    client = RawClient(port(running))
    for _ in range(5):
        running.signal(signal.SIGTERM)
    client.receive_all()
    client.close()
    assert running.wait() in (0, -signal.SIGTERM)
    assert "Traceback" not in running.output


def test_a_stock_client_goes_through_the_whole_page_in_another_process(running: Program) -> None:
    with program("-m", "support.stock", str(port(running))) as client:
        client.wait_for("^ok$")
        assert client.wait() == 0
    running.write("model")
    running.wait_for("model 13 3")


def test_port_0_takes_any_free_port_and_on_start_hears_of_it(running: Program) -> None:
    assert port(running) > 0


# In this process.


def serving(server: Server, **options: object) -> tuple[gevent.Greenlet, str]:
    """Run ``serve`` in a greenlet; return it and the URL."""
    urls: list[str] = []
    greenlet = gevent.spawn(serve, server, port=0, on_start=urls.append, **options)
    eventually(lambda: urls or greenlet.ready())
    if greenlet.ready():
        greenlet.get()
    return greenlet, urls[0]


def test_it_returns_when_the_server_is_stopped() -> None:
    server = Server()
    greenlet, url = serving(server)
    assert server.is_running
    server.stop()
    greenlet.get(timeout=5)
    with pytest.raises(OSError):
        request(int(url.rpartition(":")[2]))


def test_a_server_that_runs_already_may_be_served(server: Server) -> None:
    server.topic("counter").with_store(nuphar.Store(0, lambda model, message: model + message))
    greenlet, url = serving(server)
    in_thread(stock.scenario, int(url.rpartition(":")[2]))
    server.stop()
    greenlet.get(timeout=5)


def test_the_application_is_served_beside_the_live_path() -> None:
    def app(environ: dict[str, object], start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [f"this is {environ['PATH_INFO']}".encode()]

    server = Server()
    greenlet, url = serving(server, app=app, path="/ws")
    port = int(url.rpartition(":")[2])
    assert request(port, "/about")[::2] == (200, b"this is /about")
    assert request(port, "/live")[2] == b"this is /live"
    assert request(port, "/ws")[0] == 426
    with RawClient(port, "/ws") as client:
        assert client.client_id
    server.stop()
    greenlet.get(timeout=5)


def test_a_port_in_use_is_an_os_error_and_the_server_is_not_started() -> None:
    other = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None)
    other.init_socket()
    server = Server()
    with pytest.raises(OSError):
        serve(server, port=other.server_port)
    assert not server.is_running
    other.close()
    greenlet, _ = serving(server)
    server.stop()
    greenlet.get(timeout=5)


def test_a_port_in_use_ends_a_program_with_the_reason() -> None:
    other = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None)
    other.init_socket()
    code = f"import nuphar; nuphar.serve(nuphar.Server(), port={other.server_port})"
    with program("-c", code) as process:
        assert process.wait() == 1
        assert "Address already in use" in process.output
    other.close()


def test_a_server_that_has_been_stopped_is_refused_and_no_socket_stays_open() -> None:
    server = Server().start()
    server.stop()
    port = free_port()
    with pytest.raises(NotRunning):
        serve(server, port=port)
    with pytest.raises(OSError):
        request(port)


def test_what_on_start_raises_ends_it_and_stops_the_server() -> None:
    server = Server()

    def broken(url: str) -> None:
        raise RuntimeError(f"I do not like {url}")

    with pytest.raises(RuntimeError, match="I do not like http://127"):
        serve(server, port=0, on_start=broken)
    assert not server.is_running


def test_a_bound_socket_may_be_given() -> None:
    from gevent import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    server = Server()
    greenlet, url = serving(server, listener=listener)
    assert url == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with RawClient(listener.getsockname()[1]) as client:
        assert client.barrier() == []
    server.stop()
    greenlet.get(timeout=5)


def test_it_can_be_served_over_ipv6() -> None:
    server = Server()
    try:
        greenlet, url = serving(server, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert url.startswith("http://[::1]:")
    server.stop()
    greenlet.get(timeout=5)

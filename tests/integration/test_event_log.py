"""What the log says of clients on real sockets, and what it never says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from support.http import PollClient
from support.raw import RawClient, Refused
from support.serving import eventually, listen

import nuphar
from nuphar import ConnectRequest, Identity, Rate, Rates, Server, Store
from nuphar.actors.runtime.happenings import NAME
from nuphar.actors.runtime.log_throttle import THROTTLE

SECRET = "hunter2-s3cr3t"
HEADERS = (f"Cookie: session={SECRET}", f"Authorization: Bearer {SECRET}", f"X-Api-Key: {SECRET}")
OFFICE = "X-Forwarded-For: 203.0.113.7"


@pytest.fixture(autouse=True)
def _every_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    monkeypatch.setattr(THROTTLE, "interval", 0.0)
    THROTTLE.forget()
    caplog.set_level(logging.DEBUG)
    yield
    THROTTLE.forget()


def identify(request: ConnectRequest) -> Identity:
    if request.query.get("who") == "nobody":
        raise nuphar.Refused("unauthorised", f"your token {request.bearer} is not known")
    return Identity("ada")


def serve(**options: Any) -> tuple[Server, int]:
    server = Server(hub_guard=None, identify=identify, proxies=("127.0.0.1",), **options).start()
    server.topic("counter").with_store(Store(0, lambda model, message: model + message))
    server.topic("closed").can_subscribe(lambda client_id: False)
    return server, listen(server)


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[Any]:
    return [record for record in caplog.records if record.name == NAME and record.event == name]  # type: ignore[attr-defined]


def test_the_way_of_a_client_is_told_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve()
    with server:
        client = RawClient(port, headers=(OFFICE,))
        client.subscribe("topic:counter")
        client.subscribe("topic:closed")
        client.send([3, client.ref(), "topic:counter"])
        eventually(lambda: events(caplog, "left"))
        client.close()
        (closed,) = eventually(lambda: events(caplog, "closed"))
    (connected,) = events(caplog, "connected")
    assert (connected.client_id, connected.user, connected.address, connected.resumed) == (
        client.client_id,
        "ada",
        "203.0.113.7",
        False,
    )
    assert [each.user for each in events(caplog, "identified")] == ["ada"]
    assert [each.topic_id for each in events(caplog, "subscribed")] == ["topic:counter"]
    assert [(each.topic_id, each.code) for each in events(caplog, "denied")] == [("topic:closed", "denied")]
    assert [each.topic_id for each in events(caplog, "left")] == ["counter"]
    assert (closed.client_id, closed.code, closed.levelno) == (client.client_id, 1000, logging.DEBUG)
    assert closed.seconds > 0
    assert closed.bytes_in is None or closed.bytes_in > 300
    assert closed.bytes_out is None or closed.bytes_out > 300


def test_a_line_over_http_is_told_alike(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve()
    with server:
        line = PollClient(port)
        line.subscribe("topic:counter")
        line.close()
        (closed,) = eventually(lambda: events(caplog, "closed"))
    assert closed.code == 1000
    assert closed.bytes_in > 10
    assert closed.bytes_out > 100


def test_who_is_not_let_in_and_an_end_that_nobody_planned_are_told_at_info(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve(rates=Rates(connections=1))
    with server:
        client = RawClient(port, headers=(OFFICE,))
        with pytest.raises(Refused):
            RawClient(port, "/live?who=nobody", headers=("X-Forwarded-For: 203.0.113.8",))
        with pytest.raises(Refused):
            RawClient(port, headers=(OFFICE,))
        client.cut()
        (closed,) = eventually(lambda: [each for each in events(caplog, "closed") if each.client_id])
    assert (closed.code, closed.levelno) == (1006, logging.INFO)
    assert [each.code for each in events(caplog, "refused")] == ["unauthorised", "503"]
    assert {each.levelno for each in events(caplog, "refused")} == {logging.INFO}


def test_who_is_beyond_a_limit_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve(rates=Rates(messages=Rate(1, 3)))
    with server, RawClient(port) as client:
        client.subscribe("topic:counter")
        refs = client.post("topic:counter", *[1] * 8)
        client.receive_until(lambda frame: frame[:2] == [18, refs[-1]])
        (limited,) = events(caplog, "limited")
    assert (limited.topic_id, limited.user) == ("topic:counter", "ada")
    assert limited.seconds == pytest.approx(1.0, abs=0.2)


def test_no_line_at_any_level_has_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve(rates=Rates(messages=Rate(1, 4)))
    path = f"/live?token={SECRET}"
    with server:
        for kind in (RawClient, PollClient):
            client = kind(port, path, headers=HEADERS) if kind is RawClient else kind(port, headers=HEADERS)
            client.subscribe("topic:counter")
            client.subscribe("topic:closed")
            refs = client.post("topic:counter", SECRET, *[SECRET] * 8)  # the update raises; then it is too much
            client.receive_until(lambda frame, refs=refs: frame[:2] == [18, refs[-1]])
            client.send([4, client.ref(), "topic:counter", {"password": SECRET}], [2, client.ref(), SECRET, None, None])
            client.send([99, SECRET], SECRET.encode())
            client.barrier()
            client.close()
        with pytest.raises(Refused):
            RawClient(port, f"/live?who=nobody&token={SECRET}", headers=HEADERS)
        eventually(lambda: len(events(caplog, "closed")) == 2)
        eventually(lambda: events(caplog, "refused"))
    assert len(caplog.records) > 10
    formatter = logging.Formatter("%(message)s")
    for record in caplog.records:
        assert SECRET not in formatter.format(record), record
        if record.name.startswith("nuphar"):
            assert SECRET not in repr(vars(record)), vars(record)


def test_who_is_put_out_by_a_hook_is_told(caplog: pytest.LogCaptureFixture) -> None:
    server, port = serve()

    @server.on_connect
    def refuse(client_id: str) -> None:
        raise nuphar.Refused("forbidden", "not today")

    with server, RawClient(port) as client:
        client.receive_all()
        (kicked,) = eventually(lambda: events(caplog, "kicked"))
    assert (kicked.client_id, kicked.user, kicked.code, kicked.levelno) == (client.client_id, "ada", 4403, logging.INFO)

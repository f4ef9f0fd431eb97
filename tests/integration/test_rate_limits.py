"""Limits on real sockets: each answer, who is turned away at the door, and a flood beside a neighbour."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from support.http import PollClient
from support.raw import Closed, RawClient, Refused
from support.serving import eventually, listen

from nuphar import Rate, Rates, Server, Store

OFFICE, HOME = "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.8"
PROXIES = ("127.0.0.1",)


def serve(**options: Any) -> tuple[Server, int]:
    server = Server(hub_guard=None, **options).start()
    server.topic("counter").with_store(Store(0, lambda model, message: model + message))
    server.topic("other").with_store(Store(0, lambda model, message: model + message))
    return server, listen(server)


def may_post(server: Server, client: RawClient, target: str) -> bool:
    """Say whether the bucket of a target has a token again."""
    session = server.sessions.get(client.client_id)
    assert session is not None
    assert session.meter is not None
    return session.meter._targets[target].wait(server.gateway.clock()) == 0.0


@pytest.mark.parametrize("kind", [RawClient, PollClient])
def test_what_is_too_much_is_refused_and_taken_under_the_same_ref_later(kind: Any) -> None:
    server, port = serve(rates=Rates(messages=Rate(4, 3)))
    with server, kind(port) as client:
        client.subscribe("topic:counter")
        refs = client.post("topic:counter", 1, 1, 1, 1, 1)
        got = client.receive_until(lambda frame: frame[:2] == [18, refs[-1]])
        refused = [frame for frame in got if frame[0] == 18]
        assert [(frame[1], frame[3]) for frame in refused] == [(refs[3], "rate_limited"), (refs[4], "rate_limited")]
        assert 0.2 <= refused[0][5]["retry_after"] < refused[1][5]["retry_after"] <= 0.6
        (ping,) = [frame for frame in got if frame[0] == 7]
        client.send([25, ping[1]])
        for ref in refs[3:]:
            eventually(lambda: may_post(server, client, "topic:counter"))
            client.send([4, ref, "topic:counter", 1])
            client.receive_until(lambda frame, ref=ref: frame[0] == 17 and ref in frame[3])
        assert server.directory.topics["counter"].target.order.position == (5, 5)  # type: ignore[union-attr]


def test_a_frame_of_too_many_bytes_is_refused_before_it_is_read() -> None:
    server, port = serve(rates=Rates(bytes=Rate(1_000, 20_000)))
    with server, RawClient(port) as client:
        client.subscribe("topic:counter")
        refs = client.post("topic:counter", "x" * 15_000, "x" * 15_000)
        got = client.receive_until(lambda frame: frame[:2] == [18, refs[1]])
        assert got[-1][3] == "rate_limited"
        assert "bytes a second" in got[-1][4]


def test_a_subscribe_beyond_its_rate_is_refused() -> None:
    server, port = serve(rates=Rates(subscribes=Rate(1, 1)))
    with server, RawClient(port) as client:
        client.subscribe("topic:counter")
        answer = client.subscribe("topic:other")[-1]
        assert answer[3] == "rate_limited"
        assert answer[5]["retry_after"] > 0


def test_one_connection_too_many_is_answered_503_before_anything_is_made_for_it() -> None:
    server, port = serve(rates=Rates(connections=2), proxies=PROXIES)
    with server:
        first, _ = RawClient(port, headers=(OFFICE,)), RawClient(port, headers=(OFFICE,))
        for kind in (RawClient, PollClient):
            with pytest.raises(Refused) as refused:
                kind(port, headers=(OFFICE,))
            assert refused.value.status == 503
            assert refused.value.headers["retry-after"] == "10"
            assert "2 connections from your address" in refused.value.body
        assert (len(server.sessions), len(server.gateway.connections)) == (2, 2)
        RawClient(port, headers=(HOME,))
        first.close()
        eventually(lambda: len(server.gateway.connections) == 2)
        RawClient(port, headers=(OFFICE,))


def test_a_line_over_http_counts_as_a_connection_until_it_is_over() -> None:
    server, port = serve(rates=Rates(connections=1), proxies=PROXIES)
    with server:
        line = PollClient(port, headers=(OFFICE,))
        with pytest.raises(Refused):
            RawClient(port, headers=(OFFICE,))
        line.close()
        eventually(lambda: not server.gateway.connections)
        RawClient(port, headers=(OFFICE,))


def test_new_sessions_beyond_their_rate_are_answered_503_with_when_to_come() -> None:
    server, port = serve(rates=Rates(sessions=Rate(0.1, 2)), proxies=PROXIES)
    with server:
        client = RawClient(port, headers=(OFFICE,))
        for _ in range(5):  # who comes back is not new
            client = client.back(headers=(OFFICE,))
            assert client.welcome[4] is True
        RawClient(port, headers=(OFFICE,))
        with pytest.raises(Refused) as refused:
            RawClient(port, headers=(OFFICE,))
        assert refused.value.status == 503
        assert 1 <= int(refused.value.headers["retry-after"]) <= 10


def test_a_stranger_cannot_say_that_it_is_somebody_else() -> None:
    server, port = serve(rates=Rates(connections=1, exempt=()))
    with server:
        RawClient(port, headers=(OFFICE,))
        with pytest.raises(Refused):
            RawClient(port, headers=(HOME,))


def test_a_connection_that_is_refused_otherwise_gives_its_place_back() -> None:
    server, port = serve(rates=Rates(connections=1), proxies=PROXIES)
    with server:
        for _ in range(3):
            with pytest.raises(Refused) as refused:
                RawClient(port, headers=(OFFICE, "Origin: https://evil.example"))
            assert refused.value.status == 403
        RawClient(port, headers=(OFFICE,))


def test_a_flood_is_closed_4529_while_a_neighbour_goes_on() -> None:
    server, port = serve(rates=Rates(messages=Rate(200, 500)))
    with server, RawClient(port) as client, RawClient(port) as neighbour:
        client.subscribe("topic:counter")
        neighbour.subscribe("topic:other")
        ends: list[Any] = []
        pongs: list[Any] = []

        def flood() -> None:
            try:
                while True:
                    client.send(*pongs, *[[4, client.ref(), "topic:counter", 1] for _ in range(200)])
                    pongs.clear()
                    gevent.sleep(0)
            except OSError:
                pass

        def read() -> None:
            while isinstance(frame := client.receive(), list):
                if frame[0] == 7:
                    pongs.append([25, frame[1]])
            ends.append(frame)

        greenlets = [gevent.spawn(flood), gevent.spawn(read)]
        rounds = 0
        with gevent.Timeout(30):
            while not ends:
                if rounds < 400:  # it keeps to the limit itself
                    (ref,) = neighbour.post("topic:other", 1)
                    neighbour.receive_until(lambda frame, ref=ref: frame[0] == 17 and ref in frame[3])
                    rounds += 1
                else:
                    neighbour.barrier()
        gevent.killall(greenlets)
        assert isinstance(ends[0], Closed)
        assert ends[0].code == 4529
        assert ends[0].reason == "more than 200 messages to topic:counter a second, again and again, without waiting"
        assert rounds > 3
        assert server.directory.topics["other"].target.order.position.seq == rounds  # type: ignore[union-attr]


def test_without_rates_nothing_is_refused() -> None:
    server, port = serve(rates=None)
    with server, RawClient(port) as client:
        client.subscribe("topic:counter")
        refs = client.post("topic:counter", *[1] * 2_000)
        got = client.receive_until(lambda frame: frame[0] == 17 and refs[-1] in frame[3])
        assert not [frame for frame in got if frame[0] == 18]

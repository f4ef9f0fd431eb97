"""One guarantee, whatever carries it: each test is asked of WebSockets, long-polling and server-sent events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.http import EventsClient, PollClient
from support.raw import Closed, RawClient, Refused
from support.serving import eventually

from nuphar import Limits, Origins, Server, Store
from nuphar.actors.routing.topic_handle import TopicHandle

Connect = Callable[..., RawClient]
Serve = Callable[..., tuple[Server, int]]

FLOOD = 20_000  # bytes of one message of a flood


def topic_of(server: Server, id: str) -> TopicHandle:
    return TopicHandle(server, server.directory.topics[id])


@pytest.mark.parametrize("encoding", ["cbor", "json"])
def test_a_client_is_greeted_subscribes_posts_and_hears_others(connect: Connect, encoding: str) -> None:
    one, other = connect(encoding=encoding), connect(encoding=encoding)
    kind, client_id, session, token, resumed, limits, heartbeat, _ = one.welcome
    assert (kind, resumed, heartbeat) == (16, False, 20.0)
    assert len(client_id) == 32
    assert session
    assert token
    assert limits["message"] == 65536
    snapshot, answer = one.subscribe("topic:counter")
    assert snapshot[:2] == [21, "topic:counter"]
    assert snapshot[3:] == [0, 0, "subscribed"]
    assert answer == [17, "topic:counter", 0, [1], False]
    other.subscribe("topic:counter")
    one.post("topic:counter", 5)
    assert one.receive() == [17, "topic:counter", 1, [2], False]
    assert other.receive() == [19, "topic:counter", 1, 5]


def test_what_the_server_broadcasts_is_pushed(server: Server, connect: Connect) -> None:
    topic = server.topic("news")
    client = connect()
    client.subscribe("topic:news")
    topic.broadcast("hello")
    assert client.receive() == [20, "topic:news", "hello"]


def test_hello_and_what_comes_with_it_are_taken_in_order(connect: Connect) -> None:
    client = connect(greet=False)
    client.send([1, 1, None, None, {}, {}], [2, 1, "topic:counter", None, None], [7, 3])
    assert [client.receive()[0] for _ in range(4)] == [16, 25, 21, 17]


def test_many_frames_in_one_go_are_answered_each_and_in_order(connect: Connect) -> None:
    client, other = connect(), connect()
    client.subscribe("topic:list")
    other.subscribe("topic:list")
    refs = client.post("topic:list", *range(900))
    answered: list[int] = []
    while len(answered) < 900:
        kind, _, seq, these, _ = client.receive()
        assert kind == 17
        answered += these
        assert seq == len(answered)
    assert answered == refs
    assert [other.receive()[3] for _ in range(900)] == list(range(900))


def test_refs_and_seqs_stay_in_step_over_many_small_sends(connect: Connect) -> None:
    client = connect()
    client.subscribe("topic:list")
    for n in range(30):
        (ref,) = client.post("topic:list", n)
        assert client.receive() == [17, "topic:list", n + 1, [ref], False]


def test_the_limits_that_a_client_is_told_are_those_that_hold(serve: Serve, transport: Connect) -> None:
    _, port = serve(limits=Limits(message=5_000), max_subscriptions=1)
    client = transport(port)
    limits = client.welcome[5]
    assert limits == {"message": 5_000, "subscriptions": 1, "held": 256, "window": 1_024}
    client.subscribe("topic:list")
    client.send([2, 9, "topic:counter", None, None])
    rejected = client.receive()
    assert rejected[:4] == [18, 9, "topic:counter", "busy"]


def test_a_message_as_large_as_the_limit_passes(serve: Serve, transport: Connect) -> None:
    _, port = serve(limits=Limits(message=5_000))
    client = transport(port)
    client.subscribe("topic:list")
    text = "x" * (5_000 - 20)
    (ref,) = client.post("topic:list", text)
    assert client.receive() == [17, "topic:list", 1, [ref], False]


def test_a_message_above_the_limit_closes_1009(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(message=5_000))
    client = transport(port)
    client.post("topic:list", "x" * 5_000)
    *_, closed = client.receive_all()
    assert closed.code == 1009
    client.cut()
    eventually(lambda: not server.gateway.connections)


def test_a_snapshot_above_the_bound_of_the_outbox_still_arrives(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=100_000))
    topic = topic_of(server, "list")
    for _ in range(10):
        topic.dispatch("x" * 60_000)
    client = transport(port)
    snapshot, _ = client.subscribe("topic:list")
    assert len(str(snapshot[4])) > 600_000


def test_a_client_that_answers_its_heartbeats_stays(serve: Serve, transport: Connect) -> None:
    _, port = serve(limits=Limits(heartbeat=0.1))
    client = transport(port)
    for _ in range(5):
        kind, n = client.receive_until(lambda frame: frame[0] == 7)[-1]
        client.send([25, n])
    assert kind == 7


def test_a_client_that_misses_two_heartbeats_is_closed_4508(serve: Serve) -> None:
    # Each poll is a sign of life, so it is asked of what holds a request open.
    for transport in (RawClient, EventsClient):
        server, port = serve(limits=Limits(heartbeat=0.1))
        client = transport(port)
        *beats, closed = client.receive_all()
        assert [beat[0] for beat in beats] == [7, 7]
        assert closed.code == 4508
        client.cut()
        eventually(lambda server=server: not server.gateway.connections)  # type: ignore[misc]


def test_without_hello_it_is_closed_4400(serve: Serve, transport: Connect) -> None:
    _, port = serve(limits=Limits(hello=0.1))
    client = transport(port, greet=False)
    client.send([7, 1])
    rejected, closed = client.receive_all()
    assert rejected[:4] == [18, 0, None, "malformed"]
    assert closed.code == 4400


def test_another_version_is_refused_and_closed(connect: Connect) -> None:
    client = connect(greet=False)
    client.send([1, 2, None, None, {}, {}])
    rejected, closed = client.receive_all()
    assert rejected[3] == "version"
    assert closed.code == 4406


@pytest.mark.parametrize("data", [b"", b"\xff\xff", b"\x80", b"\x82\x07", b"\xa0", b"[", b'[\x00"\x00'])
def test_bytes_that_are_no_frame_are_rejected_and_it_lives(connect: Connect, data: bytes) -> None:
    client = connect()
    client.send(data)
    assert client.receive()[:4] == [18, 0, None, "malformed"]
    assert client.barrier() == []


def test_four_bad_frames_in_a_row_close_4400_and_what_comes_behind_is_for_nobody(
    server: Server, connect: Connect
) -> None:
    client = connect()
    client.subscribe("topic:counter")
    client.send(b"", b"", b"", b"", [4, 9, "topic:counter", 5])
    *rejected, closed = client.receive_all()
    assert [frame[3] for frame in rejected] == ["malformed"] * 4
    assert closed.code == 4400
    assert topic_of(server, "counter").model == 0


def test_a_frame_that_only_servers_send_is_rejected(connect: Connect) -> None:
    client = connect()
    client.send([17, "topic:counter", 1, [1], True])
    assert client.receive()[:4] == [18, 0, None, "wrong_direction"]


def test_a_foreign_origin_is_refused(server: Server, connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        connect(headers=("Origin: https://evil.example",))
    assert refused.value.status == 403
    assert not server.gateway.connections


def test_an_allowed_origin_passes(serve: Serve, transport: Connect) -> None:
    _, port = serve(origins=Origins.allow(["https://chat.example"]))
    assert transport(port, headers=("Origin: https://chat.example",)).welcome[0] == 16


def test_a_client_that_does_not_read_is_closed_4513_and_hurts_nobody(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=200_000, close=30.0, linger=30.0))
    topic = server.topic("flood")
    sleeper = transport(port, receive_buffer=4_096)
    reader = RawClient(port)
    for client in (sleeper, reader):
        client.subscribe("topic:flood")
    (slow,) = [each for each in server.gateway.connections if each.session.client_id == sleeper.client_id]
    count = 0
    while not slow._socket.closed:
        topic.broadcast(f"{count}" + "x" * FLOOD)
        assert reader.receive()[2].startswith(f"{count}x")
        assert slow._socket.outbox.pending <= 200_000 + FLOOD + 100
        count += 1
    assert slow._socket.close_code == 4513
    *frames, closed = sleeper.receive_all()
    assert closed == Closed(4513, "too slow")
    assert [frame[2].partition("x")[0] for frame in frames] == [str(n) for n in range(len(frames))]
    assert len(frames) < count


def follow_much(server: Server, topics: int, size: int) -> list[str]:
    """Make ``topics`` with models of ``size`` bytes, and return their targets."""
    for at in range(topics):
        server.topic(f"large-{at}").with_store(Store({"text": "x" * size, "n": 0}, with_n))
    return [f"topic:large-{at}" for at in range(topics)]


def with_n(model: dict[str, Any], message: int) -> dict[str, Any]:
    return {**model, "n": model["n"] + message}


def take_all(client: RawClient, targets: list[str]) -> dict[str, Any]:
    """Read until there was a Snapshot of each of ``targets``; nothing may close the connection before."""
    states: dict[str, Any] = {}
    while states.keys() != set(targets):
        frame = client.receive()
        assert not isinstance(frame, Closed | None), f"{frame} after {len(states)} Snapshots"
        if frame[0] == 21:
            states[frame[1]] = frame[4]
    return states


def test_who_follows_more_than_its_outbox_holds_becomes_current(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=50_000))
    targets = follow_much(server, 12, 500_000)  # more than the kernel takes, too
    one = transport(port, receive_buffer=4_096)
    one.send(*([2, ref, target, None, None] for ref, target in enumerate(targets, 1)))
    assert all(len(state["text"]) == 500_000 for state in take_all(one, targets).values())
    one.cut()

    other = transport(port, receive_buffer=4_096, greet=False)
    other.send([1, 1, one.welcome[2], one.welcome[3], {}, {}], [4, 20, targets[-1], 5], [7, 1])
    assert other.receive()[4] is True
    take_all(other, targets)
    topic_of(server, "large-3").dispatch(2)
    answered, heard = False, False
    while not (answered and heard):
        frame = other.receive()
        answered |= frame[0] == 17 and 20 in frame[3]
        heard |= frame == [19, "topic:large-3", 1, 2]
        assert not isinstance(frame, Closed | None)


def test_what_was_missed_is_paid_as_the_line_drains(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=20_000))
    targets = follow_much(server, 6, 100_000)
    one = transport(port)
    one.send(*([2, ref, target, None, None] for ref, target in enumerate(targets, 1)))
    take_all(one, targets)
    one.cut()
    for at in range(6):
        for n in range(1, 2_001):
            topic_of(server, f"large-{at}").dispatch(n)

    other = transport(port, receive_buffer=4_096, greet=False)
    epochs = {target: server.directory.topics[target[6:]].target.order.epoch for target in targets}
    other.send([1, 1, one.welcome[2], one.welcome[3], {target: [epochs[target], 1_500] for target in targets}, {}])
    seen = dict.fromkeys(targets, 1_500)
    while set(seen.values()) != {2_000}:
        frame = other.receive()
        assert not isinstance(frame, Closed | None)
        if frame[0] == 19:
            assert frame[2] == seen[frame[1]] + 1
            seen[frame[1]] = frame[2]


def test_an_answer_finds_room_behind_a_snapshot_above_the_bound(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=50_000))
    (target,) = follow_much(server, 1, 4_000_000)
    client = transport(port, receive_buffer=4_096)
    client.send([2, 1, target, None, None])
    client.send([4, 2, target, 1], [7, 9])
    frames = [client.receive() for _ in range(4)]
    assert frames[0][0] == 21
    assert sorted(frame[0] for frame in frames[1:]) == [17, 17, 25]


def test_what_waits_too_long_closes_4513(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=50_000_000, outbox_age=0.1, heartbeat=5.0, hello=0.2, close=0.2))
    topic = server.topic("flood")
    sleeper = transport(port, receive_buffer=4_096)
    sleeper.subscribe("topic:flood")
    (slow,) = server.gateway.connections
    eventually(lambda: slow._socket.closed or topic.broadcast("x" * 10_000))
    assert slow._socket.close_code == 4513
    sleeper.cut()
    eventually(lambda: not server.gateway.connections)


def test_a_client_that_never_reads_is_forgotten_when_its_time_is_over(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=100_000, close=0.2))
    topic = server.topic("flood")
    sleeper = transport(port, receive_buffer=4_096)
    sleeper.subscribe("topic:flood")
    eventually(lambda: not server.gateway.connections or topic.broadcast("x" * FLOOD))


def test_a_client_that_says_it_goes_is_gone_at_once(server: Server, connect: Connect) -> None:
    left: list[str] = []
    server.on_disconnect(left.append)
    client = connect()
    client.subscribe("topic:counter")
    (connection,) = server.gateway.connections
    client.close()
    eventually(lambda: left == [client.client_id])
    assert connection._socket.close_code == 1000
    assert not server.gateway.connections


def test_a_client_that_vanishes_is_lost_with_1006(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(linger=0.1, heartbeat=0.2))
    client = transport(port)
    client.subscribe("topic:counter")
    (connection,) = server.gateway.connections
    client.cut()
    eventually(lambda: not server.gateway.connections)
    assert connection._socket.close_code in (1006, 4508)


def test_at_the_end_everybody_hears_the_final_acknowledge_bye_and_1001(server: Server, connect: Connect) -> None:
    client, idle = connect(), connect()
    client.subscribe("topic:counter")
    heard = [gevent.spawn(each.receive_all) for each in (client, idle)]
    gevent.sleep(0)
    server.stop()
    assert heard[0].get(timeout=10) == [
        [17, "topic:counter", 0, [], True],
        [26, "the server stops", 1.0],
        Closed(1001, "the server stops"),
    ]
    assert heard[1].get(timeout=10) == [[26, "the server stops", 1.0], Closed(1001, "the server stops")]


@pytest.mark.parametrize("over_http", [PollClient, EventsClient])
def test_who_comes_with_a_new_connection_during_the_stop_hears_the_end(serve: Serve, over_http: Connect) -> None:
    server, port = serve()
    client = over_http(port)
    client.subscribe("topic:counter")
    client.close_sockets()  # kept alive by nothing: each request opens a connection
    stopping = gevent.spawn(server.stop)
    eventually(lambda: server.gateway.has_stopped)
    with pytest.raises(Refused) as refused:
        PollClient(port)
    assert refused.value.status == 503
    client.answer = None
    before = client.batch
    heard = client.receive_all()
    assert heard == [
        [17, "topic:counter", 0, [], True],
        [26, "the server stops", 1.0],
        Closed(1001, "the server stops"),
    ]
    client.close_sockets()  # as if the answer had been lost
    client.batch, client.is_over, client.answer = before, False, None
    assert client.receive_all() == heard
    stopping.get(timeout=5.0)
    with pytest.raises(OSError, match="refused"):
        PollClient(port)
    client.close_sockets()


def test_nobody_new_comes_in_while_the_socket_is_open_for_those_who_are_here(serve: Serve) -> None:
    server, port = serve()
    client = PollClient(port)
    stopping = gevent.spawn(server.stop)
    eventually(lambda: server.gateway.is_closing)
    late = RawClient(port, greet=False)
    assert late.receive_all() == [Closed(4500, "the server stops")]
    late.cut()
    client.receive_all()
    client.cut()
    stopping.get(timeout=5.0)


def test_a_stop_under_load_answers_everybody_without_a_gap(server: Server, connect: Connect) -> None:
    client = connect()
    client.subscribe("topic:counter")
    topic = topic_of(server, "counter")
    reader = gevent.spawn(client.receive_all)
    for _ in range(200):
        topic.dispatch(1)
    gevent.sleep(0)
    server.stop()
    *frames, bye, closed = reader.get(timeout=10)
    assert closed == Closed(1001, "the server stops")
    assert bye[0] == 26
    assert [frame[2] for frame in frames[:-1]] == list(range(1, len(frames)))
    assert frames[-1] == [17, "topic:counter", len(frames) - 1, [], True]


def test_what_waits_at_the_end_does_not_hold_the_stop(server: Server, connect: Connect) -> None:
    client: Any = connect()
    client.subscribe("topic:counter")
    server.stop()
    assert not server.gateway.connections


def test_a_slow_subscriber_of_a_store_gets_a_snapshot_when_it_reads_again(serve: Serve, transport: Connect) -> None:
    server, port = serve(limits=Limits(outbox=200_000))
    topic = server.topic("last").with_store(Store("", lambda model, message: message))
    slow = transport(port, receive_buffer=4_096)
    slow.subscribe("topic:last")
    for n in range(400):
        topic.dispatch(f"{n}" + "x" * FLOOD)
        if n % 10 == 0:
            gevent.sleep(0)
    frames = slow.receive_until(lambda frame: frame[0] == 21)
    assert frames[-1][5] == "slow"
    seq = frames[-1][3]
    while seq < 400:
        kind, _, *rest = slow.receive()
        seq = rest[0] if kind == 19 else rest[1]
    assert topic.seq == 400

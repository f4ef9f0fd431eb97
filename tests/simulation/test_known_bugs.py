"""Bugs that others had where our promises are, each as a small run: here they must not be."""

from __future__ import annotations

import tracemalloc

import pytest

from nuphar import RemoteProtocolError
from nuphar.transport import encode
from nuphar.transport import frames as f
from nuphar.transport.wire.sequences import split_cbor, split_json
from nuphar.transport.wire.strict import dump_cbor, load_cbor
from nuphar.transport.wire.websocket_frames import BINARY, PONG, encode_frame

from . import actions
from .client import MASK
from .scene import T, scene
from .site import PLAIN


def test_b01_a_line_that_is_lost_before_the_first_message_is_recovered() -> None:
    """Socket.IO 4888 and 5538: no recovery if nothing had been received yet."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        before = a.core.client_id
        stage.cut(a)
        stage.post(b)
        stage.rest()
        assert (a.core.client_id, a.core.replicas[T].seq) == (before, 1)
        assert stage.seen["only what was missed"] == 1


def test_b02_whoever_missed_nothing_is_resumed_however_long_nothing_came() -> None:
    """Socket.IO 5282: idle for longer than messages are kept, and recovery fails though nothing was missed."""
    with scene(options={"history": 1}) as stage:
        a = stage.client()
        for _ in range(5):
            stage.post(a)
        stage.rest(10_000.0)
        stage.cut(a)
        stage.rest()
        assert stage.seen["resumed"] == 1
        assert [frame.reason for frame in a.heard(f.Snapshot)] == ["subscribed"]


def test_b03_what_is_outside_the_order_moves_no_cursor() -> None:
    """Socket.IO 5539: a volatile packet spoils the stored offset."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        stage.post(b)
        stage.rest()
        cursor = a.core.replicas[T].cursor
        topic = stage.world.site.topic("board")
        assert topic is not None
        for _ in range(3):
            actions.broadcast_on(stage.world, topic)
        stage.rest()
        assert len(a.heard(f.Push)) == 3
        assert a.core.replicas[T].cursor == cursor
        stage.cut(a)
        stage.post(b)
        stage.rest()
        assert [frame.seq for frame in a.heard(f.ServerMessage)] == [1, 2]


def test_b04_what_was_replayed_once_is_not_replayed_again() -> None:
    """Socket.IO 5419, redis-streams-adapter 39: the same messages at every reconnect."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        stage.cut(a)
        for _ in range(3):
            stage.post(b)
        for _ in range(3):
            stage.rest()
            stage.cut(a)
        stage.rest()
        assert stage.seen["resumed"] == 4
        assert [frame.seq for frame in a.heard(f.ServerMessage)] == [1, 2, 3]


def test_b05_a_session_is_resumed_a_hundred_times() -> None:
    """Socket.IO 4880: recovery works once."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        before = a.core.client_id
        for _ in range(100):
            stage.cut(a)
            stage.post(b)
            stage.rest()
        assert stage.seen["resumed"] == 100
        assert a.core.client_id == before
        assert [frame.seq for frame in a.heard(f.ServerMessage)] == list(range(1, 101))


def test_b06_a_connection_that_is_dead_and_not_known_to_be_is_fenced() -> None:
    """Socket.IO 4968: the old socket is still there when the new one resumes."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        (older,) = [each for each in stage.world.connections.values() if each.session.client_id == a.core.client_id]
        stage.cut(a, server_hears=60.0)
        stage.rest()
        assert stage.seen["resumed"] == 1
        assert older.session.closed
        stage.post(b)  # a run fails if a connection that was replaced is written to
        stage.rest()
        members = stage.world.site.server.directory.topics["board"].target.members
        assert sorted(each.client_id for each in members) == sorted([a.core.client_id, b.core.client_id])
        assert older.session not in members


def test_b07_what_a_client_sent_into_a_dead_line_is_applied_once() -> None:
    """Socket.IO 5363: packets to the server are not sent again."""
    with scene() as stage:
        a = stage.client()
        posted = []
        for _ in range(60):  # some prefix of what was on its way arrives, in either direction
            posted += [stage.post(a) for _ in range(3)]
            stage.rest(0.01 * stage.world.chance())
            stage.cut(a)
            stage.rest()
        assert a.open_messages == {}
        assert stage.world.oracle.references[stage.order().epoch].messages == posted
        assert stage.seen["a repeat that was answered"]


@pytest.mark.parametrize("milliseconds", range(0, 60, 3))
def test_b08_data_around_the_handshake_may_come_at_any_time(milliseconds: int) -> None:
    """SignalR 50409: frames are dropped if they race with the message that says where a resumed stream goes on."""
    with scene() as stage:
        a, b = stage.client(), stage.client()
        stage.world.backoff = 0.0
        stage.cut(a)
        for _ in range(3):
            stage.post(a)
            stage.post(b)
            stage.rest(milliseconds / 1_000)
        stage.rest()
        assert a.core.replicas[T].seq == b.core.replicas[T].seq == 6
        assert a.open_messages == b.open_messages == {}


def test_b09_a_message_has_one_seq_and_one_form_whichever_way_it_comes() -> None:
    """SignalR 55575 and 60900: messages by way of the backplane are counted differently from local ones."""
    with scene() as stage:
        live, late, author = stage.client(), stage.client(), stage.client()
        stage.cut(late)
        for _ in range(3):
            stage.post(author)
            actions.server_dispatch_on(stage.world, stage.world.site.topic("board"))
        stage.rest()
        for seq in range(1, 7):
            [frame] = live.bytes_of(seq)
            assert late.bytes_of(seq) == [frame]


def test_b10_an_order_that_was_lost_is_another_epoch() -> None:
    """Centrifugo's position checks, and any failover that loses writes: a seq is used again, and nobody notices."""
    with scene() as stage:
        a = stage.client()
        for _ in range(4):
            stage.post(a)
        stage.rest()
        before = a.core.replicas[T].cursor
        actions.stop_server(stage.world)
        stage.rest(20.0)
        assert a.core.is_settled()
        assert a.core.replicas[T].cursor == (stage.order().epoch, 0)
        assert before is not None
        assert stage.order().epoch != before[0]
        assert a.heard(f.Snapshot)[-1].epoch == stage.order().epoch


def test_b11_who_is_restarted_is_what_he_was() -> None:
    """Elixir 7369: a restarted child has lost the arguments that its start was given before."""
    with scene() as stage:
        a = stage.client("topic:room:a")
        topic = stage.world.site.topic("room:a")
        assert topic is not None
        for _ in range(3):
            (actor,) = [ref for ref in stage.world.site.living() if ref.name == "topic:room:a"]
            actor.kill()
            stage.rest()
        (again,) = [ref for ref in stage.world.site.living() if ref.name == "topic:room:a"]
        assert again is not actor
        assert again.actor_inbox is topic.mailbox
        seq = topic.target.seq
        stage.post(a, "topic:room:a")
        stage.rest()
        assert topic.target.seq == seq + 1
        stranger = stage.client()
        stage.world.forbidden[stranger.core.client_id, "room:a"] = None  # its hooks are still the kind's
        stranger.subscribe("topic:room:a", None)
        stage.rest()
        assert stage.seen["denied: denied"] == 1
        stranger.unsubscribe("topic:room:a")


def test_b12_large_values_are_whole_and_values_share_nothing() -> None:
    """cbor2 6.0 spoiled payloads over 4,096 bytes; CVE-2025-68131: a decoder that is used again leaks shared values."""
    for size in (*range(0, 70_000, 511), 4_095, 4_096, 4_097, 65_535, 65_536):
        for value in ("x" * size, b"y" * size, [size] * (size // 8)):
            assert load_cbor(dump_cbor(value)) == value
    for hostile in (bytes.fromhex("d81c81187b"), bytes.fromhex("d81d00")):  # tags 28 and 29: share, and refer
        with pytest.raises(RemoteProtocolError):
            load_cbor(hostile)
        assert load_cbor(bytes.fromhex("81187b")) == [123]


def test_b13_pongs_that_nobody_asked_for_start_nothing() -> None:
    """engine.io GHSA-cgwc-pv48-fhj5: a thread for each pong."""
    with scene() as stage:
        a = stage.client()
        hub = stage.world.hub
        before = len(hub._later), len(stage.world.site.living())
        pongs = encode_frame(PONG, b"", MASK) + encode_frame(BINARY, encode(f.Pong(99), PLAIN), MASK)
        for _ in range(100):
            assert a.line is not None
            a.line.send_up(pongs * 100)
            stage.rest(0.05)
            assert len(hub._later) <= before[0] + 4
        assert len(stage.world.site.living()) == before[1]
        assert stage.seen["resumed"] == 0


@pytest.mark.parametrize(("split", "body"), [(split_json, b"\n" * 8_000_000), (split_cbor, b"\x40" * 8_000_000)])
def test_b14_a_batch_is_counted_before_it_is_cut(split, body) -> None:  # type: ignore[no-untyped-def]
    """Phoenix CVE-2026-32689: eight megabytes of newlines in one long-poll batch."""
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError):
            split(body, 65_536)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()

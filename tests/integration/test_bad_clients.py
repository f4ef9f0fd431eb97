"""Clients that are broken, hostile or asleep: each gets its answer, and nobody else notices."""

from __future__ import annotations

import base64
import gc
import logging
import os
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import cbor2
import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support.http import EventsClient, PollClient
from support.raw import BINARY, CLOSE, TEXT, Closed, RawClient, Refused, request, websocket_frame
from support.serving import eventually, listen

from nuphar import Limits, Live, Origins, Server, Store
from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.wire.codec import read
from nuphar.transport.wire.strict import load_cbor

Connect = Callable[..., RawClient]


def add(model: Any, message: Any) -> Any:
    return model + message


def tell(model: dict[str, int], message: Any) -> dict[str, int]:
    """Change the model in place, and raise half-way through some messages."""
    model["half"] = model.get("half", 0) + 1
    if message == "crash":
        raise RuntimeError("the secret of the server")
    model["whole"] = model.get("whole", 0) + 1
    return model


@pytest.fixture
def port(server: Server) -> int:
    server.topic("counter").with_store(Store(0, add))
    return listen(server)


@pytest.fixture
def raw(port: int, request: pytest.FixtureRequest) -> Connect:
    """A function that connects a raw client, which is closed at the end."""

    def connect(**options: Any) -> RawClient:
        client = RawClient(port, **options)
        request.addfinalizer(client.sock.close)
        return client

    return connect


# Frames that cannot be understood.

BOMB = b"\x81" * 1_000 + b"\x00"
NOT_FRAMES: dict[str, bytes] = {
    "no CBOR": b"\xff\xff",
    "nothing": b"",
    "half an item": cbor2.dumps([7, 1])[:-1],
    "a number": b"\x07",
    "a map": b"\xa0",
    "an empty array": b"\x80",
    "too few fields": cbor2.dumps([2, 1]),
    "a field of the wrong type": cbor2.dumps([7, "one"]),
    "a boolean as a number": cbor2.dumps([7, True]),
    "bytes left over": cbor2.dumps([7, 1]) + b"\x00",
    "a ref too large": cbor2.dumps([3, 2**53, "topic:counter"]),
    "depth": b"\x84\x06\x01\x61a" + BOMB,
    "a payload that is a depth bomb": b"\x84\x04\x01\x6dtopic:counter" + BOMB,
    "a tag": b"\x84\x06\x01\x61a\xc1\x00",
    "a tag bomb": b"\x84\x06\x01\x61a" + b"\xc1" * 1_000 + b"\x00",
    "shared references": b"\x84\x06\x01\x61a\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00",
    "a bignum": b"\x84\x06\x01\x61a\xc2\x59\xff\x00" + b"\xff" * 0xFF00,
    "an indefinite array": b"\x9f\x07\x01\xff",
    "an indefinite text": b"\x84\x06\x01\x7f\x61a\x61b\xff\x00",
    "a huge array declared": b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a huge text declared": b"\x82\x07\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "duplicate keys": b"\x84\x06\x01\x61a\xa2\x61k\x01\x61k\x02",
    "NaN as a key": b"\x84\x06\x01\x61a\xa1\xf9\x7e\x00\x01",
    "many NaNs as keys": b"\x84\x06\x01\x61a\xb9\x40\x00" + b"\xf9\x7e\x00\x01" * 0x3000,
    "an array as a key": b"\x84\x06\x01\x61a\xa1\x80\x01",
    "infinity": b"\x84\x06\x01\x61a\xf9\x7c\x00",
    "undefined": b"\x84\x06\x01\x61a\xf7",
    "a simple value": b"\x84\x06\x01\x61a\xf8\xff",
    "text that is not UTF-8": b"\x84\x06\x01\x61\xff\x00",
}


@pytest.mark.parametrize("data", NOT_FRAMES.values(), ids=NOT_FRAMES)
def test_bytes_that_are_no_frame_are_answered_malformed_and_the_connection_lives(raw: Connect, data: bytes) -> None:
    client = raw()
    client.send(data)
    kind, _, _, code, text, details, *_ = client.receive()
    assert (kind, code, details) == (18, "malformed", None)
    assert text
    assert client.barrier() == []


@pytest.mark.parametrize("data", NOT_FRAMES.values(), ids=NOT_FRAMES)
def test_bytes_that_are_no_frame_take_under_a_millisecond_to_refuse(data: bytes) -> None:
    def once() -> float:
        start = time.perf_counter()
        with pytest.raises(RemoteProtocolError):
            read(data)
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < 0.005  # five times what is wanted, for a busy machine


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ([16, "id", "s", "t", False, {}, 20, ""], "wrong_direction"),
        ([17, "topic:counter", 1, [1], True], "wrong_direction"),
        ([19, "topic:counter", 1, 5], "wrong_direction"),
        ([21, "topic:counter", "e", 1, 5, "behind"], "wrong_direction"),
        ([26, "bye", 1], "wrong_direction"),
        ([0], "unknown_type"),
        ([8], "unknown_type"),
        ([28, 1, 2, 3], "unknown_type"),
        ([27, "topic:t", "denied", "out", 1], "wrong_direction"),
        ([2**63], "unknown_type"),
        ([-1], "unknown_type"),
    ],
)
def test_a_frame_that_no_client_sends_is_answered_with_its_code(raw: Connect, frame: Any, code: str) -> None:
    client = raw()
    client.send(frame)
    assert client.receive()[:4] == [18, 0, None, code]
    assert client.barrier() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[7,1]x",
        '[7,"one"]',
        "[7,NaN]",
        "[7,1e999]",
        '[6,1,"a",{"k":1,"k":2}]',
        "[" * 5_000,
        '"\ud800"'.encode("utf-8", "replace").decode(),
    ],
)
def test_json_that_is_no_frame_is_answered_malformed(raw: Connect, text: str) -> None:
    client = raw(subprotocol="nuphar.v1.json")
    client.send(text)
    kind, _, _, code, *_ = client.receive()
    assert (kind, code) == (18, "malformed")
    assert client.barrier() == []


@pytest.mark.parametrize("subprotocol", ["nuphar.v1.cbor", "nuphar.v1.json"])
def test_what_is_refused_by_its_value_is_answered_with_its_own_ref_however_often(
    raw: Connect, subprotocol: str
) -> None:
    client = raw(subprotocol=subprotocol)
    deep = "[" * 16 + "]" * 16
    frames = [
        '[4,5,"topic:counter",{"_":"$bytes","0":"!!"}]',
        '[4,5,"topic:counter",18446744073709551616]',
        '[4,5,"topic:counter",1e999]',
        f'[4,5,"topic:counter",{deep}]',
        '[4,5,"counter",1]',
        '[2,5,"counter",null,null]',
    ]
    if not client.is_json:
        frames = [b"\x84\x04\x05\x6dtopic:counter" + b"\x81" * 16 + b"\x01", b"\x83\x03\x05\x67counter"] * 3
    client.send(*frames)
    assert [frame[:2] + frame[3:4] for frame in client.take(6)] == [[18, 5, "malformed"]] * 6
    assert client.barrier() == []


def test_the_fourth_bad_frame_in_a_row_closes_4400(raw: Connect) -> None:
    client = raw()
    client.send(b"\xff", [99], [26, "bye", 1], b"")
    *frames, closed = client.receive_all()
    assert [frame[3] for frame in frames] == ["malformed", "unknown_type", "wrong_direction", "malformed"]
    assert closed.code == 4400
    client.send_raw(websocket_frame(CLOSE, (4400).to_bytes(2, "big")))
    assert client.receive() is None


def test_a_good_frame_in_between_begins_the_count_anew(raw: Connect) -> None:
    client = raw()
    for _ in range(3):
        client.send(b"\xff", b"\xff", b"\xff", [7, 1])
        assert [frame[0] for frame in client.take(4)] == [18, 18, 18, 25]
    client.send(b"\xff", b"\xff", b"\xff", b"\xff")
    assert client.receive_all()[-1].code == 4400


def test_what_follows_the_fourth_bad_frame_in_the_same_read_is_for_nobody(server: Server, raw: Connect) -> None:
    client = raw()
    client.subscribe("topic:counter")
    client.send(b"\xff", b"\xff", b"\xff", b"\xff", [4, 9, "topic:counter", 1_000])
    assert client.receive_all()[-1].code == 4400
    assert server.directory.topics["counter"].target.seq == 0


def test_a_payload_at_the_depth_limit_is_carried_whole_or_refused_but_never_breaks_its_readers(
    raw: Connect, server: Server
) -> None:
    server.topic("any").with_store(Store(None, lambda model, message: None))
    author, reader = raw(), raw()
    author.subscribe("topic:any")
    reader.subscribe("topic:any")
    payload: Any = 1
    for _ in range(16):
        payload = [payload]
    author.post("topic:any", payload)
    if author.receive()[0] == 17:
        load_cbor(cbor2.dumps(reader.receive()))  # as strictly as our own clients read
    else:
        assert reader.barrier() == []


# Sizes.


@pytest.mark.parametrize("declared", [65_537, 2**31, 2**62])
def test_a_header_that_declares_too_much_closes_1009_before_anything_else_is_read(raw: Connect, declared: int) -> None:
    client = raw()
    client.send_raw(websocket_frame(BINARY, b"", declared=declared))
    assert client.receive_all()[-1].code == 1009


def test_a_message_of_exactly_the_limit_is_taken(raw: Connect) -> None:
    client = raw()
    data = cbor2.dumps([6, 1, "a" * 65_000, b""])
    data = cbor2.dumps([6, 1, "a" * 65_000, b"x" * (65_536 - len(data) - 2)])
    assert len(data) == 65_536
    client.send(data)
    assert client.receive()[:3] == [23, 1, "not_found"]
    client.send(data + b"x")
    assert client.receive_all()[-1].code == 1009


def test_a_thousand_headers_that_declare_too_much_grow_nothing(port: int) -> None:
    def attack(count: int) -> None:
        for _ in range(count):
            client = RawClient(port, greet=False)
            client.send_raw(websocket_frame(BINARY, b"x" * 100, declared=2**40))
            assert client.receive_all()[-1].code == 1009
            client.cut()

    attack(20)
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        attack(1_000)
        eventually(lambda: gevent.get_hub().loop.activecnt < 1_000)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000
    assert peak - before < 4_000_000


def test_fragments_that_add_up_to_too_much_close_1009(raw: Connect) -> None:
    client = raw()
    piece = b"x" * 40_000
    first = bytearray(websocket_frame(BINARY, piece))
    first[0] &= 0x7F
    client.send_raw(bytes(first))
    client.send_raw(websocket_frame(0, piece)[:14])
    assert client.receive_all()[-1].code == 1009


# Targets.


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("topic:unknown", "not_found"),
        ("topic:secret", "denied"),
        ("page:any", "not_found"),
        ("tree", "not_found"),
        ("counter", "malformed"),
        ("topic:", "malformed"),
        ("topic:" + "x" * 256, "malformed"),
        ("topic:a\x00b", "malformed"),
        ("topic:e\u0301", "malformed"),
        ("", "malformed"),
    ],
)
def test_a_subscribe_to_what_is_not_there_or_not_allowed_is_answered_with_its_code(
    server: Server, raw: Connect, target: str, code: str
) -> None:
    server.topic("secret").can_subscribe(lambda *_: False)
    client = raw()
    frames = client.subscribe(target) if code != "malformed" else []
    if code == "malformed":
        client.send([2, 1, target, None, None])
        frames = [client.receive()]
    assert [(frame[0], frame[3]) for frame in frames] == [(18, code)]
    assert client.barrier() == []


@pytest.mark.parametrize("target", ["topic:counter", "topic:unknown", "page:any", "tree"])
def test_a_message_to_what_is_not_subscribed_is_answered_not_subscribed(
    server: Server, raw: Connect, target: str
) -> None:
    client = raw()
    client.send([4, 7, target, 1])
    assert client.receive()[:4] == [18, 7, target, "not_subscribed"]
    client.send([3, 8, target])
    assert client.receive() == [17, target, 0, [8], False]
    assert server.directory.topics["counter"].target.seq == 0


# Stores that raise.


def test_an_update_that_raises_is_answered_crashed_and_changes_nothing(
    server: Server, raw: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    author, reader = raw(), raw()
    author.subscribe("topic:counter")
    reader.subscribe("topic:counter")
    author.post("topic:counter", 1, "one", 2)
    frames = author.take(3)
    assert [frame[0] for frame in frames] == [17, 18, 17]
    _, ref, target, code, text, details = frames[1]
    assert (ref, target, code) == (3, "topic:counter", "crashed")
    assert details["trace_id"] in text
    record = next(record for record in caplog.records if details["trace_id"] in record.getMessage())
    assert record.levelno == logging.ERROR
    assert "unsupported operand" in caplog.text
    assert "unsupported" not in text
    assert frames[2][2] == 2
    assert reader.take(2) == [[19, "topic:counter", 1, 1], [19, "topic:counter", 2, 2]]
    assert reader.barrier() == []


def test_an_update_that_raises_half_way_through_a_change_in_place_leaves_nothing_of_it(
    server: Server, raw: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.directory.is_debug = False
    topic = server.topic("dict").with_store(Store({}, tell))
    author, reader = raw(), raw()
    author.subscribe("topic:dict")
    reader.subscribe("topic:dict")
    for _ in range(3):
        author.post("topic:dict", "a", "crash", "crash", "b")
    author.barrier()
    assert topic.snapshot == ({"half": 6, "whole": 6}, 6)
    assert [frame[2] for frame in reader.take(6)] == [1, 2, 3, 4, 5, 6]
    assert raw().subscribe("topic:dict")[0][4] == {"half": 6, "whole": 6}
    assert "secret" not in str(list(author.got))


# The opening handshake.


def test_a_foreign_origin_is_refused_before_the_upgrade_and_the_log_says_why(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refused) as refused:
        RawClient(port, headers=("Origin: https://evil.example",))
    assert refused.value.status == 403
    assert "evil" not in refused.value.body
    assert "https://evil.example" in caplog.text
    assert f"allowed: the same origin, host '127.0.0.1:{port}'" in caplog.text
    with RawClient(port, headers=(f"Origin: http://127.0.0.1:{port}",)) as client:
        assert client.client_id


def test_a_list_of_origins_lets_in_programs_that_name_none_over_each_transport(
    make_server: Callable[..., Server],
) -> None:
    port = listen(make_server(origins=Origins.allow(["https://chat.example"])))
    for kind in (RawClient, PollClient, EventsClient):
        with kind(port) as native, kind(port, headers=("Origin: https://chat.example",)) as page:
            assert native.client_id != page.client_id
        with pytest.raises(Refused) as refused:
            kind(port, headers=("Origin: https://evil.example",))
        assert refused.value.status == 403


def test_an_unknown_subprotocol_is_answered_400_with_the_list_of_ours(port: int) -> None:
    for subprotocol in ("graphql-ws", "nuphar.v2.cbor", None):
        with pytest.raises(Refused) as refused:
            RawClient(port, subprotocol=subprotocol)
        assert refused.value.status == 400
        assert "nuphar.v1.cbor" in refused.value.body
        assert "nuphar.v1.json" in refused.value.body


def test_a_plain_get_of_the_live_path_is_answered_426(port: int) -> None:
    status, headers, _ = request(port, "/live")
    assert status == 426
    assert headers["upgrade"] == "websocket"


def test_an_application_under_another_handler_is_answered_501_with_what_to_do(server: Server) -> None:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server), log=None)
    wsgi.init_socket()
    server.listen(wsgi)
    status, _, body = request(wsgi.server_port, "/live")
    assert status == 501
    assert b"nuphar.serve()" in body


def test_the_browser_client_is_served_with_an_entity_tag(port: int) -> None:
    status, headers, body = request(port, "/live/nuphar.js")
    assert status == 200
    assert headers["content-type"].startswith("text/javascript")
    assert int(headers["content-length"]) == len(body) > 1_000
    status, again, empty = request(port, "/live/nuphar.js", headers=(f"If-None-Match: {headers['etag']}",))
    assert (status, again["etag"], empty) == (304, headers["etag"], b"")
    assert request(port, "/live/nuphar.js", headers=('If-None-Match: "another"',))[0] == 200
    assert request(port, "/live/nuphar.js", "POST")[0] == 405
    assert request(port, "/live/nuphar.js", "HEAD")[::2] == (200, b"")
    for path in ("/live/../server.py", "/live/nuphar.py", "/live/", "/"):
        assert request(port, path)[0] == 404


def test_frames_without_a_mask_close_1002(raw: Connect) -> None:
    client = raw()
    client.send_raw(websocket_frame(BINARY, cbor2.dumps([7, 1]), masked=False))
    assert client.receive_all()[-1].code == 1002


def test_text_that_is_not_utf_8_closes_1007(raw: Connect) -> None:
    client = raw(subprotocol="nuphar.v1.json")
    client.send_raw(websocket_frame(TEXT, b"\xff\xff"))
    assert client.receive_all()[-1].code == 1007


def test_a_client_that_closes_gets_its_close_frame_back(raw: Connect) -> None:
    client = raw()
    client.send_raw(websocket_frame(CLOSE, (1000).to_bytes(2, "big")))
    assert client.receive_all() == [Closed(1000, "")]
    assert client.receive() is None


# Hello.


def test_another_version_is_answered_and_closed(raw: Connect) -> None:
    client = raw(greet=False)
    client.send([1, 2, None, None, {}, {}])
    assert client.receive()[:4] == [18, 0, None, "version"]
    assert client.receive().code == 4406


def test_a_second_hello_is_malformed(raw: Connect) -> None:
    client = raw()
    client.send([1, 1, None, None, {}, {}])
    assert client.receive()[:4] == [18, 0, None, "malformed"]
    assert client.barrier() == []


def test_before_hello_everything_else_is_malformed_and_the_fourth_closes(server: Server, raw: Connect) -> None:
    client = raw(greet=False)
    client.send([7, 1], [2, 1, "topic:counter", None, None], [4, 2, "topic:counter", 1], b"\xff", [7, 2])
    *frames, closed = client.receive_all()
    assert [frame[3] for frame in frames] == ["malformed"] * 4
    assert closed.code == 4400
    assert len(server.sessions) == 0


def test_a_hello_may_come_after_a_bad_frame(raw: Connect) -> None:
    client = raw(greet=False)
    client.send(b"\xff")
    assert client.receive()[3] == "malformed"
    assert client.hello()[0] == 16


def test_no_hello_within_the_deadline_closes_4400(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=Limits(hello=0.1))
    with RawClient(listen(server), greet=False) as client:
        assert client.receive().code == 4400


def test_two_missed_heartbeats_close_4508(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=Limits(heartbeat=0.1), resume_window=0)
    with RawClient(listen(server)) as client:
        *beats, closed = client.receive_all()
        assert [beat[0] for beat in beats] == [7, 7]
        assert closed.code == 4508
    eventually(lambda: len(server.sessions) == 0)


def test_whoever_answers_his_heartbeats_stays(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=Limits(heartbeat=0.05))
    with RawClient(listen(server)) as client:
        for _ in range(6):
            kind, n = client.receive()
            assert kind == 7
            client.send([25, n])
        assert client.barrier() == []


# Those who do not read.


def test_a_client_that_stops_reading_is_closed_4513_and_hurts_nobody(make_server: Callable[..., Server]) -> None:
    bound = 200_000
    server = make_server(limits=Limits(outbox=bound, close=30.0))
    topic = server.topic("firehose")
    port = listen(server)
    sleeper = RawClient(port, receive_buffer=4_096)
    readers = [RawClient(port) for _ in range(3)]
    for client in (sleeper, *readers):
        client.subscribe("topic:firehose")
    (slow,) = [each for each in server.gateway.connections if each.session.client_id == sleeper.client_id]
    pieces = 400
    most = 0
    for n in range(pieces):
        topic.broadcast(str(n) + "x" * 20_000)
        for reader in readers:
            assert reader.receive()[2].startswith(f"{n}x")
        most = max(most, slow._socket.outbox.pending)
    assert slow._socket.closed
    assert slow._socket.close_code == 4513
    assert 0 < most <= bound + 20_100
    # It hears of it when it reads again, after what was on its way.
    *frames, closed = sleeper.receive_all()
    assert closed == Closed(4513, "too slow")
    assert [frame[2].partition("x")[0] for frame in frames] == [str(n) for n in range(len(frames))]
    assert len(frames) < pieces
    for client in (sleeper, *readers):
        client.close()


def test_a_client_that_never_reads_is_cut_off_when_its_time_is_over(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=Limits(outbox=100_000, close=0.2), resume_window=0)
    topic = server.topic("firehose")
    with RawClient(listen(server), receive_buffer=4_096) as sleeper:
        sleeper.subscribe("topic:firehose")
        for _ in range(400):
            topic.broadcast("x" * 20_000)
            gevent.sleep(0)
        eventually(lambda: not server.gateway.connections)
        assert topic.subscribers == []


def test_bytes_that_wait_too_long_close_4513(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=Limits(outbox_age=0.1, close=0.2, heartbeat=0.4))
    topic = server.topic("firehose")
    with RawClient(listen(server), receive_buffer=4_096) as sleeper:
        sleeper.subscribe("topic:firehose")
        (slow,) = server.gateway.connections
        while not slow._socket.outbox.pending:
            topic.broadcast("x" * 60_000)
            gevent.sleep(0)
        eventually(lambda: slow._socket.close_code)
        assert slow._socket.close_code == 4513


def test_a_client_that_is_cut_off_and_may_not_come_back_is_forgotten(make_server: Callable[..., Server]) -> None:
    server = make_server(resume_window=0)
    server.topic("counter").with_store(Store(0, add))
    port = listen(server)
    left: list[str] = []
    server.on_disconnect(left.append)
    client, other = RawClient(port), RawClient(port)
    other.subscribe("topic:counter")
    client.subscribe("topic:counter")
    client.cut()
    eventually(lambda: left)
    assert left == [client.client_id]
    assert server.topic("x") is not None
    eventually(lambda: len(server.directory.topics["counter"].target.subscribers) == 1)


def test_half_a_request_and_garbage_instead_of_http_hurt_nobody(port: int, raw: Connect) -> None:
    witness = raw()
    from gevent import socket as gevent_socket

    for data in (b"", b"GET /live", b"\x00\xff" * 100 + b"\r\n\r\n", b"GET /live HTTP/1.1\r\n" + b"x" * 100):
        sock = gevent_socket.create_connection(("127.0.0.1", port))
        sock.sendall(data)
        sock.close()
    assert witness.barrier() == []


def test_a_key_that_is_no_key_is_answered_400(port: int) -> None:
    for key in ("", base64.b64encode(os.urandom(15)).decode(), "x" * 24):
        headers = (
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: nuphar.v1.cbor",
        )
        status, *_ = request(port, "/live", headers=headers)
        assert status in (400, 426)

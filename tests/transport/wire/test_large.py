from __future__ import annotations

from typing import Any

import cbor2
import gevent
import pytest

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport import encode
from nuphar.transport.serialiser.serialiser import automatic
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import ClientMessage
from nuphar.transport.wire.large import LARGE, check_plain_in_turns, load_cbor_in_turns, load_json_in_turns
from nuphar.transport.wire.plain_data import check_plain
from nuphar.transport.wire.strict import load_cbor

GOOD = [[], {}, [{}], {"a": [1, "x", b"y", 2.5, None, True]}, list(range(2_000)), [[[[]]]] * 700]
BAD = [[float("nan")], {"a": [float("inf")]}, [2**64], {1: 2}, {"a": {b"b": 1}}, [[{"a": 2**70}]], (1,)]


def test_what_is_plain_is_found_so_as_at_once() -> None:
    for value in GOOD:
        assert check_plain_in_turns(value, lambda *_: None) is value


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_is_not_plain_is_refused_as_at_once(value: Any) -> None:
    with pytest.raises(RemoteProtocolError) as at_once:
        check_plain(value)
    with pytest.raises(RemoteProtocolError) as in_turns:
        check_plain_in_turns(value, lambda *_: None)
    assert str(in_turns.value) == str(at_once.value)


@pytest.mark.parametrize("load", [load_cbor_in_turns, load_json_in_turns])
def test_large_data_is_read_with_a_pulse_for_each_container(load: Any) -> None:
    value = [{"a": []}, {"b": [1]}] * 1_000
    data = cbor2.dumps(value) if load is load_cbor_in_turns else str(value).replace("'", '"').encode()
    pulses: list[None] = []
    assert load(data, lambda *_: pulses.append(None)) == value
    assert len(pulses) > 3_000


@pytest.mark.parametrize(
    "data", [b"\x81", b"\x80\x80", b"\x9f\xff", b"\xc0\x60", b"\xa1\x01\x02", b"\x81" * 17 + b"\x01"]
)
def test_what_is_no_strict_item_is_refused_as_at_once(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as at_once:
        load_cbor(data)
    with pytest.raises(RemoteProtocolError) as in_turns:
        load_cbor_in_turns(data, lambda *_: None)
    assert str(in_turns.value) == str(at_once.value)


def test_greenlets_that_read_in_turns_do_not_disturb_each_other_also_when_some_are_killed() -> None:
    """cbor2 calls us while it reads, and others read meanwhile."""

    def read_one(value: Any) -> Any:
        return load_cbor_in_turns(cbor2.dumps(value), lambda *_: gevent.sleep(0))

    values = [[[at] * 3, {"a": at}] * 2_000 for at in range(6)]
    readers = [gevent.spawn(read_one, value) for value in values]
    killed = [gevent.spawn(read_one, value) for value in values]
    gevent.sleep(0)
    gevent.sleep(0)
    gevent.killall(killed, timeout=5)
    assert gevent.joinall(readers, timeout=30) == readers
    assert [reader.value for reader in readers] == values


def test_a_frame_and_a_payload_below_the_limit_are_read_at_once() -> None:
    pulses: list[None] = []
    serialiser = automatic()

    def pulse(weight: int = 1) -> None:
        pulses.append(None)

    for payload, is_large in (([[]] * 100, False), ([[]] * LARGE, True)):
        message = ClientMessage(1, "topic:t", payload)
        for json in (False, True):
            pulses.clear()
            assert read(encode(message, serialiser, json=json), pulse) == message
            assert bool(pulses) is is_large
        pulses.clear()
        assert Codec(serialiser).decode_in_turns(cbor2.dumps(payload), pulse) == payload
        assert bool(pulses) is is_large

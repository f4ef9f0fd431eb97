from __future__ import annotations

import gc
from typing import Any

import cbor2
import pytest

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport import encode
from nuphar.transport.serialiser.serialiser import automatic
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import ClientMessage
from nuphar.transport.wire.large import LARGE, check_plain_in_turns, load_cbor_in_turns, load_json_in_turns
from nuphar.transport.wire.strict import check_plain

GOOD = [[], {}, [{}], {"a": [1, "x", b"y", 2.5, None, True]}, list(range(2_000)), [[[[]]]] * 700]
BAD = [[float("nan")], {"a": [float("inf")]}, [2**64], {1: 2}, {"a": {b"b": 1}}, [[{"a": 2**70}]], (1,)]


def test_what_is_plain_is_found_so_as_at_once() -> None:
    for value in GOOD:
        assert check_plain_in_turns(value, lambda: None) is value


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_is_not_plain_is_refused_as_at_once(value: Any) -> None:
    with pytest.raises(RemoteProtocolError) as at_once:
        check_plain(value)
    with pytest.raises(RemoteProtocolError) as in_turns:
        check_plain_in_turns(value, lambda: None)
    assert str(in_turns.value) == str(at_once.value)


@pytest.mark.parametrize("load", [load_cbor_in_turns, load_json_in_turns])
def test_large_data_is_read_with_a_pulse_for_each_container(load: Any) -> None:
    value = [{"a": []}, {"b": [1]}] * 1_000
    data = cbor2.dumps(value) if load is load_cbor_in_turns else str(value).replace("'", '"').encode()
    pulses: list[None] = []
    assert load(data, lambda: pulses.append(None)) == value
    assert len(pulses) > 3_000


def test_the_collector_is_as_it_was_whatever_comes() -> None:
    with pytest.raises(RemoteProtocolError):
        load_cbor_in_turns(b"\x81", lambda: None)
    assert gc.isenabled()
    gc.disable()
    try:
        load_cbor_in_turns(b"\x80", lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_frame_and_a_payload_below_the_limit_are_read_at_once() -> None:
    pulses: list[None] = []
    serialiser = automatic()

    def pulse() -> None:
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

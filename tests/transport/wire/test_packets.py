"""Packets between two processes: cut apart wherever the bytes are split, and never too much of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import LocalProtocolError, RemoteProtocolError
from nuphar.transport.wire.packets import LONGEST_PACKET, Packet, Packets, dump_body, pack

SCALARS = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text() | st.binary()
PLAIN = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
PACKETS = st.builds(Packet, st.integers(0, 255), st.integers(0, 2**32 - 1), PLAIN)


@given(st.lists(PACKETS, max_size=5), st.integers(1, 50))
def test_what_is_packed_comes_out_again_however_it_is_cut(sent: list[Packet], size: int) -> None:
    data = b"".join(pack(*packet) for packet in sent)
    packets = Packets()
    got = [packet for at in range(0, len(data), size) for packet in packets.receive_data(data[at : at + size])]
    assert got == sent


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_a_protocol_error(data: bytes) -> None:
    try:
        assert isinstance(Packets().receive_data(data), list)
    except RemoteProtocolError:
        return


def test_a_packet_that_announces_too_much_is_refused_before_it_is_there() -> None:
    with pytest.raises(
        RemoteProtocolError, match=f"a packet may have {LONGEST_PACKET} bytes, got {LONGEST_PACKET + 1}"
    ):
        Packets().receive_data((LONGEST_PACKET + 1).to_bytes(4) + bytes(5))


def test_the_longest_body_fits() -> None:
    text = "x" * (LONGEST_PACKET - 5)
    assert Packets().receive_data(pack(1, 0, text)) == [Packet(1, 0, text)]
    with pytest.raises(
        LocalProtocolError, match=f"a message may have {LONGEST_PACKET} bytes, got {LONGEST_PACKET + 1}"
    ):
        dump_body(text + "x")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, float("inf"), 2**70, nested(17), nested(5_000)])
def test_what_the_other_end_could_not_read_is_not_written(value: Any) -> None:
    with pytest.raises(LocalProtocolError):
        dump_body(value)


def test_a_tuple_arrives_as_a_list() -> None:
    assert Packets().receive_data(pack(2, 0, ("add", (1, 2)))) == [Packet(2, 0, ["add", [1, 2]])]

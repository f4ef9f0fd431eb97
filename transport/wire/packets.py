"""Packets: plain data over a byte stream between two processes of ours, written and cut apart. Pure.

A packet is nine bytes, the body's length (32 bits, big-endian), a kind (8 bits) and a number (32 bits), and then the
body: one strict CBOR item (`nuphar.transport.wire.strict`). What the kinds and numbers mean is the two ends' affair.

>>> packets = Packets()
>>> data = pack(2, 7, ["add", 3])
>>> packets.receive_data(data[:10]), packets.receive_data(data[10:])
([], [Packet(kind=2, number=7, body=['add', 3])])
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from .plain_data import as_lists
from .strict import dump_cbor, load_cbor

LONGEST_PACKET = 16 * 64 * 1024
"""Bytes of a body at most: sixteen times a client's message."""

_HEAD = struct.Struct(">IBI")


class Packet(NamedTuple):
    """``kind`` is 0 to 255, ``number`` 0 to 2^32-1, ``body`` plain data."""

    kind: int
    number: int
    body: Any


def dump_body(value: Any) -> bytes:
    """Write plain data as a packet's body; a tuple becomes a list.

    Raises: LocalProtocolError for what is not plain data, too deep, or too much.
    """
    body = dump_cbor(as_lists(value))  # what the other end could not read is refused here, and is not its end
    if len(body) > LONGEST_PACKET:
        raise LocalProtocolError(f"a message may have {LONGEST_PACKET} bytes, got {len(body)}")
    return body


def seal_packet(kind: int, number: int, body: bytes) -> bytes:
    """Put a packet's head before its body."""
    return _HEAD.pack(len(body), kind, number) + body


def pack(kind: int, number: int, value: Any) -> bytes:
    """Write one packet.

    Raises: LocalProtocolError for what is not plain data, or too much of it.
    """
    return seal_packet(kind, number, dump_body(value))


class Packets:
    """Cuts a byte stream into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> list[Packet]:
        """Take the next bytes in, and return the packets that are complete now.

        Raises: RemoteProtocolError for a body that is too long, or is not one strict CBOR item.
        """
        buffer = self._buffer
        buffer += data
        packets = []
        start = 0
        while len(buffer) - start >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(buffer, start)
            if length > LONGEST_PACKET:
                raise RemoteProtocolError(f"a packet may have {LONGEST_PACKET} bytes, got {length}")
            body = start + _HEAD.size
            if len(buffer) < body + length:
                break
            start = body + length
            packets.append(Packet(kind, number, load_cbor(bytes(buffer[body:start]))))
        del buffer[:start]
        return packets

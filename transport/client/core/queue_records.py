"""What a queue's file holds: records one after the other, and the state that they add up to. Pure.

A record is eight bytes, its body's length and CRC-32 (each 32 bits, big-endian), and the body, one CBOR array. Reading
ends at the first record that is not whole: the end of the file may be torn by a kill. If a whole record follows, it is
no torn end, and the file is damaged.

>>> data = seal_record([ANSWERED, 7])
>>> read_records(data + data[:-1]) == ([[ANSWERED, 7]], len(data))
True
"""

from __future__ import annotations

import re
import struct
from binascii import crc32
from dataclasses import dataclass, field
from typing import Any

from ....actors.words.errors import RemoteProtocolError
from ...wire.strict import dump_cbor, load_cbor
from .outgoing import Saved

HEAD, ADDED, SENT, ANSWERED, WELCOMED = range(5)
"""The first item of a body; the others are the arguments of `Ledger`'s methods."""

BEGINNING = [HEAD, "nuphar.queue", 1]
"""The first record of every file; the number is the version."""

LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes of a body at most: a length beyond that is no length of ours."""

_SIZES = struct.Struct(">II")

_STARTS = re.compile(rb"\x83\x00|\x85[\x01\x04]|\x82[\x02\x03]")
"""How a body of ours begins: an array of so many items, and the first of them. It keeps a search from checking the CRC
of everything that looks like a length."""


def seal_record(body: list[Any]) -> bytes:
    """Write one record."""
    data = dump_cbor(body)
    return _SIZES.pack(len(data), crc32(data)) + data


def read_records(data: bytes) -> tuple[list[list[Any]], int]:
    """Return the bodies of all whole records from the start on, and how many bytes these have."""
    bodies: list[list[Any]] = []
    at = 0
    while (record := _read_record(data, at)) is not None:
        body, at = record
        bodies.append(body)
    return bodies, at


def find_record(data: bytes, behind: int) -> int | None:
    """Return where the first whole record begins behind byte ``behind``; None if what is there is a torn end.

    The damage may be in a length, so every place is tried. (A torn message that itself contains a record is taken for
    damage too: that stops a program, the other mistake would lose messages.)
    """
    for found in _STARTS.finditer(data, behind + 1 + _SIZES.size):
        at = found.start() - _SIZES.size
        if _read_record(data, at) is not None:
            return at
    return None


def _read_record(data: bytes, at: int) -> tuple[list[Any], int] | None:
    """Return the body of the record at this byte, and where it ends; None if there is no whole one."""
    start = at + _SIZES.size
    if start > len(data):
        return None
    length, check = _SIZES.unpack_from(data, at)
    body = data[start : start + length]
    if not 0 < length <= LONGEST_RECORD or len(body) < length or crc32(body) != check:
        return None
    try:
        return load_cbor(body), start + length
    except RemoteProtocolError:
        return None


@dataclass
class Ledger:
    """The present state, by replaying records; ``records`` writes it anew in as few as possible.

    Raises: ValueError, TypeError or KeyError from `replay` for a body that is none of ours.
    """

    session: str | None = None
    token: str | None = None
    ref: int = 0
    number: int = 0
    messages: dict[int, tuple[int, str, bytes]] = field(default_factory=dict)
    """``(ref or 0, target, payload)`` by number."""
    lost: set[int] = field(default_factory=set)
    """Numbers of messages that were sent in a session that has ended."""

    def replay(self, body: list[Any]) -> None:
        """Take one record in."""
        match body:
            case [0, "nuphar.queue", 1]:
                return
            case [1, int(number), int(ref), str(target), bytes(payload)]:
                self.added(number, ref, target, payload)
            case [2, list(pairs)]:
                self.sent([(int(number), int(ref)) for number, ref in pairs])
            case [3, int(number)]:
                self.answered(number)
            case [4, str(session), str(token), int(ref), bool(is_new)]:
                self.welcomed(session, token, ref, is_new)
            case _:
                raise ValueError(f"expected a record of a queue, version 1, got one that begins with {body[:1]!r}")

    def added(self, number: int, ref: int, target: str, payload: bytes) -> None:
        """A message was dispatched."""
        self.messages[number] = (ref, target, payload)
        self.number = max(self.number, number)
        self.ref = max(self.ref, ref)

    def sent(self, pairs: list[tuple[int, int]]) -> None:
        """Messages got their refs."""
        for number, ref in pairs:
            _, target, payload = self.messages[number]
            self.messages[number] = (ref, target, payload)
            self.ref = max(self.ref, ref)

    def answered(self, number: int) -> None:
        """A message is done with."""
        self.messages.pop(number, None)
        self.lost.discard(number)

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> None:
        """The server has said who we are; in a new session nobody knows the refs of the old one."""
        self.session, self.token = session, token
        self.ref = max(self.ref, ref)
        if is_new:
            self.lost |= {number for number, (own, _, _) in self.messages.items() if own}

    def saved(self) -> Saved:
        """Return it as a client begins with it."""
        waiting = tuple((number, *each) for number, each in sorted(self.messages.items()) if number not in self.lost)
        lost = tuple((number, *each) for number, each in sorted(self.messages.items()) if number in self.lost)
        return Saved(self.session, self.token, self.ref, self.number, waiting, lost)

    def records(self) -> bytes:
        """Write the state as a file."""
        lost = [[ADDED, number, *each] for number, each in sorted(self.messages.items()) if number in self.lost]
        kept = [[ADDED, number, *each] for number, each in sorted(self.messages.items()) if number not in self.lost]
        # A new session makes lost what was sent before it, so the order of the records tells them apart.
        bodies: list[list[Any]] = [BEGINNING, *lost]
        if self.session is not None:
            bodies.append([WELCOMED, self.session, self.token, self.ref, True])
        if self.number and self.number not in self.messages:  # the last one is done with, and its number taken
            bodies += [[ADDED, self.number, 0, "session", b""], [ANSWERED, self.number]]
        return b"".join(map(seal_record, bodies + kept))

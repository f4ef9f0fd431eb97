"""The eight noises, as data: how each begins, and what it sends for ever. All of it is legal but for ``malformed``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any
from uuid import UUID

import cbor2

from ..wire.websocket import BINARY, frame

BLOCK = 64 * 1024
"""Bytes that are sent at once, or one message if that is larger."""

MESSAGE = 64 * 1024
"""Bytes that Nuphar takes of one message."""

PING, CONTINUATION = 9, 0

_PRIME = 2**61 - 1  # what Python reduces the hashes of numbers by


@dataclass(frozen=True)
class Noise:
    """``opening`` are frames after Hello, long before the noise; ``frames()`` those that follow, without end.

    What has to be there for a noise, such as its topics, is there from the opening on: it is not what a noise leaves.
    """

    id: str
    title: str
    frames: Callable[[], Iterator[bytes]]
    opening: tuple[bytes, ...] = ()

    def blocks(self) -> Iterator[bytes]:
        """Yield what to send at once."""
        waiting: list[bytes] = []
        size = 0
        for each in self.frames():
            waiting.append(each)
            size += len(each)
            if size >= BLOCK:
                yield b"".join(waiting)
                waiting, size = [], 0


def message(*fields: Any) -> bytes:
    """Return a frame of the protocol in a WebSocket frame of a client."""
    return frame(BINARY, cbor2.dumps(fields))


HELLO = message(1, 1, None, None, {}, {})

SUBSCRIBE = message(2, 1, "topic:noise:0", None, None)


def post(ref: int, payload: bytes) -> bytes:
    """Return the frame that posts a payload, given as CBOR, to the noise's own topic."""
    return frame(BINARY, b"\x84\x04" + cbor2.dumps(ref) + cbor2.dumps("topic:noise:0") + payload)


def array(items: list[bytes]) -> bytes:
    """Return an array of items, given as CBOR."""
    return b"\x9a" + len(items).to_bytes(4) + b"".join(items)


def pings() -> Iterator[bytes]:
    """The smallest frames that there are."""
    ping = frame(PING, b"")
    while True:
        yield ping


def calls() -> Iterator[bytes]:
    """Pings of the protocol and Calls, which are answered one by one."""
    for ref in count(2):
        yield message(6, ref, "nothing", None)
        yield message(7, ref)


def empty() -> Iterator[bytes]:
    """The smallest messages: a mailbox of thousands of one author."""
    for ref in count(2):
        yield post(ref, b"\xa0")


def fragments() -> Iterator[bytes]:
    """Messages in a thousand fragments each."""
    whole = cbor2.dumps([7, 1])
    pieces = [bytes((whole[0],)), *[b""] * 1000, whole[1:]]
    first, middle, last = (frame(BINARY, pieces[0]), frame(CONTINUATION, b""), frame(CONTINUATION, pieces[-1]))
    block = [bytes((BINARY,)) + first[1:], *[bytes((CONTINUATION,)) + middle[1:]] * 1000, last]
    while True:
        yield from block


TOPICS = 500


def subscriptions() -> Iterator[bytes]:
    """In and out of 500 topics."""
    refs = count(2 * TOPICS + 1)
    while True:
        yield from round_trip(refs)


def round_trip(refs: Iterator[int]) -> Iterator[bytes]:
    """Once into each topic and out again."""
    for at in range(TOPICS):
        yield message(2, next(refs), f"topic:noise:{at}", None, None)
    for at in range(TOPICS):
        yield message(3, next(refs), f"topic:noise:{at}")


def resyncs() -> Iterator[bytes]:
    """Snapshots of 200 kB, again and again: few bytes in, many out."""
    resync = message(5, {f"topic:large:{at}": None for at in range(4)})
    while True:
        yield resync


def malformed() -> Iterator[bytes]:
    """What is refused, each time with its ref, so that the connection stays."""
    for ref in count(2):
        yield message(2, ref, "no target", None, None)
        yield message(4, ref, "topic:noise:0", {"_": "Nothing", "0": [[[ref]]]})


def large() -> Iterator[bytes]:
    """The largest messages, of what costs most: empty maps, nested arrays, and sets whose members share one hash."""
    room = MESSAGE - 64
    deep = b"\x81" * 11 + b"\x80"
    uuid = b"\xa2\x61_\x65$uuid\x610\x78\x24"
    members = [uuid + str(UUID(int=5 + _PRIME * at)).encode() for at in range(room // (len(uuid) + 36) - 1)]
    pairs = islice(filter(None, map(_pair, count())), room // 36)
    kinds = [
        array([b"\xa0"] * (room - 5)),
        array([deep] * (room // 12 - 1)),
        b"\xa2\x61_\x64$set\x610" + array(members),
        b"\xa2\x61_\x6a$frozenset\x610" + array([b"\xa2\x61_\x66$tuple\x610" + cbor2.dumps(pair) for pair in pairs]),
    ]
    for ref, kind in enumerate(chain.from_iterable(iter(lambda: kinds, None)), 2):
        yield post(ref, kind)


_P1, _P2, _P5 = 11400714785074694791, 14029467366897019727, 2870177450012600261  # xxHash, as tuples use it
_ALL = 2**64 - 1


def _pair(first: int) -> list[int] | None:
    """Return the pair with this number whose tuple has the hash of all the others, or None: one of four has one."""
    acc = (_P5 + first * _P2) & _ALL
    acc = ((acc << 31 | acc >> 33) & _ALL) * _P1 & _ALL
    lane = ((1 << 40) - acc) * pow(_P2, -1, 2**64) & _ALL
    second = lane - 2**64 if lane >> 63 else lane
    return [first, second] if abs(second) < _PRIME else None


NOISES = (
    Noise("pings", "WebSocket pings", pings),
    Noise("calls", "Pings and Calls of the protocol", calls),
    Noise("empty", "messages of an empty map", empty, (SUBSCRIBE,)),
    Noise("fragments", "messages in 1,000 fragments", fragments),
    Noise("subscriptions", f"in and out of {TOPICS} topics", subscriptions, tuple(round_trip(count(1)))),
    Noise("resyncs", "Resyncs of 200 kB Snapshots", resyncs),
    Noise("malformed", "malformed frames, refused", malformed, (SUBSCRIBE,)),
    Noise("large", "64 KiB: maps, depth, colliding sets", large, (SUBSCRIBE,)),
)
"""The rows of the table."""


def choose(names: str) -> list[Noise]:
    """Return the noises of these ids, by commas; all for ''.

    Raises: ValueError for an id that there is not.
    """
    known = {noise.id: noise for noise in NOISES}
    ids = names.split(",") if names else list(known)
    if unknown := [id for id in ids if id not in known]:
        raise ValueError(f"there is no noise {unknown[0]!r}; there are {', '.join(known)}")
    return [known[id] for id in ids]

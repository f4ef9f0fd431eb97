"""What the topics of a load run keep, and the messages that their clients post. Pure but for `add_topics`.

The model is ``[count, checksum]``, the checksum chained over every message in order: whoever missed, doubled or
swapped a message has another one for ever after.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from ..actors.words.store import Store

if TYPE_CHECKING:
    from ..supervision.root.server import Server

PREFIX = "load:"
"""The topic kind: a run with T topics uses ``load:0`` up to ``load:T-1``."""

Model = list[int]

_MARKER = Struct("<IIId")


class Marker(NamedTuple):
    """Which message it is: the ``ref``-th frame of one client of one run, ``sent`` at this monotonic second."""

    run: int
    client: int
    ref: int
    sent: float


def update(model: Model, message: bytes) -> Model:
    """Count one message and chain its bytes.

    >>> update(update([0, 0], b"a"), b"b") == update(update([0, 0], b"b"), b"a")
    False
    """
    count, checksum = model
    return [count + 1, crc32(message, checksum)]


STORE = Store([0, 0], update)


def add_topics(server: Server) -> None:
    """Give ``server`` the topic kind ``load:``, for ``nuphar load --url``.

    Its serialiser must carry bytes and lists of numbers as they are, as `nuphar.automatic` does.
    Raises: TopicExists if it has such a kind already.
    """
    server.topic_kind(PREFIX, store=STORE)


def is_model(state: Any) -> bool:
    """Say whether the state of a Snapshot is a model of ours."""
    return type(state) is list and len(state) == 2 and all(type(part) is int for part in state)


def write_marker(marker: Marker) -> bytes:
    """Return the message that carries ``marker``: 20 bytes."""
    return _MARKER.pack(*marker)


@lru_cache(4096)  # a message comes to every client of its topic, at about the same time
def read_marker(message: bytes) -> Marker | None:
    """Return the marker of a message, or None if it has none."""
    return Marker(*_MARKER.unpack(message)) if len(message) == _MARKER.size else None

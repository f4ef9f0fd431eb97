"""The table of frames: the type of each, who sends it, and its fields in wire order. Pure.

Everything else that code knows of frames is derived here, once: the numbers, the checks, what begins a frame in CBOR.
docs/wire.md has the same table with the meanings; a test compares the two.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from . import frames
from .field_checks import (
    Check,
    anything,
    array,
    boolean,
    by_target,
    cursor,
    errors,
    mapping,
    natural,
    or_none,
    positive,
    refs,
    seconds,
    target,
    text,
)


class Value(Enum):
    """What the serialiser makes of a field that is a value of the application's."""

    MESSAGE = "message"
    MODEL = "model"


class Field(NamedTuple):
    """One field. With a ``value`` it is the serialiser's business, and the check lets everything pass."""

    name: str
    check: Check = anything
    value: Value | None = None


class Sender(Enum):
    """Who sends a frame."""

    CLIENT = "→"
    SERVER = "←"
    BOTH = "both"


class FrameRow(NamedTuple):
    """One frame: its number on the wire, who sends it, and its fields; the last one may be an ``extra``."""

    code: int
    sender: Sender
    fields: tuple[Field, ...]

    @property
    def least(self) -> int:
        """How many fields there have to be."""
        return len(self.fields) - (self.fields[-1] is EXTRA)


def _row(code: int, sender: Sender, *fields: Field) -> FrameRow:
    return FrameRow(code, sender, fields)


EXTRA = Field("extra", mapping)
"""A field that may be missing; the module `extra` knows what is in it."""


_REF, _TARGET, _SEQ = Field("ref", positive), Field("target", target), Field("seq", natural)
_PAYLOAD, _N = Field("payload", value=Value.MESSAGE), Field("n", natural)
_CODE, _TEXT = Field("code", text), Field("text", text)

FRAMES: dict[type, FrameRow] = {
    frames.Hello: _row(
        1,
        Sender.CLIENT,
        Field("version", natural),
        Field("session", or_none(text)),
        Field("token", or_none(text)),
        Field("cursors", by_target(cursor)),
        Field("options", mapping),
    ),
    frames.Subscribe: _row(2, Sender.CLIENT, _REF, _TARGET, Field("since", or_none(cursor)), Field("params")),
    frames.Unsubscribe: _row(3, Sender.CLIENT, _REF, _TARGET),
    frames.ClientMessage: _row(4, Sender.CLIENT, Field("ref", natural), _TARGET, _PAYLOAD, EXTRA),
    frames.Resync: _row(5, Sender.CLIENT, Field("cursors", by_target(or_none(cursor)))),
    frames.Call: _row(6, Sender.CLIENT, _REF, Field("name", text), Field("arguments", value=Value.MESSAGE)),
    frames.Ping: _row(7, Sender.BOTH, _N),
    frames.Welcome: _row(
        16,
        Sender.SERVER,
        Field("client_id", text),
        Field("session", text),
        Field("token", text),
        Field("resumed", boolean),
        Field("limits", mapping),
        Field("heartbeat", seconds),
        Field("contract", text),
        EXTRA,
    ),
    frames.Acknowledge: _row(17, Sender.SERVER, _TARGET, _SEQ, Field("refs", refs), Field("final", boolean), EXTRA),
    frames.Rejected: _row(
        18, Sender.SERVER, Field("ref", natural), Field("target", or_none(text)), _CODE, _TEXT, Field("details")
    ),
    frames.ServerMessage: _row(19, Sender.SERVER, _TARGET, _SEQ, _PAYLOAD, EXTRA),
    frames.Push: _row(20, Sender.SERVER, _TARGET, _PAYLOAD),
    frames.Snapshot: _row(
        21,
        Sender.SERVER,
        _TARGET,
        Field("epoch", text),
        _SEQ,
        Field("state", value=Value.MODEL),
        Field("reason", text),
    ),
    frames.Reply: _row(22, Sender.SERVER, _REF, Field("value", value=Value.MESSAGE)),
    frames.Failure: _row(
        23, Sender.SERVER, _REF, _CODE, _TEXT, Field("trace_id", or_none(text)), Field("errors", errors)
    ),
    frames.Presence: _row(
        24, Sender.SERVER, _TARGET, Field("joins", array), Field("leaves", array), Field("full", boolean)
    ),
    frames.Pong: _row(25, Sender.BOTH, _N),
    frames.Bye: _row(26, Sender.SERVER, Field("reason", text), Field("retry_after", seconds)),
    frames.Out: _row(27, Sender.SERVER, _TARGET, _CODE, _TEXT, Field("join", natural)),
}
"""Every frame, by its class."""

CODES: dict[type, int] = {kind: row.code for kind, row in FRAMES.items()}
"""The type of each frame: its number on the wire."""

FRAME_KINDS: dict[int, Any] = {row.code: kind for kind, row in FRAMES.items()}
"""The frame of each number."""

CHECKS: dict[type, tuple[Check, ...]] = {
    kind: tuple(field.check for field in row.fields[: row.least]) for kind, row in FRAMES.items()
}
"""What the fields that each frame has to have must pass, in wire order."""

VALUE_FIELDS: dict[type, tuple[tuple[int, Value], ...]] = {
    kind: tuple((at, field.value) for at, field in enumerate(row.fields) if field.value is not None)
    for kind, row in FRAMES.items()
}
"""Where the values of the application's stand in each frame, counted from 0 behind the type."""

CLIENT_FRAMES = frozenset(kind for kind, row in FRAMES.items() if row.sender is not Sender.SERVER)
"""What a client may send; Ping and Pong go both ways."""

SERVER_FRAMES = frozenset(kind for kind, row in FRAMES.items() if row.sender is not Sender.CLIENT)
"""What a server may send."""

WITH_REF = frozenset(
    kind for kind, row in FRAMES.items() if row.sender is Sender.CLIENT and row.fields[0].name == "ref"
)
"""What is answered with its own ref; it is the first field."""


def prefix(kind: type, more: int = 0) -> bytes:
    """Return how a frame begins in CBOR: the head of its array, and its type; with ``more`` fields than it has to have.

    >>> prefix(frames.ClientMessage).hex(), prefix(frames.Pong).hex(), prefix(frames.ServerMessage, 1).hex()
    ('8404', '821819', '8513')
    """
    row = FRAMES[kind]
    head = 0x80 | (row.least + more + 1)
    return bytes((head, row.code) if row.code < 24 else (head, 24, row.code))

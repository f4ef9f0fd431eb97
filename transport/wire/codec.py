"""Frames to bytes and back: the wire protocol's table, strictly. Pure.

A frame is one array ``[type, field, ...]``, in CBOR (bytes) or JSON (text). Unknown fields after the known ones are
ignored, so that version 1 can grow; anything else that is not exactly as docs/wire.md says is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from ..serialiser.distinct import Pulse
from ..serialiser.serialiser import Serialiser
from .extra import of_answers, of_client_message, of_message, of_welcome
from .frame_table import CHECKS, FRAME_KINDS, FRAMES, VALUE_FIELDS, WITH_REF, Value
from .frames import MAX_INTEGER, Acknowledge, ClientMessage, Frame, ServerMessage, Welcome
from .large import LARGE, load_cbor_in_turns, load_json_in_turns
from .plain_data import DEPTH, as_lists
from .strict import dump_cbor, is_trouble, load_cbor, peek_cbor
from .strict_json import dump_json, load_json


class Codec:
    """A serialiser's messages and models as CBOR bytes (the port ``nuphar.actors.words.ports.Codec``).

    They have one level less than a frame: what comes in has to fit into the frames that go out.
    """

    def __init__(self, serialiser: Serialiser) -> None:
        self.serialiser = serialiser

    def encode_message(self, message: Any) -> bytes:
        """Raises: LocalProtocolError also for a message that nobody could read, such as ``Said(None)`` of a text."""
        plain = self.serialiser.encode_message(message)
        payload = dump_cbor(plain, DEPTH - 1)
        try:
            self.serialiser.decode_message(plain)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"nobody could read this {type(message).__name__}: {error}") from error
        return payload

    def decode_message(self, payload: bytes) -> Any:
        return self.serialiser.decode_message(load_cbor(payload, DEPTH - 1))

    def decode_in_turns(self, payload: bytes, pulse: Pulse | None) -> Any:
        """Do what `decode_message` does; if it is large, call ``pulse()`` again and again."""
        if pulse is None or len(payload) < LARGE:
            return self.decode_message(payload)
        plain = load_cbor_in_turns(payload, pulse, DEPTH - 1)
        decode = self.serialiser.decode_in_turns
        return self.serialiser.decode_message(plain) if decode is None else decode(plain, pulse)

    def encode_model(self, model: Any) -> bytes:
        return dump_cbor(self.serialiser.encode_model(model), DEPTH - 1)

    def check_model(self, model: Any) -> None:
        """Raises: what `encode_model` raises; LocalProtocolError for a model that nobody could read."""
        state = self.encode_model(model)
        try:
            self.decode_model(state)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"nobody could read this {type(model).__name__}: {error}") from error

    def decode_model(self, state: bytes) -> Any:
        return self.serialiser.decode_model(load_cbor(state))

    def decoder(self, annotation: Any) -> Callable[[Any], Any]:
        return self.serialiser.decoder(annotation)

    is_trouble = staticmethod(is_trouble)


def encode(frame: Frame, serialiser: Serialiser, *, json: bool = False) -> bytes:
    """Write one frame, its payload or state through ``serialiser``; as JSON text in UTF-8 if ``json``.

    Raises: UnregisteredType for a value that the serialiser does not know; LocalProtocolError if what the serialiser
    made is not plain data.
    """
    plain = _plain(frame)
    for at, value in VALUE_FIELDS[type(frame)]:
        encode_it = serialiser.encode_message if value is Value.MESSAGE else serialiser.encode_model
        plain[at + 1] = encode_it(frame[at])
    return dump_json(plain) if json else dump_cbor(plain)


def decode(data: bytes | str, serialiser: Serialiser) -> Frame:
    """Read one frame, its payload or state through ``serialiser``: CBOR, or JSON if ``data`` is text or begins with
    ``[``.

    Shape: an array ``[type, field, ...]`` as in docs/wire.md, depth at most 16, no tags.
    Raises: RemoteProtocolError with close code 4400 for bytes that are not such an array.
    Source: RFC 8949 section 5.3, docs/wire.md.
    """
    frame = read(data)
    fields = list(frame)
    for at, value in VALUE_FIELDS[type(frame)]:
        decode_it = serialiser.decode_message if value is Value.MESSAGE else serialiser.decode_model
        fields[at] = decode_it(fields[at])
    return type(frame)(*fields)


def write(frame: Frame) -> bytes:
    """Write one frame whose payload or state is plain data already, as CBOR: what `read` reads.

    Raises: LocalProtocolError for what is not plain data.
    """
    return dump_cbor(_plain(frame))


def read(data: bytes | str, pulse: Pulse | None = None) -> Frame:
    """Read one frame and leave its payload or state as plain data; of a large one, call ``pulse()`` again and again.

    Raises: RemoteProtocolError, whose ``code`` is ``malformed`` or ``unknown_type``; its ``ref`` is the frame's own, if
    that could be read.
    """
    if pulse is not None and len(data) < LARGE:
        pulse = None
    try:
        if isinstance(data, str) or data[:1] == b"[":
            plain = load_json(data) if pulse is None else load_json_in_turns(data, pulse)
        else:
            plain = load_cbor(data) if pulse is None else load_cbor_in_turns(data, pulse)
        return _frame(plain)
    except RemoteProtocolError as error:
        error.ref = ref_of(data)
        raise


def _frame(plain: Any) -> Frame:
    if type(plain) is not list or not plain or type(plain[0]) is not int:
        raise RemoteProtocolError("a frame is an array that begins with its type, a number")
    kind = FRAME_KINDS.get(plain[0])
    if kind is None:
        raise RemoteProtocolError(f"there is no frame of type {plain[0]}", code="unknown_type")
    checks = CHECKS[kind]
    if len(plain) <= len(checks):
        raise RemoteProtocolError(f"{kind.__name__}: expected {len(checks)} fields, got {len(plain) - 1}")
    try:
        fields = [check(field) for check, field in zip(checks, plain[1:], strict=False)]
        if kind in EXTRAS and len(plain) > len(checks) + 1:
            fields.append(EXTRAS[kind](plain[len(checks) + 1], fields) or None)
        return kind(*fields)  # type: ignore[no-any-return]
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"{kind.__name__}: {error}") from None


EXTRAS: dict[type, Callable[[Any, list[Any]], dict[str, Any]]] = {
    Welcome: lambda extra, _: of_welcome(extra),
    ClientMessage: lambda extra, _: of_client_message(extra),
    Acknowledge: lambda extra, fields: of_answers(extra, len(fields[2])),
    ServerMessage: lambda extra, _: of_message(extra),
}
"""How the map that may end some frames is read, with the fields before it."""


_HEAD = re.compile(rb"\[[ \t\n\r]*(\d{1,2})[ \t\n\r]*,[ \t\n\r]*(\d{1,16})[ \t\n\r]*[,\]]")
"""The type and the ref of a frame in JSON."""


def ref_of(data: bytes | str) -> int:
    """Return the ref of a client's frame of which perhaps nothing else can be read; 0 if it has none.

    >>> ref_of('[4, 7, "topic:chat", 1e999]')
    7
    """
    head = data[:64].lstrip(" \t\n\r").encode("ascii", "replace") if isinstance(data, str) else data
    if match := _HEAD.match(head):
        kind, ref = int(match[1]), int(match[2])
    else:
        kind, ref = peek_cbor(head)
    if type(kind) is not int or type(ref) is not int or FRAME_KINDS.get(kind) not in WITH_REF:
        return 0
    return ref if 0 < ref <= MAX_INTEGER else 0


def _plain(frame: Frame) -> list[Any]:
    """Return a frame as plain data, its values as they are."""
    row = FRAMES[type(frame)]
    count = len(row.fields) if frame[-1] else row.least  # an empty extra is none
    fields = zip(row.fields[:count], frame[:count], strict=True)
    return [row.code, *(value if field.value else as_lists(value) for field, value in fields)]

"""Frames to bytes and back: the wire protocol's table, strictly. Pure.

A frame is one array ``[type, field, ...]``, in CBOR (bytes) or JSON (text). Unknown fields after the known ones are
ignored, so that version 1 can grow; anything else that is not exactly as docs/wire.md says is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from ...actors.words.target_names import fault_of_target
from ..serialiser.distinct import Pulse
from ..serialiser.serialiser import Serialiser
from . import frames
from .frames import MAX_INTEGER, Frame
from .large import LARGE, load_cbor_in_turns, load_json_in_turns
from .strict import DEPTH, dump_cbor, dump_json, is_shallow, load_cbor, load_json

Check = Callable[[Any], Any]


class Codec:
    """A serialiser's messages and models as CBOR bytes (the port ``nuphar.actors.words.ports.Codec``)."""

    def __init__(self, serialiser: Serialiser) -> None:
        self.serialiser = serialiser

    def encode_message(self, message: Any) -> bytes:
        return _dump_shallow(self.serialiser.encode_message(message))

    def decode_message(self, payload: bytes) -> Any:
        # One level less than a frame: what comes in has to fit into the frames that go out.
        return self.serialiser.decode_message(load_cbor(payload, DEPTH - 1))

    def decode_in_turns(self, payload: bytes, pulse: Pulse | None) -> Any:
        """Do what `decode_message` does; if it is large, call ``pulse()`` again and again."""
        if pulse is None or len(payload) < LARGE:
            return self.decode_message(payload)
        plain = load_cbor_in_turns(payload, pulse, DEPTH - 1)
        decode = self.serialiser.decode_in_turns
        return self.serialiser.decode_message(plain) if decode is None else decode(plain, pulse)

    def encode_model(self, model: Any) -> bytes:
        return _dump_shallow(self.serialiser.encode_model(model))

    def decode_model(self, state: bytes) -> Any:
        return self.serialiser.decode_model(load_cbor(state))


def _dump_shallow(plain: Any) -> bytes:
    if not is_shallow(plain, DEPTH - 1):
        raise LocalProtocolError(f"nested deeper than {DEPTH - 1}: in a frame, no client could read it")
    return dump_cbor(plain)


def encode(frame: Frame, serialiser: Serialiser, *, json: bool = False) -> bytes:
    """Write one frame, its payload or state through ``serialiser``; as JSON text in UTF-8 if ``json``.

    Raises: UnregisteredType for a value that the serialiser does not know.
    """
    plain: list[Any] = [CODES[type(frame)], *frame]
    for at, (into_plain, _) in _values(type(frame), serialiser):
        plain[at + 1] = into_plain(frame[at])
    plain = [_lists(field) for field in plain]
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
    for at, (_, from_plain) in _values(type(frame), serialiser):
        fields[at] = from_plain(fields[at])
    return type(frame)(*fields)


def write(frame: Frame) -> bytes:
    """Write one frame whose payload or state is plain data already, as CBOR: what `read` reads."""
    return dump_cbor([CODES[type(frame)], *map(_lists, frame)])


def read(data: bytes | str, pulse: Pulse | None = None) -> Frame:
    """Read one frame and leave its payload or state as plain data; of a large one, call ``pulse()`` again and again.

    Raises: RemoteProtocolError, whose ``code`` is ``malformed`` or ``unknown_type``.
    """
    if pulse is not None and len(data) < LARGE:
        pulse = None
    if isinstance(data, str) or data[:1] == b"[":
        plain = load_json(data) if pulse is None else load_json_in_turns(data, pulse)
    else:
        plain = load_cbor(data) if pulse is None else load_cbor_in_turns(data, pulse)
    if type(plain) is not list or not plain or type(plain[0]) is not int:
        raise RemoteProtocolError("a frame is an array that begins with its type, a number")
    kind = KINDS.get(plain[0])
    if kind is None:
        raise RemoteProtocolError(f"there is no frame of type {plain[0]}", code="unknown_type")
    checks = TABLE[kind]
    if len(plain) <= len(checks):
        raise RemoteProtocolError(f"{kind.__name__}: expected {len(checks)} fields, got {len(plain) - 1}")
    try:
        return kind(*[check(field) for check, field in zip(checks, plain[1:], strict=False)])  # type: ignore[no-any-return]
    except RemoteProtocolError as error:
        has_ref = checks[0] is _ref and type(plain[1]) is int and 0 < plain[1] <= MAX_INTEGER
        raise RemoteProtocolError(f"{kind.__name__}: {error}", ref=plain[1] if has_ref else 0) from None


def _values(kind: type, serialiser: Serialiser) -> list[tuple[int, tuple[Check, Check]]]:
    message = (serialiser.encode_message, serialiser.decode_message)
    model = (serialiser.encode_model, serialiser.decode_model)
    return [(at, message if check is _payload else model) for at, check in enumerate(TABLE[kind]) if check in _VALUES]


def _lists(field: Any) -> Any:
    """Cursors and pairs are tuples in code and arrays on the wire."""
    if type(field) is tuple:
        return [_lists(item) for item in field]
    if type(field) is list:
        return [_lists(item) for item in field]
    if type(field) is dict:
        return {key: _lists(item) for key, item in field.items()}
    return field


def _number(least: int) -> Check:
    def check(field: Any) -> int:
        if type(field) is not int or not least <= field <= MAX_INTEGER:
            raise RemoteProtocolError(f"expected an integer from {least} to 2^53-1, got {_short(field)}")
        return field

    return check


_ref = _number(1)
_natural = _number(0)


def _text(field: Any) -> str:
    if type(field) is not str:
        raise RemoteProtocolError(f"expected text, got {_short(field)}")
    return field


def _target(field: Any) -> str:
    if (fault := fault_of_target(_text(field))) is not None:
        raise RemoteProtocolError(f"the target is ill-formed: {fault}")
    return field  # type: ignore[no-any-return]


def _boolean(field: Any) -> bool:
    if type(field) is not bool:
        raise RemoteProtocolError(f"expected true or false, got {_short(field)}")
    return field


def _seconds(field: Any) -> float:
    if type(field) not in (int, float) or field < 0:
        raise RemoteProtocolError(f"expected seconds, got {_short(field)}")
    return field  # type: ignore[no-any-return]


def _cursor(field: Any) -> frames.Cursor:
    if type(field) is not list or len(field) != 2:
        raise RemoteProtocolError(f"expected [epoch, seq], got {_short(field)}")
    return _text(field[0]), _natural(field[1])


def _map(field: Any) -> dict[str, Any]:
    if type(field) is not dict:
        raise RemoteProtocolError(f"expected a map, got {_short(field)}")
    return field


def _list(field: Any) -> list[Any]:
    if type(field) is not list:
        raise RemoteProtocolError(f"expected an array, got {_short(field)}")
    return field


def _or_none(check: Check) -> Check:
    return lambda field: None if field is None else check(field)


def _cursors(check: Check) -> Check:
    return lambda field: {_target(target): check(cursor) for target, cursor in _map(field).items()}


def _refs(field: Any) -> list[int]:
    return [_natural(ref) for ref in _list(field)]


def _errors(field: Any) -> list[tuple[str, str]]:
    pairs = [_list(pair) for pair in _list(field)]
    if any(len(pair) != 2 for pair in pairs):
        raise RemoteProtocolError("expected [path, text] pairs")
    return [(_text(path), _text(text)) for path, text in pairs]


def _anything(field: Any) -> Any:
    return field


def _payload(field: Any) -> Any:
    return field


def _state(field: Any) -> Any:
    return field


_VALUES = (_payload, _state)


def _short(field: Any) -> str:
    text = repr(field)
    return text if len(text) <= 40 else text[:37] + "..."


CODES: dict[type, int] = {
    frames.Hello: 1,
    frames.Subscribe: 2,
    frames.Unsubscribe: 3,
    frames.ClientMessage: 4,
    frames.Resync: 5,
    frames.Call: 6,
    frames.Ping: 7,
    frames.Welcome: 16,
    frames.Acknowledge: 17,
    frames.Rejected: 18,
    frames.ServerMessage: 19,
    frames.Push: 20,
    frames.Snapshot: 21,
    frames.Reply: 22,
    frames.Failure: 23,
    frames.Presence: 24,
    frames.Pong: 25,
    frames.Bye: 26,
    frames.Out: 27,
}
"""The type of each frame: its number on the wire."""

KINDS: dict[int, Any] = {code: kind for kind, code in CODES.items()}

TABLE: dict[type, tuple[Check, ...]] = {
    frames.Hello: (_natural, _or_none(_text), _or_none(_text), _cursors(_cursor), _map),
    frames.Subscribe: (_ref, _target, _or_none(_cursor), _anything),
    frames.Unsubscribe: (_ref, _target),
    frames.ClientMessage: (_natural, _target, _payload),
    frames.Resync: (_cursors(_or_none(_cursor)),),
    frames.Call: (_ref, _text, _payload),
    frames.Ping: (_natural,),
    frames.Welcome: (_text, _text, _text, _boolean, _map, _seconds, _text),
    frames.Acknowledge: (_target, _natural, _refs, _boolean),
    frames.Rejected: (_natural, _or_none(_text), _text, _text, _anything),
    frames.ServerMessage: (_target, _natural, _payload),
    frames.Push: (_target, _payload),
    frames.Snapshot: (_target, _text, _natural, _state, _text),
    frames.Reply: (_ref, _payload),
    frames.Failure: (_ref, _text, _text, _or_none(_text), _errors),
    frames.Presence: (_target, _list, _list, _boolean),
    frames.Pong: (_natural,),
    frames.Bye: (_text, _seconds),
    frames.Out: (_target, _text, _text, _natural),
}
"""The fields of each frame, in wire order, as the checks that they have to pass."""

CLIENT_FRAMES = frozenset({*(kind for kind, code in CODES.items() if code < 16), frames.Pong})
"""What a client may send; Ping and Pong go both ways."""

SERVER_FRAMES = frozenset({*(kind for kind, code in CODES.items() if code >= 16), frames.Ping})
"""What a server may send."""

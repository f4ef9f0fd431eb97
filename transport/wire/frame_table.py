"""The table of frames: the type of each, and the checks that its fields have to pass. Pure.

A check returns what the field means in code, or raises RemoteProtocolError; docs/wire.md has the same table in prose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...actors.words.errors import RemoteProtocolError
from ...actors.words.target_names import fault_of_target
from . import frames
from .frames import MAX_INTEGER

Check = Callable[[Any], Any]


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


def payload(field: Any) -> Any:
    """Mark a field that is a message, in the serialiser's words."""
    return field


def state(field: Any) -> Any:
    """Mark a field that is a model."""
    return field


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
    frames.ClientMessage: (_natural, _target, payload),
    frames.Resync: (_cursors(_or_none(_cursor)),),
    frames.Call: (_ref, _text, payload),
    frames.Ping: (_natural,),
    frames.Welcome: (_text, _text, _text, _boolean, _map, _seconds, _text),
    frames.Acknowledge: (_target, _natural, _refs, _boolean),
    frames.Rejected: (_natural, _or_none(_text), _text, _text, _anything),
    frames.ServerMessage: (_target, _natural, payload),
    frames.Push: (_target, payload),
    frames.Snapshot: (_target, _text, _natural, state, _text),
    frames.Reply: (_ref, payload),
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

WITH_REF: frozenset[type] = frozenset({frames.Subscribe, frames.Unsubscribe, frames.ClientMessage, frames.Call})
"""What is answered with its own ref; it is the first field."""

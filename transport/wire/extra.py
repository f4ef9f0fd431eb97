"""The map ``extra`` that may end a Welcome, a ClientMessage, an Acknowledge and a ServerMessage. Pure.

It tells of messages what is no part of their payload; which keys there are is data. In an Acknowledge each value is a
list that runs parallel to the refs, with None where nothing is known.

>>> of_answers({"author": ["ada", None], "colour": 3}, 2)
{'author': ['ada', None]}
"""

from __future__ import annotations

from typing import Any

from ...actors.words.errors import RemoteProtocolError
from .field_checks import Check, array, mapping, or_none, seconds, text

KEYS: dict[str, Check] = {"author": or_none(text), "at": or_none(seconds)}
"""What a server may tell of a message: the identity of who wrote it, and when (seconds since the epoch)."""


def of_message(extra: Any) -> dict[str, Any]:
    """Return what is known to us of ``extra`` in a ServerMessage; the other keys are a later version's.

    Raises: RemoteProtocolError.
    """
    return {key: _checked(key, KEYS[key], value) for key, value in mapping(extra).items() if key in KEYS}


def of_answers(extra: Any, count: int) -> dict[str, list[Any]]:
    """Do the same for an Acknowledge with ``count`` refs."""
    known: dict[str, list[Any]] = {}
    for key, values in mapping(extra).items():
        if key in KEYS:
            known[key] = [_checked(key, KEYS[key], value) for value in _checked(key, array, values)]
            if len(known[key]) != count:
                raise RemoteProtocolError(f"extra.{key}: expected one for each ref, {count}, got {len(known[key])}")
    return known


def of_welcome(extra: Any) -> dict[str, Any]:
    """Do it for a Welcome, which may say who the client is."""
    return {"user": _checked("user", or_none(text), extra["user"])} if "user" in mapping(extra) else {}


def of_client_message(extra: Any) -> dict[str, Any]:
    """Do it for a ClientMessage, of which a server knows no key: who wrote it, and when, it knows by itself."""
    mapping(extra)
    return {}


def _checked(key: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"extra.{key}: {error}") from None

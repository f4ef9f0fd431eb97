"""Strict JSON: text to plain data and back, with every trap closed. Pure.

Refused: duplicate keys, NaN and infinities, half surrogate pairs, nesting deeper than 16, anything but UTF-8. What JSON
has no way to write is a map with the keys ``_`` and ``0``: bytes are ``{"_": "$bytes", "0": base64url}``, integers
beyond 2^53-1 ``{"_": "$int", "0": text}``.
Source: RFC 8259, docs/wire.md.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from .frames import MAX_INTEGER
from .plain_data import DEPTH, check_plain, too_deep


def dump_json(value: Any) -> bytes:
    """Write plain data as JSON, such that `load_json` gives back an equal value.

    Raises: LocalProtocolError for what is not plain data.
    """
    try:
        wrapped = _wrap(check_plain(value))
        return json.dumps(wrapped, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (RemoteProtocolError, UnicodeEncodeError) as error:
        raise LocalProtocolError(f"this cannot be written as JSON: {error}") from error


def load_json(data: bytes | str, pulse: Callable[..., None] | None = None) -> Any:
    """Read one JSON value; with a ``pulse``, which is called for each object, `check_plain` is left to the caller.

    Raises: RemoteProtocolError ``malformed`` for anything but one strict value.
    """
    try:
        text = data if isinstance(data, str) else data.decode()  # json would take UTF-16 as well
        hook = _unique if pulse is None else partial(_unique_in_turns, pulse)
        value = json.loads(text, object_pairs_hook=hook, parse_constant=_no_constant)
        if "\\u" in text:
            # An escape can make half a character, which no text in UTF-8 can carry any further.
            json.dumps(value, ensure_ascii=False, default=repr).encode()
    except RecursionError as error:
        raise too_deep(DEPTH) from error
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise RemoteProtocolError(f"expected JSON in UTF-8, got the byte 0x{byte:02x} at {error.start}") from error
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise RemoteProtocolError(f"expected whole characters, got half a surrogate pair, \\u{half:04x}") from error
    except json.JSONDecodeError as error:
        raise RemoteProtocolError(f"not a JSON value: {error}") from error
    except ValueError as error:  # more digits than Python reads
        raise RemoteProtocolError("expected integers of at most 64 bits") from error
    return check_plain(value) if pulse is None else value


def _wrap(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return [_wrap(item) for item in value]
    if kind is dict:
        return {key: _wrap(item) for key, item in value.items()}
    if kind is bytes:
        return {"_": "$bytes", "0": urlsafe_b64encode(value).decode()}
    if kind is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return {"_": "$int", "0": str(value)}
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise RemoteProtocolError("a key is there twice")
    if len(value) == 2 and type(text := value.get("0")) is str:
        match value.get("_"):
            case "$bytes":
                try:
                    return b64decode(text, b"-_", validate=True)
                except ValueError as error:
                    raise RemoteProtocolError("expected base64url in $bytes") from error
            case "$int":
                return _large(text)
    return value


def _unique_in_turns(pulse: Callable[..., None], pairs: list[tuple[str, Any]]) -> Any:
    pulse()
    return _unique(pairs)


def _large(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,20}", text):
        raise RemoteProtocolError("expected an integer of at most 64 bits in $int")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise RemoteProtocolError(f"{name} is not allowed")

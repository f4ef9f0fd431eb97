"""Strict CBOR and JSON: bytes to plain data and back, with every trap closed. Pure.

Refused: tags (cyclic objects, regular expressions, bignum and reference bombs), indefinite lengths, duplicate keys,
keys that are not text, undefined and simple values, NaN and infinities, nesting deeper than 16, bytes left over.
Source: RFC 8949 sections 5.3 to 5.6 (CBOR), RFC 8259 (JSON).
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any, NoReturn

import cbor2

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from .frames import MAX_INTEGER

DEPTH = 16
"""Levels of nesting that a frame may have, itself included."""

STEP = 4 * 1024
"""Bytes of CBOR that are read between two pulses: at most 0.5 ms."""


class _NoTags(dict[int, Any]):
    """cbor2 asks this mapping about every tag, before it reads what is tagged."""

    def __missing__(self, tag: int) -> NoReturn:
        raise RemoteProtocolError(f"CBOR tags are not allowed, got tag {tag}")


_NO_TAGS = _NoTags()

# cbor2 reads one item and ignores what follows. Reading an array of our item and a secret tells at once whether
# something is left over, or missing: only the whole item can be followed by the secret. (A streaming decoder costs
# three times as much.)
_SECRET = secrets.token_bytes(16)
_TAIL = cbor2.dumps(_SECRET)
_PAIR = b"\x82"

_STRICT: dict[str, Any] = {
    "semantic_decoders": _NO_TAGS,
    "allow_indefinite": False,
    "allow_duplicate_keys": False,
    "strict_hashable_types": True,
}


def dump_cbor(value: Any) -> bytes:
    """Write plain data as CBOR.

    Raises: LocalProtocolError for what is not plain data.
    """
    try:
        data: bytes = cbor2.dumps(value)
        if b"\xc2" in data or b"\xc3" in data:
            check_plain(value)  # perhaps text beyond ASCII, perhaps an integer that only a tag could carry
    except (cbor2.CBOREncodeError, RecursionError, UnicodeEncodeError, RemoteProtocolError) as error:
        raise LocalProtocolError(f"this cannot be written as CBOR: {error}") from error
    return data


class _InSteps(BytesIO):
    """Bytes of which cbor2 takes some at a time, with a ``pulse`` before each."""

    def __init__(self, data: bytes, pulse: Callable[..., None]) -> None:
        super().__init__(data)
        self._pulse = pulse

    def read(self, size: int | None = -1) -> bytes:
        self._pulse(STEP)
        return super().read(size)


def load_cbor(data: bytes, depth: int = DEPTH, pulse: Callable[..., None] | None = None) -> Any:
    """Read exactly one CBOR item, nested at most ``depth`` levels.

    With a ``pulse``, which is called every `STEP` bytes, `check_plain` is left to the caller.

    Raises: RemoteProtocolError ``malformed`` for anything but one strict item.
    """
    try:
        if pulse is None:
            pair = cbor2.loads(
                _PAIR + data + _TAIL,
                semantic_decoders=_NO_TAGS,  # the same as _STRICT, in half of the time
                max_depth=depth + 1,
                allow_indefinite=False,
                allow_duplicate_keys=False,
                strict_hashable_types=True,
            )
        else:
            steps = _InSteps(_PAIR + data + _TAIL, pulse)
            pair = cbor2.CBORDecoder(steps, read_size=STEP, max_depth=depth + 1, **_STRICT).decode()
    except RemoteProtocolError:
        raise
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        cause = error.__cause__
        if isinstance(cause, RemoteProtocolError):
            raise cause from None
        if isinstance(error, RecursionError) or "nesting depth" in str(error):
            raise _too_deep(depth) from error
        raise RemoteProtocolError(f"not a CBOR item: {error}") from error
    if pair[1] != _SECRET:
        raise RemoteProtocolError("not one CBOR item: bytes are left over")
    return check_plain(pair[0]) if pulse is None else pair[0]


SCALARS = frozenset({int, str, bytes, bool, type(None)})


def check_plain(value: Any) -> Any:
    """Return ``value`` if it is plain data: None, bool, int, finite float, str, bytes, list, dict with str keys.

    Raises: RemoteProtocolError that names what was found.
    """
    kind = type(value)
    if kind in SCALARS:
        if kind is int and not -(2**63) <= value < 2**64:
            raise RemoteProtocolError("expected integers of at most 64 bits")
    elif kind is list:
        for item in value:
            if type(item) is not str:
                check_plain(item)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise RemoteProtocolError(f"expected text as a key, got {type(key).__name__}")
            if type(item) is not str:
                check_plain(item)
    elif kind is not float:
        raise RemoteProtocolError(f"{kind.__name__} is not plain data")
    elif value != value or value in (float("inf"), float("-inf")):
        raise RemoteProtocolError(f"expected a finite number, got {value}")
    return value


def dump_json(value: Any) -> bytes:
    """Write plain data as JSON; bytes become ``{"_": "$bytes", "0": base64url}``, large integers ``{"_": "$int",
    "0": text}``.

    Raises: LocalProtocolError for what is not plain data.
    """
    try:
        return json.dumps(_wrap(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
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
        raise _too_deep(DEPTH) from error
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
    if not is_shallow(value, DEPTH):
        raise _too_deep(DEPTH)
    return check_plain(value) if pulse is None else value


def _too_deep(depth: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"expected at most {depth} levels of nesting, got more")


def is_shallow(value: Any, depth: int) -> bool:
    """Say whether ``value`` is nested at most ``depth`` levels."""
    if type(value) not in (list, dict):
        return True
    return depth > 0 and all(
        is_shallow(item, depth - 1)
        for item in (value.values() if type(value) is dict else value)
        if type(item) in (list, dict)
    )


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
    match value.get("_"):
        case "$bytes" if type(value.get("0")) is str:
            try:
                return b64decode(value["0"], b"-_", validate=True)
            except ValueError as error:
                raise RemoteProtocolError("expected base64url in $bytes") from error
        case "$int" if type(value.get("0")) is str:
            return _large(value["0"])
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

"""Strict CBOR: bytes to plain data and back, with every trap closed. Pure.

Refused: tags (cyclic objects, regular expressions, bignum and reference bombs), indefinite lengths, duplicate keys,
keys that are not text, undefined and simple values, NaN and infinities, nesting deeper than 16, bytes left over.
What cannot be read is not written either: `dump_cbor` takes plain data and nothing else.
Source: RFC 8949 sections 5.3 to 5.6, docs/wire.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from io import BytesIO
from typing import Any, NoReturn

import cbor2

from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from .plain_data import DEPTH, check_plain, too_deep

STEP = 4 * 1024
"""Bytes of CBOR that are read between two pulses: at most 0.5 ms."""


PEEKED = 64
"""Bytes of a frame that `peek_cbor` looks at: its type and its ref take at most 19."""


FLAT = 3
"""Levels that are no trouble: what most messages have at most."""

_NO_CONTAINERS = bytes({*range(256)} - {*range(0x80, 0xC0)})
"""What does not begin an array or a map; what does may as well be part of a text."""


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


def dump_cbor(value: Any, depth: int = DEPTH) -> bytes:
    """Write plain data as CBOR, such that `load_cbor` gives back an equal value.

    Raises: LocalProtocolError for what is not plain data, nested at most ``depth`` levels.
    """
    try:
        return pack_cbor(check_plain(value, depth))
    except (RemoteProtocolError, UnicodeEncodeError) as error:  # the latter for half a surrogate pair
        raise LocalProtocolError(f"this cannot be written as CBOR: {error}") from error


def pack_cbor(value: Any) -> bytes:
    """Write what is plain data for sure: numbers of ours, or what was read a moment ago."""
    data: bytes = cbor2.dumps(value)
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
            raise too_deep(depth) from error
        raise RemoteProtocolError(f"not a CBOR item: {error}") from error
    if pair[1] != _SECRET:
        raise RemoteProtocolError("not one CBOR item: bytes are left over")
    return check_plain(pair[0], depth) if pulse is None else pair[0]


def peek_cbor(data: bytes) -> tuple[Any, Any]:
    """Return the first two items of a short array, whatever comes behind them; None for what cannot be read.

    >>> peek_cbor(bytes.fromhex("840407f7"))
    (4, 7)
    """
    if not data or not 0x82 <= data[0] < 0x98:
        return None, None
    decoder = cbor2.CBORDecoder(BytesIO(data[1:PEEKED]), max_depth=1, **_STRICT)
    try:
        return decoder.decode(), decoder.decode()
    except (RemoteProtocolError, cbor2.CBORDecodeError, ValueError, OverflowError):
        return None, None


def is_trouble(data: bytes) -> bool:
    """Say whether an item that was read already has more than 3 levels, or integers beyond 32 bits.

    >>> is_trouble(dump_cbor({"_": "Said", "0": "hi"})), is_trouble(dump_cbor([[[[]]]])), is_trouble(dump_cbor(2**40))
    (False, True, True)
    """
    if 0x1B not in data and 0x3B not in data and (data.isascii() or len(data.translate(None, _NO_CONTAINERS)) <= FLAT):
        return False  # most are seen to be harmless without being read: it takes 0.2 µs instead of 2
    return not _is_harmless(cbor2.loads(data), FLAT)


def _is_harmless(value: Any, levels: int) -> bool:
    items = [value]  # those of one level: of 65,000 in a message, a call for each would take 13 ms instead of 4
    while True:
        kinds = set(map(type, items))
        if int in kinds and not all(-(2**32) <= each < 2**32 for each in items if type(each) is int):
            return False
        if list not in kinds and dict not in kinds:
            return True
        if not levels:
            return False
        levels -= 1
        deeper: list[Any] = []
        for each in items:
            if type(each) is list:
                deeper += each
            elif type(each) is dict:
                deeper += each.values()
        items = deeper

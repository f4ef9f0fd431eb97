"""Serialisers: what turns messages and models into plain data and back.

Plain data is what the codecs can carry: None, bool, int, float, str, bytes, lists, and dicts with str keys.
`automatic` fits most programs, `custom` is for formats that somebody else has fixed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakSet

from ...actors.words.errors import RemoteProtocolError, UsageError
from .automatic import AutomaticCodec, Tables
from .bodies import Decode
from .distinct import Pulse
from .encoding import Encode


def _plain_decoder(annotation: Any) -> Decode:
    return AutomaticCodec((), Tables(())).decoder(annotation)


@dataclass(frozen=True, slots=True)
class Serialiser:
    """Four functions: messages and models to plain data, and back.

    Both ``decode_…`` functions raise RemoteProtocolError with the code ``malformed``, and nothing else, for
    plain data that is not a message or a model. ``contract()`` names the shapes that it knows, for clients that want to
    be of the same version; it is empty where nobody knows them. ``decode_in_turns(plain, pulse)`` does what
    ``decode_message`` does, for large data, and calls ``pulse()`` again and again; None where nobody can do that.
    ``decoder(annotation)`` makes a function that decodes values of one annotation, strictly, such as an argument of a
    call; for types that the serialiser knows or not.
    """

    encode_message: Encode
    decode_message: Decode
    encode_model: Encode
    decode_model: Decode
    contract: Callable[[], str] = str
    decode_in_turns: Callable[[Any, Pulse], Any] | None = None
    decoder: Callable[[Any], Decode] = _plain_decoder


class _Registered:
    """What `register` was told in this process, and the codecs that have to hear of it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.types: tuple[Any, ...] = ()
        self.codecs: WeakSet[AutomaticCodec] = WeakSet()


_registered = _Registered()


def custom(*, encode_message: Encode, decode_message: Decode, encode_model: Encode, decode_model: Decode) -> Serialiser:
    """Make a serialiser out of a program's own functions.

    Whatever a ``decode_…`` function raises means that the peer sent something wrong: RemoteProtocolError,
    code ``malformed``, names the type of the exception and has it as its cause.

    >>> words = custom(encode_message=str, decode_message=int, encode_model=str, decode_model=int)
    >>> words.encode_message(7), words.decode_model("12")
    ('7', 12)
    """
    return Serialiser(
        encode_message=encode_message,
        decode_message=_guarded("message", decode_message),
        encode_model=encode_model,
        decode_model=_guarded("model", decode_model),
    )


def _guarded(what: str, decode: Decode) -> Decode:
    def guarded(plain: Any) -> Any:
        try:
            return decode(plain)
        except RemoteProtocolError:
            raise
        except Exception as error:
            text = f"the {what} was refused by its decoder ({type(error).__name__})"
            raise RemoteProtocolError(text) from error

    return guarded


def automatic(*types: Any) -> Serialiser:
    """Make a serialiser for these types, and for all that their annotations reach.

    A dataclass, an enum or a NamedTuple travels as its constructor's name with its fields by position:
    ``{"_": "Move", "0": 1.5, "1": "north"}``. Numbers, texts, lists and dicts with str keys travel as they
    are; docs/wire.md lists the rest. Decoding is strict against the annotations. Encoding a value of a type
    that is not registered raises UnregisteredType, also if it inherits from one that is.

    Raises: UsageError if two types share a name, or if an annotation cannot be resolved or carried.

    >>> automatic().encode_message({"at": (3, 4)})
    {'at': {'_': '$tuple', '0': [3, 4]}}
    """
    with _registered.lock:
        codec = AutomaticCodec(types, Tables((*_registered.types, *types)))
        _registered.codecs.add(codec)
    return Serialiser(
        codec.encode,
        codec.decode,
        codec.encode,
        codec.decode,
        lambda: codec.tables.contract,
        codec.decode_in_turns,
        codec.decoder,
    )


def register(*types: Any) -> None:
    """Add types to every automatic serialiser of the process, those that exist and those to come.

    For types that no `automatic` call names, such as those of a plug-in. All serialisers take them or none.

    Raises: UsageError as `automatic` does, also if an existing serialiser uses a name for another type.
    """
    with _registered.lock:
        together = (*_registered.types, *types)
        Tables(together)
        with suppress(UsageError):
            _adopt(together)
            return
        # A serialiser that nobody holds any more must not object.
        gc.collect()
        _adopt(together)


def _adopt(types: tuple[Any, ...]) -> None:
    """Rebuild every codec, then replace the tables of all, so that a type that one refuses reaches none."""
    rebuilt = [(codec, Tables((*types, *codec.types))) for codec in _registered.codecs]
    _registered.types = types
    for codec, tables in rebuilt:
        codec.tables = tables

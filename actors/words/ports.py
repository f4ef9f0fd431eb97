"""What the actors need from the wing above: how values become bytes, and how frames are written.

Payloads and states travel between the actors as bytes, made once: ``transport/wire/codec.py`` fills in `Codec`,
``transport/server/framing.py`` fills in `Encoding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol


class Codec(Protocol):
    """Messages and models to their bytes on the wire, and back.

    Encoding raises UnregisteredType for a value that the serialiser does not know, LocalProtocolError for one that
    nobody could read; decoding raises RemoteProtocolError.
    """

    def encode_message(self, message: Any) -> bytes: ...

    def decode_message(self, payload: bytes) -> Any: ...

    def encode_model(self, model: Any) -> bytes: ...

    def check_model(self, model: Any) -> None:
        """Write a model and read it again, to see that somebody can."""

    def decode_model(self, state: bytes) -> Any: ...

    def decoder(self, annotation: Any) -> Callable[[Any], Any]:
        """Return what makes a value of ``annotation`` out of plain data, strictly; to be made once, and kept.

        It raises RemoteProtocolError that says what did not fit. Raises: UsageError for an annotation whose values
        cannot be carried.
        """

    def is_trouble(self, payload: bytes) -> bool:
        """Say whether a message is such that what is made of it may be nested too deeply, or overflow."""


class Sink(Protocol):
    """Where a session's bytes go, e.g. an outbox. It never waits and never raises."""

    @property
    def pending(self) -> int:
        """How many bytes wait for the client."""

    def write(self, joined: Any, /) -> object:
        """Take ``joined``, or end the connection of a client for whom it is too much."""

    def offer(self, joined: Any, /) -> bool:
        """Take ``joined`` whole, or nothing of it: False."""

    def on_empty(self, callback: Callable[[], None], /) -> None:
        """Call ``callback()`` once, when nothing waits any more; not at all if the connection ends before."""


class Encoding(Protocol):
    """How frames are written for one kind of connection (CBOR or JSON, with or without WebSocket headers).

    Each method returns one frame as a piece; `join` makes what a `Sink` takes out of some pieces, `deliver` hands it to
    many; with a list ``refused`` it is offered, and who does not take it is added. Sessions with the same encoding
    object get the same joined object, so a drain is encoded and joined once for all of them. ``extra`` is what is told
    of a message besides its payload (docs/wire.md, *Extra*); in an Acknowledge it has a list with one for each ref.
    """

    def acknowledge(
        self, target: str, seq: int, refs: Sequence[int], final: bool, extra: dict[str, list[Any]] | None = None
    ) -> bytes: ...

    def rejected(self, ref: int, target: str | None, code: str, text: str, details: Any) -> bytes: ...

    def out(self, target: str, code: str, text: str, join: int) -> bytes: ...

    def server_message(self, target: str, seq: int, payload: bytes, extra: dict[str, Any] | None = None) -> bytes: ...

    def push(self, target: str, payload: bytes) -> bytes: ...

    def snapshot(self, target: str, epoch: str, seq: int, state: bytes, reason: str) -> bytes: ...

    def reply(self, ref: int, value: bytes) -> bytes: ...

    def failure(
        self, ref: int, code: str, text: str, trace_id: str | None, errors: Sequence[tuple[str, str]]
    ) -> bytes: ...

    def join(self, pieces: Sequence[bytes]) -> Any: ...

    def deliver(self, sinks: Iterable[Any], joined: Any, refused: list[Any] | None = None) -> None: ...

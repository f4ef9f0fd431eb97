"""Every error that Nuphar raises on purpose: whose fault it is, and what happens next."""

from __future__ import annotations

from typing import Any

from .close_codes import PROTOCOL_ERROR


class NupharError(Exception):
    """The root of every error that Nuphar raises on purpose."""


class ProtocolError(NupharError):
    """Somebody broke the wire protocol.

    ``close_code`` is the WebSocket close code that the fault deserves, ``code`` the word that a ``Rejected`` carries
    (docs/wire.md), ``ref`` the frame's own ref, or 0 if it could not be made out.
    """

    def __init__(self, text: str, *, code: str = "malformed", close_code: int = PROTOCOL_ERROR, ref: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.close_code = close_code
        self.ref = ref


class RemoteProtocolError(ProtocolError):
    """The peer's bytes are wrong; a few in a row close its connection."""


class LocalProtocolError(ProtocolError):
    """We were asked to send something illegal: a bug on this side."""


class Refused(NupharError):
    """An answer, not a failure: the peer hears ``code`` and ``text``, and its connection lives on.

    ``details`` are plain data: None, bool, int, float, str, bytes, lists, and dicts with str keys.
    """

    def __init__(self, code: str, text: str, details: Any = None) -> None:
        if not isinstance(code, str) or not isinstance(text, str):
            raise UsageError(f"Refused: expected a code and a text, got {code!r} and {text!r}")
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.details = details


class UsageError(NupharError):
    """A program used Nuphar wrongly; the message states what was got and what was expected."""


class WrongUpdate(NupharError):
    """A store's ``update`` does what it must not; the text names the target, the message and the line."""


class TopicExists(UsageError):
    """The topic id, or a topic kind's prefix, is taken."""


class NotRunning(UsageError):
    """The server was not started yet, or has stopped."""


class AlreadyStarted(UsageError):
    """``start`` was called twice."""


class UnknownOption(UsageError):
    """An option has a name that does not exist."""


class UnregisteredType(UsageError):
    """A value's type is not known to the serialiser: register it, or fix the name."""


class OriginRefused(UsageError):
    """A connection's origin is missing or not allowed."""


class CannotListen(NupharError, OSError):
    """An address cannot be bound; the text says which, why and what to do. ``errno`` is the system's number."""

    def __str__(self) -> str:
        return str(self.args[-1])


class Busy(NupharError):
    """A bounded mailbox is full."""


class QueueError(NupharError):
    """A queue could not keep a message, or its file cannot be used: it was not dispatched."""


class SupervisionError(NupharError):
    """The root of what can go wrong between a supervisor and its children."""

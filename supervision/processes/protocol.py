"""What the two ends of a process child say to each other: kinds of packets, and reasons and errors as plain data.

The parent says START first; the child answers STARTED, FAILED or IGNORED. Then TELL, ASK (with a number, answered by
ANSWER or REFUSED with the same number) and STOP go down, and the child's last word is DOWN with the reason.
"""

from __future__ import annotations

import signal
import traceback
from enum import IntEnum
from typing import Any

from ...actors.words.errors import LocalProtocolError, Refused, RemoteProtocolError, SupervisionError
from ...actors.words.exit_reasons import KILLED, NORMAL, Crashed, Killed, Normal, Reason, Shutdown
from ...transport.wire.packets import dump_body

LONGEST_TEXT = 20_000
"""Characters of an error's text and of its traceback that are told."""

CHUNK = 64 * 1024
"""Bytes that one end reads at once."""

OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""Signals that somebody else sends; the others say that the process itself did something wrong."""


class PacketKind(IntEnum):
    """``START [name, module:Class, arguments, ours]``, ``STOP reason`` and ``TELL``, ``ASK message`` go down."""

    START = 1
    TELL = 2
    ASK = 3
    STOP = 4
    STARTED = 16
    FAILED = 17
    IGNORED = 18
    ANSWER = 19
    REFUSED = 20
    DOWN = 21


class RemoteError(SupervisionError):
    """What was raised in another process: ``type`` is the dotted name, ``text`` the message, ``traceback`` the text."""

    def __init__(self, type: str, text: str, traceback: str) -> None:
        super().__init__(f"{type}: {text}")
        self.type = type
        self.text = text
        self.traceback = traceback
        self.add_note(f"In the other process:\n{traceback}")


class ProcessEnded(SupervisionError):
    """A process has ended without saying why; ``code`` is its exit code, below 0 the signal that ended it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the process ended {_how(code)} and did not say why")
        self.code = code


def reason_of(code: int) -> Reason:
    """Return why a process ended that did not say so itself."""
    return KILLED if -code in OUTSIDE else Crashed(ProcessEnded(code))


def dump_error(error: BaseException) -> dict[str, Any]:
    """Return plain data that `load_error` makes an error of."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    told = {"type": name, "text": _text(str(error)), "traceback": _text("".join(traceback.format_exception(error)))}
    if isinstance(error, Refused):
        return told | {"refused": [_text(error.code), _text(error.text), _plain(error.details)]}
    return told


def load_error(told: Any) -> Exception:
    """Return the error: a `Refused` is the same again, anything else a `RemoteError`.

    Raises: RemoteProtocolError.
    """
    match told:
        case {"refused": [str() as code, str() as text, details]}:
            return Refused(code, text, details)
        case {"type": str() as kind, "text": str() as text, "traceback": str() as trace}:
            return RemoteError(kind, text, trace)
    raise RemoteProtocolError(f"expected an error, got {told!r:.200}")


def dump_reason(reason: Reason, now: float) -> list[Any]:
    """Return plain data that `load_reason` makes a reason of; a deadline is told as the seconds that are left."""
    match reason:
        case Normal():
            return ["normal"]
        case Shutdown(detail, deadline):
            return ["shutdown", _plain(detail), None if deadline is None else max(0.0, deadline - now)]
        case Killed():
            return ["killed"]
        case Crashed(error):
            return ["crashed", dump_error(error)]


def load_reason(told: Any, now: float) -> Reason:
    """Return the reason.

    Raises: RemoteProtocolError.
    """
    match told:
        case ["normal"]:
            return NORMAL
        case ["shutdown", detail, None]:
            return Shutdown(detail)
        case ["shutdown", detail, float() as left]:
            return Shutdown(detail, now + left)
        case ["killed"]:
            return KILLED
        case ["crashed", error]:
            return Crashed(load_error(error))
    raise RemoteProtocolError(f"expected a reason, got {told!r:.200}")


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT // 2]}\n…\n{text[-LONGEST_TEXT // 2 :]}"
    return text.encode(errors="replace").decode()


def _plain(value: Any) -> Any:
    try:
        dump_body(value)
    except LocalProtocolError:
        return repr(value)[:LONGEST_TEXT]
    return value


def _how(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"

"""One WebSocket of the server: gevent-websocket's class with another reader, writer and closing handshake."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Mapping
from typing import Any

import geventwebsocket.websocket
from gevent.exceptions import ConcurrentObjectUseError
from geventwebsocket.exceptions import WebSocketError

from ...actors.runtime.host import GEVENT, Host
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.words.close_codes import ABNORMAL, NO_CODE, NORMAL_CLOSURE, TOO_SLOW, may_be_sent
from ..wire import websocket_frames as wire
from ..wire.progress import Progress, Traffic, traffic
from ..wire.websocket_reader import AT_ONCE, FrameReader
from .kernel import SYSTEM, Kernel
from .limits import Limits
from .outbox import Outbox
from .reader import Reader

LOG = ThrottledLogger("nuphar.transport")

# Named, since a type checker that doesn't know the base class would take these for all there are.
_SLOTS = (
    "__weakref__", "_deadline", "_ending", "_frames", "_host", "_kernel", "_limits", "_over", "_progress",
    "_reader", "_sock", "close_code", "close_reason", "last_received", "outbox", "subprotocol",
)  # fmt: skip


class WebSocket(geventwebsocket.websocket.WebSocket):  # type: ignore[misc]  # the package has no types
    """An upgraded connection; one greenlet receives, any greenlet of the same hub writes and closes.

    ``sock`` is a gevent socket that its owner closes; ``early`` is what was read from it already.
    ``closed`` is true once nothing more can be written; ``close_code`` then says why: the peer's code if it
    closed first, ours if we did, 1006 if TCP ended without either. ``last_received`` is a time of the ``host``.
    """

    __slots__ = _SLOTS

    def __init__(
        self,
        sock: Any,
        environ: Mapping[str, Any] | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        subprotocol: str | None = None,
        early: bytes = b"",
        host: Host = GEVENT,
        kernel: Kernel = SYSTEM,
    ) -> None:
        # The base class's constructor is left out: it binds a stream and a validator that nothing here uses.
        self.environ = environ
        self.handler = self.stream = self.raw_read = self.raw_write = None
        self.closed = False
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason = ""
        self.last_received = host.clock()
        self.outbox = Outbox(sock, limits.outbox, self.abort, max_age=limits.outbox_age, host=host, kernel=kernel)
        self._sock = sock
        self._limits = limits
        self._frames = FrameReader(limits.message, at_once=AT_ONCE)
        self._reader = Reader(sock, early, host, kernel)
        self._progress: Progress | None = None
        self._host = host
        self._kernel = kernel
        self._ending: wire.WebSocketClose | wire.FramingFailed | None = None  # read, but not dealt with yet
        self._over = False  # both close frames are on their way, or TCP has ended
        self._deadline: Any = None

    def __del__(self) -> None:
        """Nothing: the base class would write to the socket here, inside the garbage collector."""

    @property
    def logger(self) -> logging.Logger:
        """The logger of this wing."""
        return logging.getLogger("nuphar.transport")

    def receive(self) -> list[bytes | str] | None:
        """Wait for the next messages: all that one read brought, or a part of it, at least one; None at the end.

        A binary message is ``bytes``, a text message is ``str``.

        Answers pings, and at the next call what ends the connection: the peer's close frame with its code, a
        broken rule with the code that it deserves. So the last messages can still be answered.
        """
        while not self._over:
            if self._ending is not None:
                self._settle(self._ending)
                continue
            if self._frames.has_more:
                self._host.pause()
                data = b""
            elif data := self._reader.read():
                self.last_received = self._host.clock()
            else:
                self.abort()
                break
            closing = self.closed  # what comes after our own close frame is for nobody
            events = self._frames.feed(data)
            if len(events) == 1 and type(events[0]) is bytes and not closing:
                return events  # type: ignore[return-value]  # mypy does not see what the line before says
            messages = self._sort(events)
            if messages and not closing:
                return messages
        self._end()
        return None

    def is_taking(self) -> bool:
        """Say whether the peer has taken bytes that were on their way to it since this was asked the last time."""
        if self._over:
            return False
        progress = self._progress = self._progress or Progress(self._sock, self._kernel.way)
        if not progress.has_moved():
            return False
        self.outbox.moved()
        return True

    def traffic(self) -> Traffic | None:
        """Return the bytes that were carried, None if nobody counts them. The kernel does: it costs nothing."""
        return traffic(self._sock)

    def write(self, framed: bytes) -> bool:
        """Send whole frames without waiting; False if nothing of them was taken (see `Outbox.write`)."""
        return self.outbox.write(framed)

    def send(self, message: str | bytes, binary: bool | None = None) -> None:
        """Send one message: text as a text message, bytes as a binary one, or what ``binary`` says.

        Raises: WebSocketError, an OSError, if it was not taken: the connection is closed or too slow.
        """
        opcode = wire.BINARY if (not isinstance(message, str) if binary is None else binary) else wire.TEXT
        self.send_frame(message, opcode)

    def send_frame(self, message: str | bytes, opcode: int) -> None:
        """Send one frame with this opcode. Raises: WebSocketError like `send`."""
        payload = message.encode() if isinstance(message, str) else bytes(message)
        if not self.write(wire.encode_frame(opcode, payload)):
            raise WebSocketError(f"not sent: closed {self.closed}, {self.outbox.pending} bytes pending")

    def close(self, code: int = NORMAL_CLOSURE, reason: str | bytes = "") -> None:
        """Send a close frame, don't wait; TCP ends when the peer answers or after ``limits.close`` seconds.

        Everything written so far goes first, except with `TOO_SLOW`. The receiving greenlet gets None then.
        Raises: ValueError for a code that no close frame may carry.
        """
        if code != NO_CODE and not may_be_sent(code):
            raise ValueError(f"expected a close code of RFC 6455 section 7.4, got {code}")
        text = reason if isinstance(reason, str) else reason.decode("utf-8", "replace")
        self._close(code, text, wire.encode_close(code, text))

    def abort(self) -> None:
        """End TCP now, in both directions, without a word; wakes whoever reads or writes."""
        self.closed = self._over = True
        if self.close_code is None:
            self.close_code = ABNORMAL
        self.outbox.close()
        self._reader.close()
        self._cancel_deadline()
        self._shut(socket.SHUT_RDWR)

    def linger(self, code: int = NORMAL_CLOSURE) -> None:
        """Close if nobody has, and see the closing handshake through; then the socket may be closed."""
        self.close(code)
        try:
            while self.receive() is not None:
                pass
        except ConcurrentObjectUseError:  # somebody still receives: then it is not for us to do
            self.abort()

    def _sort(self, events: list[wire.FrameEvent]) -> list[bytes | str]:
        messages: list[bytes | str] = []
        pong = None
        for event in events:
            if isinstance(event, bytes | str):
                messages.append(event)
            elif isinstance(event, wire.WebSocketPing):
                # The latest is enough (RFC 6455 section 5.5.3): a flood gets one answer for each read.
                pong = wire.encode_frame(wire.PONG, event.payload)
            elif not isinstance(event, wire.WebSocketPong):
                self._ending = event
        if pong is not None:
            self.outbox.write(pong)
        return messages

    def _settle(self, ending: wire.WebSocketClose | wire.FramingFailed) -> None:
        self._ending = None
        match ending:
            case wire.WebSocketClose(code, reason):
                self._close(code, reason, wire.encode_close(code))
                self._over = True
            case wire.FramingFailed(code, reason):
                self._close(code, reason, wire.encode_close(code, reason))
                # The peer may be sending still. Closing TCP over unread bytes would reset it and destroy our
                # close frame, so only our half is closed, and `receive` throws away what comes until the peer
                # or the deadline ends it. If frames still wait in the outbox, the deadline has to do.
                if not self.outbox.pending:
                    self._shut(socket.SHUT_WR)

    def _close(self, code: int, reason: str, frame: bytes) -> None:
        if self.closed:
            return
        self.closed = True
        self.close_code, self.close_reason = code, reason
        self._deadline = self._host.timer(self._limits.close)
        self._deadline.start(self.abort)
        self.outbox.finish(frame, drop=code == TOO_SLOW)

    def _end(self) -> None:
        self.outbox.flush(self._limits.close)  # the deadline is at least as near
        self.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None

    def _shut(self, how: int) -> None:
        with contextlib.suppress(OSError):  # it was dead already
            self._kernel.shut(self._sock, how)

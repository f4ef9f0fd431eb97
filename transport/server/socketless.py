"""A client without a socket: the application carries its frames (``Server.connect``, ``incoming``, ``disconnect``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent

from ...actors.runtime.hooks import new_trace_id
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.runtime.mailbox import get_ident
from ...actors.sessions.sessions import Sessions
from ...actors.words.close_codes import TOO_SLOW
from ...actors.words.errors import Busy
from ...actors.words.identity import Identity
from ..wire.codec import Codec
from ..wire.frames import Ping
from .framing import BARE, plain_frame
from .gate import guard
from .inbound import Inbound
from .rate_book import RateBook

logger = ThrottledLogger("nuphar.transport")

MOST_WAITING = 10_000
"""Frames that may wait in either direction: for a ``send`` that lets others run, and for the server's own thread."""


class SocketlessClient:
    """Its frames go out through ``send(frame)``, one by one and in order, always on the server's own thread."""

    def __init__(
        self,
        client_id: str,
        send: Callable[[bytes], Any],
        sessions: Sessions,
        codec: Codec,
        hub: Any,
        identity: Identity | None = None,
        rates: RateBook | None = None,
    ) -> None:
        self._send = send
        self._outgoing: deque[bytes] = deque()
        self._is_sending = False
        self._is_over = False
        self._incoming: deque[bytes] = deque()
        self._is_receiving = False
        self._hub = hub
        self._thread: int = hub.thread_ident  # of the server, whoever connects the client
        self._sessions = sessions
        self.session = sessions.connect(client_id, BARE, self, identity)
        self.session.hang_up = self._close
        self._clock = clock = sessions.host.clock
        self._visit = None if rates is None else rates.nobody()
        visit = self._visit
        gate = None if visit is None else guard(visit, self.session, False, clock, self._ping, self._close)
        self._inbound = Inbound(self.session, BARE, codec, self._close, gate=gate)

    def write(self, frames: list[bytes]) -> None:
        """Send ``frames``. What ``send`` raises is logged and hurts nobody else."""
        if self._is_over:
            return
        self._outgoing.extend(frames)
        if self._is_sending:
            if len(self._outgoing) > MOST_WAITING:
                self.end()
                self._close(TOO_SLOW, f"too slow: {MOST_WAITING} frames wait for its send")
            return  # a send that lets others run: it goes on with ours, so the order stays
        self._is_sending = True
        try:
            while self._outgoing:
                self._send_one(self._outgoing.popleft())
        finally:
            self._is_sending = False

    pending = 0

    def offer(self, frames: list[bytes]) -> bool:
        """Take ``frames``: as far as delivery rules see, nothing ever waits for this client. False after its end."""
        self.write(frames)
        return not self._is_over

    def on_empty(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` at once."""
        callback()

    def end(self) -> None:
        """Send nothing more: the application has let go of this client."""
        self._is_over = True
        self._outgoing.clear()
        self._leave()

    def receive(self, data: bytes) -> None:
        """Take one frame of this client, from any greenlet or thread; frames are processed in order."""
        if get_ident() == self._thread and not self._incoming and not self._is_receiving:
            self._is_receiving = True  # hooks and rules may wait: what comes meanwhile comes behind this one
            try:
                self._inbound.receive(data)
            finally:
                self._is_receiving = False
                self._catch_up()
        else:
            if len(self._incoming) >= MOST_WAITING:
                raise Busy(f"{MOST_WAITING} frames of client {self.session.client_id} wait already")
            self._incoming.append(data)
            self._hub.loop.run_callback_threadsafe(self._catch_up)

    def _send_one(self, frame: bytes) -> None:
        try:
            self._send(frame)
        except Exception:
            logger.exception("send to client %s failed; trace id %s", self.session.client_id, new_trace_id())

    def _ping(self, n: int) -> None:
        self.write([BARE.frame(plain_frame(Ping(n)))])

    def _catch_up(self) -> None:
        if self._incoming and not self._is_receiving:
            self._is_receiving = True
            gevent.spawn(self._receive_waiting)

    def _receive_waiting(self) -> None:
        try:
            while self._incoming:
                try:
                    self._inbound.receive(self._incoming[0])
                finally:
                    self._incoming.popleft()
        finally:
            self._is_receiving = False

    def _close(self, code: int, reason: str) -> None:
        logger.warning("client %s is disconnected with %d: %s", self.session.client_id, code, reason)
        self._sessions.disconnect(self.session)
        self._leave()

    def _leave(self) -> None:
        if self._visit is not None:
            self._visit.leave(self._clock())

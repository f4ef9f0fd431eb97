"""One simulated client: a raw WebSocket, a greenlet that reads it, and the checker that judges what comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from ..actors.errors import RemoteProtocolError
from ..transport import websocket_frames as wire
from ..transport.codec import CODES, read
from ..transport.frames import ClientMessage, Frame, Hello, Ping, Pong, Resync, Subscribe
from ..transport.strict import dump_cbor
from .checker import SUBSCRIBE, Checker
from .dial import dial
from .errors import LoadError
from .plan import Address

_READ = 64 * 1024  # bytes
_LIMIT = 1 << 20  # bytes: no frame of a load topic comes near


class Client:
    """A client of ``target``; ``clock`` gives monotonic seconds."""

    def __init__(self, target: str, checker: Checker, clock: Callable[[], float]) -> None:
        self.checker = checker
        self.is_open = False
        self.ending = ""
        """How the connection ended, in words."""
        self.joined = Event()
        """Set when the Subscribe was answered, and when the connection ended."""
        self._target = target
        self._clock = clock
        self._reader = wire.FrameReader(_LIMIT, client=True)
        self._sock: Any = None
        self._greenlet: gevent.Greenlet | None = None

    def connect(self, address: Address) -> None:
        """Open the connection and subscribe, without waiting for the answer to that.

        Raises: LoadError if there is no connection.
        """
        self._sock, early = dial(address)
        self.is_open = True
        self._greenlet = gevent.spawn(self._read, early)
        self._send(Hello(1, None, None, {}, {}))
        self._send(Subscribe(SUBSCRIBE, self._target, None, None))

    def wait_joined(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for the answer to the Subscribe.

        Raises: LoadError if it is not an Acknowledge.
        """
        self.joined.wait(timeout)
        checker = self.checker
        if checker.fault is None and checker.joined and self.is_open:
            return
        reason = checker.fault or self.ending or f"no answer within {timeout:g} s"
        raise LoadError(f"client {checker.client} cannot subscribe to {self._target}: {reason}")

    def post(self) -> None:
        """Post this client's next message; does nothing once the connection has ended."""
        if self.is_open:
            ref, payload = self.checker.post(self._clock())
            self._send(ClientMessage(ref, self._target, payload))

    def compare(self) -> None:
        """Ask for the server's model, to compare it with the client's own."""
        if self.is_open:
            self.checker.compare()
            self._send(Resync({self._target: None}))

    def close(self) -> None:
        """Say goodbye; the server's answer ends the connection."""
        if self.is_open:
            self._write(wire.encode_close(1000, mask=os.urandom(4)))

    def wait_closed(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for the end of the connection, then end it."""
        greenlet = self._greenlet
        if greenlet is not None:
            greenlet.join(timeout)
            greenlet.kill()

    def _read(self, data: bytes) -> None:
        sock, clock = self._sock, self._clock
        try:
            while True:
                now = clock()
                for event in self._reader.feed(data):
                    self._take(event, now)
                if not self.is_open:
                    break
                data = sock.recv(_READ)
                if not data:
                    self._end("the server ended TCP without a word")
                    break
        except (OSError, RemoteProtocolError) as error:
            self._end(str(error))
        finally:
            self._end("it was given up")
            sock.close()

    def _take(self, event: wire.Event, now: float) -> None:
        match event:
            case bytes() | str() as payload:
                frame = read(payload)
                if isinstance(frame, Ping):
                    self._send(Pong(frame.n))
                    return
                self.checker.feed(frame, now)
                if not self.joined.is_set() and (self.checker.joined or self.checker.fault):
                    self.joined.set()
            case wire.Ping(payload):
                self._write(wire.encode_frame(wire.PONG, payload, os.urandom(4)))
            case wire.Close(code, reason):
                self._write(wire.encode_close(code, mask=os.urandom(4)))
                self._end(f"closed with {code} {reason}".rstrip())
            case wire.Failed(_, reason):
                self._end(f"broken WebSocket frame: {reason}")

    def _send(self, frame: Frame) -> None:
        self._write(wire.encode_frame(wire.BINARY, dump_cbor([CODES[type(frame)], *frame]), os.urandom(4)))

    def _write(self, data: bytes) -> None:
        # Never waits, so that one client cannot hold up the others: the kernel keeps thousands of our small frames.
        if not self.is_open:
            return
        try:
            if os.write(self._sock.fileno(), data) < len(data):
                self._end("the server takes nothing any more")
        except OSError as error:
            self._end(str(error))

    def _end(self, how: str) -> None:
        self.ending = self.ending or how
        self.is_open = False
        self.joined.set()

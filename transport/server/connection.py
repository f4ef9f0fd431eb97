"""One live connection: a WebSocket with the handshake before it and a session behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from ...actors.runtime.fair_turns import Turn
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.sessions.session import Session
from ...actors.sessions.takeover import end_naming
from ...actors.words.close_codes import (
    GOING_AWAY,
    NORMAL_CLOSURE,
    OTHER_VERSION,
    PROTOCOL_ERROR,
    RESTARTING,
    TOO_SLOW,
    TRY_AGAIN_LATER,
    UNAUTHORISED,
)
from ...actors.words.errors import Busy, RemoteProtocolError
from ...actors.words.identity import EXPIRED, Identity
from ..wire.codec import read
from ..wire.frames import Bye, Hello, Ping, Welcome
from .framing import plain_frame
from .gate import guard
from .gateway import Gateway
from .inbound import BAD_IN_A_ROW, Inbound
from .protocol import Beat, CloseWith, ServerProtocol
from .rate_book import Visit
from .subprotocols import FRAMINGS
from .tidings import tell_closed, tell_connected

logger = ThrottledLogger("nuphar.transport")


class Socket(Protocol):
    """What a connection needs of its WebSocket, or of a line (`http.line`), which is pushed, not asked."""

    closed: bool
    close_code: int | None
    last_received: float

    @property
    def outbox(self) -> Any: ...

    @property
    def subprotocol(self) -> str | None: ...

    def receive(self) -> list[bytes | str] | None: ...

    def is_taking(self) -> bool: ...

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None: ...

    def abort(self) -> None: ...


class Connection:
    """Reads, greets, and passes on; `run` returns when the connection is over.

    ``identity`` is who the application says it is; a session is resumed for the same user only.
    """

    __slots__ = (
        "_bad", "_framing", "_gateway", "_identity", "_inbound", "_outbox", "_proof", "_protocol", "_socket", "_visit",
    )  # fmt: skip

    def __init__(
        self, socket: Socket, gateway: Gateway, identity: Identity | None = None, visit: Visit | None = None
    ) -> None:
        self._visit = visit or gateway.nobody()
        self._socket = socket
        self._identity = identity
        self._gateway = gateway
        self._framing = FRAMINGS[socket.subprotocol or "nuphar.v1.cbor"]
        self._outbox = socket.outbox
        self._outbox.on_refused = self._close_too_slow
        self._protocol = ServerProtocol(gateway.clock(), gateway.limits)
        self._inbound: Inbound | None = None
        self._bad = 0
        self._proof: int | None = None
        """The number of the Pong that proves that the Welcome has arrived."""

    @property
    def session(self) -> Session | None:
        """Who it is, once it has said Hello."""
        return self._inbound.session if self._inbound is not None else None

    def run(self) -> None:
        """Serve the connection to its end, in the greenlet that calls."""
        if not self.begin():
            return
        try:
            while (messages := self._socket.receive()) is not None:
                self.receive(messages)
        finally:
            self.finish()

    def begin(self) -> bool:
        """Be one of the server's connections; False if it has stopped: then it is closed already."""
        if self._gateway.is_closing or self._gateway.has_stopped:
            self._leave()
            self._end(RESTARTING, "the server stops")
            return False
        self._gateway.connections.add(self)
        return True

    def receive(self, messages: Iterable[bytes | str]) -> None:
        """Take what came together, between `begin` and `finish`, in as many turns as it takes."""
        turn, host = None, self._gateway.host
        for message in messages:
            if turn is None:
                turn = Turn(brings=True)  # most reads bring one message
            elif host.is_over(turn):
                host.pause()
                turn.renew()
            if self._socket.closed:
                break  # what came behind the frame that ended it is for nobody
            if self._inbound is not None:
                self._inbound.receive(message)
            else:
                self._greet(message)

    def finish(self) -> None:
        """Be none of the server's connections any more."""
        self._gateway.connections.discard(self)
        self._leave()
        tell_closed(self._socket, self.session, self._gateway.clock() - self._protocol.opened)
        if self._inbound is not None:
            # We never close with 1000 while it runs, so the client did: it says that it does not come back.
            is_for_good = self._socket.close_code == NORMAL_CLOSURE
            self._gateway.reception.lose(self._inbound.session, self._gateway.clock(), is_for_good)
            self._inbound.end()
        self._outbox.on_refused = None  # or both would be left to the collector

    def tick(self, now: float) -> None:
        """Do what is due: heartbeats, deadlines, the end of an identity's time.

        A client that takes bytes lives, however long a message takes.
        """
        is_silent = now - self._socket.last_received > 1.2 * self._gateway.limits.heartbeat  # a Ping has no answer yet
        if (is_silent or self._outbox.pending) and self._socket.is_taking():
            self._socket.last_received = max(now, self._socket.last_received)
        match self._protocol.tick(now, self._socket.last_received):
            case Beat(n):
                self._ping(n)
            case CloseWith(code, reason):
                self._end(code, reason)
        if self._outbox.pending and self._outbox.too_slow:
            self._close_too_slow()
        if self._identity is not None and self._identity.has_expired(self._gateway.host.wall()):
            self._end(UNAUTHORISED, EXPIRED)
        if (session := self.session) is not None and session.unnamed is not None and session.unnamed.is_due(now):
            end_naming(session)

    def say_bye(self, reason: str, retry_after: float) -> None:
        """Say that the end is planned, and close after everything that was written before."""
        if self._inbound is not None:
            self._outbox.write(self._framing.frame(plain_frame(Bye(reason, retry_after))))
        self._socket.close(GOING_AWAY, reason)

    def abort(self) -> None:
        """End it now."""
        self._socket.abort()

    def _greet(self, data: bytes | str) -> None:
        try:
            frame = read(data, self._gateway.host.pulse)
            if self._socket.closed:
                return  # others may have run
            refusal = self._protocol.greet(frame)
        except RemoteProtocolError as error:
            refusal = (error.code, str(error))
        if refusal is None:
            assert isinstance(frame, Hello)
            self._welcome(frame)
            return
        self._bad += 1
        self._outbox.write(self._framing.rejected(0, None, *refusal, None))
        if refusal[0] == "version":
            self._end(OTHER_VERSION, refusal[1])
        elif self._bad >= BAD_IN_A_ROW:
            self._end(PROTOCOL_ERROR, refusal[1])

    def _welcome(self, hello: Hello) -> None:
        gateway = self._gateway
        try:
            greeting = gateway.reception.greet(
                hello.session, hello.token, self._identity, self._framing, self._outbox, self._end
            )
        except Busy as error:
            self._end(TRY_AGAIN_LATER, str(error))
            return
        session = greeting.session
        visit, clock = self._visit, gateway.clock
        gate = None if visit is None else guard(visit, session, greeting.resumed, clock, self._ping, self._end)
        codec, pulse = gateway.codec, gateway.host.pulse
        self._inbound = Inbound(session, self._framing, codec, self._end, self._take_pong, pulse, gate)
        tell_connected(session, visit, greeting.resumed)
        welcome = Welcome(
            client_id=session.client_id,
            session=greeting.id,
            token=greeting.token,
            resumed=greeting.resumed,
            limits=gateway.named_limits(),
            heartbeat=gateway.limits.heartbeat,
            contract=gateway.codec.serialiser.contract(),
            extra=None if session.user is None else {"user": session.user},
        )
        self._outbox.write(self._framing.frame(plain_frame(welcome)))
        if greeting.resumed:
            self._proof = int(gateway.host.secret(4), 16)
            self._ping(self._proof)
        if gate is not None:
            gate.count(0, len(hello.cursors))
        gateway.sessions.restore(session, hello.cursors, greeting.resumed, hello.options.get("more") is True)

    def _ping(self, n: int) -> None:
        self._outbox.write(self._framing.frame(plain_frame(Ping(n))))

    def _leave(self) -> None:
        if self._visit is not None:
            self._visit.leave(self._gateway.clock(), self.session)

    def _take_pong(self, n: int) -> None:
        if n == self._proof and self.session is not None:
            self._proof = None
            self._gateway.reception.prove(self.session)

    def _close_too_slow(self) -> None:
        if not self._socket.closed:
            logger.warning("client %s is too slow: %d bytes wait for it", self._name(), self._outbox.pending)
            self._socket.close(TOO_SLOW, "too slow")

    def _end(self, code: int, reason: str) -> None:
        if not self._socket.closed:
            logger.info("closing client %s with %d: %s", self._name(), code, reason)
            self._socket.close(code, reason[:120])

    def _name(self) -> str:
        return self._inbound.session.client_id if self._inbound is not None else "(before Hello)"


def close_newcomer(socket: Socket, code: str, text: str, close_code: int) -> None:
    """Tell a client why it is not let in: a page sees no status of an upgrade, so its own is accepted for that."""
    framing = FRAMINGS[socket.subprotocol or "nuphar.v1.cbor"]
    socket.outbox.write(framing.rejected(0, None, code, text, None))
    socket.close(close_code, text)

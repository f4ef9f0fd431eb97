"""The parent's end of a process child: owns the process, passes messages on, and ends as the actor over there ends."""

from __future__ import annotations

import logging
import time
from typing import Any

import gevent
import gevent.socket
import pykka

from ...actors.runtime.actor import Actor
from ...actors.runtime.future import Future
from ...actors.runtime.mailbox import Hibernate, Mailbox
from ...actors.runtime.pykka_names import ActorStop, Envelope
from ...actors.runtime.ref import Ignore, Stop
from ...actors.words.errors import LocalProtocolError, RemoteProtocolError
from ...actors.words.exit_reasons import KILLED, NORMAL, Crashed, Reason
from ...transport.wire.packets import Packet, Packets, dump_body, pack, seal_packet
from .os_process import OsProcess
from .process_ref import ProcessRef, Written
from .protocol import CHUNK, PacketKind, ProcessEnded, dump_reason, load_error, load_reason, reason_of

logger = logging.getLogger("nuphar.supervision")

MAIN = "nuphar.supervision.processes.child_main"

GRACE = 1.0
"""Seconds between the actor's end and that of its process, which is killed then."""


class Over:
    """Told by a process actor to itself: the process has ended."""


class ProcessActor(Actor):
    """Stands for the actor ``"module:Class"`` in another process; what is told to it is told to that one."""

    address = ProcessRef

    def __init__(self, actor: str, *args: Any, **link: Any) -> None:
        super().__init__(**link)
        assert isinstance(self.ref, ProcessRef)
        self._address = self.ref
        self._started_with = [actor, list(args)]
        self._process: OsProcess | None = None
        self._beginning: Future | None = Future()
        self._asked: dict[int, Future] = {}
        self._number = 0
        self._stopping: Reason | None = None
        self._over = Future()
        self._is_over = False

    def init(self) -> None:
        actor, args = self._started_with
        start = pack(PacketKind.START, 0, [self.name, actor, args])
        self._socket, theirs = gevent.socket.socketpair()
        with theirs:
            try:
                fd = theirs.fileno()
                self._process = OsProcess(MAIN, [str(fd), self.name, str(actor)], fd, self._wake)
            except BaseException:
                self._socket.close()
                raise
        self._address.process = self._process
        beginning = self._beginning
        assert beginning is not None
        gevent.spawn(self._read)
        try:
            self._send(start)
            beginning.get(timeout=None)
        except Exception:
            self._over.get(timeout=None)  # nothing of it is left when the starter hears of it
            raise
        except BaseException:
            self._process.kill()
            raise

    # What follows is the door's seam: an actor that passes messages on answers them out of turn.

    def _serve(self, mailbox: Mailbox) -> Reason:
        assert self._process is not None
        try:
            while not self._is_over:
                message = mailbox.head(self)
                if mailbox.owner is not self:
                    self._process.kill()  # superseded
                    return KILLED
                if not self._is_over:
                    mailbox.drop()
                    self._pass_on(message)
            reason: Reason = self._over.get(timeout=None)
        except Hibernate:
            raise
        except BaseException:  # this greenlet is being killed, by somebody who does not know that there is a process
            self._process.kill()
            raise
        return reason

    def _pass_on(self, message: Any) -> None:
        future: Any = None
        if isinstance(message, Envelope):
            message, future = message.message, message.reply_to
        if isinstance(message, Over):
            return  # a predecessor's
        if isinstance(message, ActorStop):
            message = Stop(NORMAL)
        if isinstance(message, Stop):
            self.stop_reply = future
            self._stop_process(message.reason)
            return
        try:
            body = message.body if isinstance(message, Written) else dump_body(message)
        except LocalProtocolError:
            logger.exception("a message for %s was dropped", self.ref)
            return
        number = 0
        if future is not None:
            number = self._number = self._number % 0xFFFF_FFFF + 1
            self._asked[number] = future
        self._send(seal_packet(PacketKind.ASK if future is not None else PacketKind.TELL, number, body))

    def _stop_process(self, reason: Reason) -> None:
        assert self._process is not None
        if reason == KILLED:
            self._process.kill()
        else:
            self._stopping = reason
            self._send(pack(PacketKind.STOP, 0, dump_reason(reason, time.monotonic())))
        self._over.get(timeout=None)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:  # it has ended, or is about to be: the reader finds out why
            return

    # What the process says, in a greenlet of its own, which ends after the process.

    def _wake(self) -> None:
        try:
            self._socket.shutdown(gevent.socket.SHUT_RDWR)  # a process of its own may hold the other end open
        except OSError:
            return

    def _read(self) -> None:
        assert self._process is not None
        packets = Packets()
        said: Reason | None = None
        try:
            while said is None and (data := self._socket.recv(CHUNK)):
                for packet in packets.receive_data(data):
                    said = self._receive(packet) or said
        except RemoteProtocolError as error:
            said = Crashed(error)
            self._process.kill()
        except OSError:
            pass  # a reset: the same as an end of file
        code = self._process.wait(GRACE)
        if code is None:
            self._process.kill()
            code = self._process.ended.get(timeout=None)
        self._socket.close()
        if said is None:
            said = reason_of(code)
        self._finish(said, ProcessEnded(code))

    def _finish(self, reason: Reason, ended: ProcessEnded) -> None:
        if self._beginning is not None:
            failed = reason.error if isinstance(reason, Crashed) else ended
            self._beginning.set_exception((None, failed, None))
        elif isinstance(reason, Crashed) and isinstance(reason.error, ProcessEnded | RemoteProtocolError):
            logger.error("actor %s crashed", self.ref, exc_info=reason.error)  # anything else has logged itself
        while self._asked:
            error = pykka.ActorDeadError(f"{self.ref} stopped before it answered")
            self._asked.popitem()[1].set_exception((None, error, None))
        stopping = self._stopping
        self._is_over = True
        self._over.set(stopping if stopping is not None and type(stopping) is type(reason) else reason)
        self.mailbox.put_anyway(Over())

    def _receive(self, packet: Packet) -> Reason | None:
        """Do what one packet says; return the reason if it is the last."""
        kind, number, body = packet
        if kind == PacketKind.DOWN:
            return load_reason(body, time.monotonic())
        if kind in (PacketKind.ANSWER, PacketKind.REFUSED) and number in self._asked:
            if kind == PacketKind.ANSWER:
                self._asked.pop(number).set(body)
            else:
                self._asked.pop(number).set_exception((None, load_error(body), None))
            return None
        if (beginning := self._beginning) is None:
            raise RemoteProtocolError(f"packet {kind} with number {number} was not expected")
        match kind:
            case PacketKind.STARTED:
                beginning.set()
            case PacketKind.IGNORED:
                beginning.set_exception((Ignore, None, None))
            case PacketKind.FAILED:
                beginning.set_exception((None, load_error(body), None))
            case _:
                raise RemoteProtocolError(f"packet {kind} with number {number} came before the start")
        self._beginning = None
        return None if kind == PacketKind.STARTED else NORMAL

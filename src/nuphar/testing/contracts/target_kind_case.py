"""What the contract of `TargetKind` is tried on: a kind with a server, and clients that need no connection."""

from __future__ import annotations

from typing import Any

import gevent

from ...actors.sessions.kinds import TargetKind
from ...actors.sessions.session import Session
from ...actors.sessions.sessions import generate_client_id
from ...supervision.root.server import Server
from ...transport.wire import frames as f
from ...transport.wire.codec import decode, encode
from .running import Case, eventually


class TargetKindCase(Case):
    """A kind that is registered on ``server``, which the case starts and stops.

    Anybody may subscribe to ``target`` and send ``message`` there, nobody to ``forbidden`` (None: there is no such
    name). ``call`` is the name and the arguments of a call that succeeds, if there are any.
    """

    target: str
    message: Any = 1
    forbidden: str | None = None
    call: tuple[str, Any] | None = None

    def __init__(self, server: Server) -> None:
        self.server = server.start()

    @property
    def kind(self) -> TargetKind:
        """The kind of ``target``."""
        kind = self.server.books.kinds.of(self.target)
        assert kind is not None, f"expected a kind that is registered for {self.target!r}, got none"
        return kind

    def close(self) -> None:
        self.server.stop(0.2)


class FakeClient:
    """A client without a socket; what it has got are frames."""

    def __init__(self, server: Server) -> None:
        self.id = generate_client_id()
        self.got: list[bytes] = []
        self._server = server
        server.connect(self.id, self.got.append)

    @property
    def session(self) -> Session:
        """Its session. Raises: AssertionError if that has ended."""
        session = self._server.sessions.get(self.id)
        assert session is not None, f"expected a session of {self.id}, got none"
        return session

    @property
    def frames(self) -> list[f.Frame]:
        """What it has got."""
        return [decode(frame, self._server.codec.serialiser) for frame in self.got]

    def send(self, *frames: f.Frame) -> None:
        """Have the server take frames, one right after the other."""
        for frame in frames:
            self._server.incoming(self.id, encode(frame, self._server.codec.serialiser))

    def answers(self) -> list[tuple[int, type]]:
        """Return what each ref was answered with, in order."""
        found: list[tuple[int, type]] = []
        for frame in self.frames:
            if isinstance(frame, f.Acknowledge):
                found += [(ref, f.Acknowledge) for ref in frame.refs]
            elif isinstance(frame, f.Rejected | f.Reply | f.Failure):
                found.append((frame.ref, type(frame)))
        return found

    def wait_answered(self, *refs: int) -> None:
        """Wait until all of these have an answer, and then some turns for another that would be too many."""
        eventually(lambda: {ref for ref, _ in self.answers()} >= set(refs), f"expected answers to {refs}")
        for _ in range(100):
            gevent.sleep(0)

"""What the contract of `Connector` is tried on: a connector with a server, and what is said and heard over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from ...actors.words.store import Store
from ...supervision.root.server import Server
from ...transport.client.connectors.connector import Connector, Handler, Transport
from ...transport.wire.codec import decode, encode
from ...transport.wire.frames import Frame, Hello, Welcome
from .running import Case, eventually


class ConnectorCase(Case):
    """A connector, and ``server``, the server that it leads to."""

    connector: Connector

    def __init__(self) -> None:
        self.server = Server().start()
        self.server.topic("list").with_store(Store((), lambda model, message: (*model, message)))
        self.news = self.server.topic("news")

    def cut(self) -> None:
        """Break the line, so that the connector notices, and let none through until `restore`."""
        raise NotImplementedError

    def restore(self) -> None:
        """Let the connector through again."""
        raise NotImplementedError

    def run(self, function: Callable[[], Any]) -> Any:
        """Return ``function()``, called where a client would call its connector and transport: by default right here.

        What it raises is raised here.
        """
        return function()

    def close(self) -> None:
        self.server.stop(0.2)


class Heard:
    """A handler that keeps what it hears, and whether it was called by two at once."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.frames: list[bytes] = []
        self.overlaps = 0
        self._lock = threading.Lock()
        self.handler = Handler(
            lambda frame: self._note("receive", frame),
            lambda: self._note("reconnect", None),
            lambda: self._note("disconnect", None),
            lambda code, reason: self._note("close", code),
            lambda why: self._note("fault", why),
        )

    def count(self, name: str) -> int:
        """Return how often something was said."""
        return [each for each, _ in self.events].count(name)

    def _note(self, name: str, what: Any) -> None:
        if not self._lock.acquire(blocking=False):
            self.overlaps += 1
            return
        try:
            time.sleep(0)  # another thread may come in now
            if name == "receive":
                self.frames.append(what)
            else:
                self.events.append((name, what))
        finally:
            self._lock.release()


class Talk:
    """A transport, what it says, and frames of the protocol over it."""

    def __init__(self, case: ConnectorCase) -> None:
        self.case = case
        self.heard = Heard()
        self.transport: Transport = case.run(lambda: case.connector(self.heard.handler))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.case.run(self.transport.close)

    def connect(self, times: int = 1) -> Self:
        """Wait until it has connected so often, and say Hello."""
        eventually(lambda: self.heard.count("reconnect") >= times, f"expected it to connect {times} times")
        self.send(Hello(1, None, None, {}, {}))
        self.wait_for(Welcome, times)
        return self

    def send(self, *frames: Frame | bytes) -> None:
        serialiser = self.case.server.codec.serialiser
        for frame in frames:
            data = frame if isinstance(frame, bytes) else encode(frame, serialiser)
            self.case.run(partial(self.transport.send, data))

    def frames(self, kind: type[Frame]) -> list[Any]:
        """Return the frames of a kind that have come."""
        frames = [decode(data, self.case.server.codec.serialiser) for data in list(self.heard.frames)]
        return [frame for frame in frames if isinstance(frame, kind)]

    def wait_for(self, kind: type[Frame], count: int = 1) -> None:
        """Wait until so many frames of a kind have come."""
        eventually(lambda: len(self.frames(kind)) >= count, f"expected {count} {kind.__name__} to come")

    def wait_said(self, name: str, count: int = 1) -> None:
        """Wait until the handler has heard so often of something."""
        eventually(lambda: self.heard.count(name) >= count, f"expected on_{name} {count} times")

"""The address of an actor in another process: what is told to it is encoded at once, so a fault is the sender's."""

from __future__ import annotations

from typing import Any

from ...actors.runtime.pykka_names import ActorStop
from ...actors.runtime.ref import ASK_TIMEOUT, Ref, Stop
from ...transport.wire.packets import dump_body
from .os_process import OsProcess


class Written:
    """A message as it goes to the other process."""

    __slots__ = ("body",)

    def __init__(self, message: Any) -> None:
        self.body = dump_body(message)

    def __repr__(self) -> str:
        return f"<{len(self.body)} bytes>"


class ProcessRef(Ref[Any]):
    """An address of an actor in another process; ``pid`` is that of its process, 0 before the start.

    What cannot be sent is the sender's error: `tell` and `ask` raise LocalProtocolError.
    """

    process: OsProcess | None = None

    @property
    def pid(self) -> int:
        return 0 if self.process is None else self.process.pid

    def kill(self) -> None:
        """End the process without asking, whatever it does; this side ends after it."""
        if self.process is None:
            super().kill()
        else:
            self.is_killed = True
            self.process.kill()

    def tell(self, message: Any) -> None:
        """Send ``message`` without waiting for an answer."""
        super().tell(Written(message))

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = ASK_TIMEOUT) -> Any:
        """Send ``message`` and wait at most ``timeout`` seconds for the answer.

        Raises: pykka.Timeout, pykka.ActorDeadError, Refused if the handler raised that, RemoteError for anything else.
        """
        if not isinstance(message, ActorStop | Stop):
            message = Written(message)
        return super().ask(message, block=block, timeout=timeout)

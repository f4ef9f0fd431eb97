"""What a client tells its program, as data. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..actors.errors import Refused


class Changed(NamedTuple):
    """A target's model is new; by ``message``, or None when a Snapshot replaced it or the target has stopped."""

    target: str
    message: Any


class Pushed(NamedTuple):
    """A message outside any order."""

    target: str
    message: Any


class Answered(NamedTuple):
    """The server's answer to ``ref``: the seq, or why not."""

    ref: int
    seq: int
    refused: Refused | None


class Live(NamedTuple):
    """The server has said Welcome."""

    client_id: str


class Ending(NamedTuple):
    """The server will end the connection as planned; come back after ``retry_after`` seconds."""

    retry_after: float


class Failed(NamedTuple):
    """A store's ``update`` raised on ``target``; the model stays, and a Snapshot has been asked for."""

    target: str
    error: Exception


Event = Changed | Pushed | Answered | Live | Ending | Failed

"""What a client tells its program, as data. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....actors.words.errors import NupharError, Refused
from .replica import OwnMessage


class Changed(NamedTuple):
    """What is shown of a target is new: by ``message``, or by more than one (None): a Snapshot, a rollback, a stop."""

    target: str
    model: Any
    message: Any


class Pushed(NamedTuple):
    """A message outside any order."""

    target: str
    message: Any


class Answered(NamedTuple):
    """The answer to a message of ours: the seq, or why not."""

    own: OwnMessage
    seq: int
    refused: Refused | None


class Denied(NamedTuple):
    """A target cannot be followed, or something that the client asked for was refused."""

    target: str | None
    refused: Refused


class Welcomed(NamedTuple):
    """The server has said Welcome."""

    client_id: str
    resumed: bool


class Ending(NamedTuple):
    """The server will end the connection as planned; come back after ``retry_after`` seconds."""

    retry_after: float


class UpdateFailed(NamedTuple):
    """A store's ``update`` raised on ``message``; the model of ``target`` stays, and a Snapshot has been asked for."""

    target: str
    message: Any
    error: Exception


class NotKept(NamedTuple):
    """The queue could not keep something that nobody waits for; messages may be sent once more after a restart."""

    error: NupharError


class Paused(NamedTuple):
    """The server wants something later: tell the core ``rested(turn)`` after ``seconds``."""

    turn: int
    seconds: float


ClientEvent = Changed | Pushed | Answered | Denied | Welcomed | Ending | UpdateFailed | NotKept | Paused

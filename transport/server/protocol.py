"""The life of one connection as a machine: Hello in time, then heartbeats. Pure: time comes in as an argument."""

from __future__ import annotations

from typing import NamedTuple

from ...actors.words.close_codes import HEARTBEAT_MISSED, PROTOCOL_ERROR
from ..wire.frames import Frame, Hello
from .limits import Limits

VERSION = 1
"""The protocol version that we speak."""

MISSED = 2
"""Heartbeats that a client may miss."""


class Beat(NamedTuple):
    """Send Ping ``n``."""

    n: int


class CloseWith(NamedTuple):
    """Close with ``code``."""

    code: int
    reason: str


class ServerProtocol:
    """Times are monotonic seconds."""

    __slots__ = ("_beats", "_limits", "_missed", "is_live", "opened")

    def __init__(self, now: float, limits: Limits) -> None:
        self.is_live = False
        self._limits = limits
        self.opened = now
        self._missed = 0
        self._beats = 0

    def greet(self, frame: Frame) -> tuple[str, str] | None:
        """Judge the first frame: None if the connection is live now, else the code and the text of a Rejected."""
        if not isinstance(frame, Hello):
            return "malformed", f"expected Hello as the first frame, got {type(frame).__name__}"
        if frame.version != VERSION:
            return "version", f"this server speaks version {VERSION}, got {frame.version}"
        self.is_live = True
        return None

    def tick(self, now: float, last_received: float) -> Beat | CloseWith | None:
        """Say what is due at ``now``, when something was received at ``last_received`` for the last time."""
        if not self.is_live:
            if now - self.opened >= self._limits.hello:
                return CloseWith(PROTOCOL_ERROR, f"no Hello within {self._limits.hello:g} s")
            return None
        silent = now - last_received
        if silent < self._limits.heartbeat:
            self._missed = 0
            return None
        if silent < self._limits.heartbeat * (self._missed + 1):
            return None
        if self._missed >= MISSED:
            return CloseWith(HEARTBEAT_MISSED, f"{MISSED} heartbeats missed")
        self._missed += 1
        self._beats += 1
        return Beat(self._beats)

"""Every log does what the port says."""

from __future__ import annotations

from nuphar.actors.targets.log import MemoryLog
from nuphar.testing.contracts import LogCase, LogContract


class MemoryCase(LogCase):
    """Orders in this process's memory."""

    def __init__(self) -> None:
        self.log = MemoryLog()


class TestMemoryLog(LogContract):
    def make(self) -> LogCase:
        return MemoryCase()

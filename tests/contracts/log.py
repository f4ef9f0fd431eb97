"""Every log keeps its contract: the one in memory, and fakes that are slow, fail, and do not know what they have."""

from __future__ import annotations

from itertools import cycle

from nuphar.actors.targets.log import Log
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.testing.contracts import LogContract
from nuphar.testing.logs import Fate, ScriptedLog


class TestMemoryLog(LogContract):
    def make(self) -> Log:
        return MemoryLog()


class TestALogThatAnswersAtOnce(LogContract):
    def make(self) -> Log:
        return ScriptedLog()


class TestASlowLog(LogContract):
    def make(self) -> Log:
        return ScriptedLog(delay=lambda: 0.002)


class TestALogThatFails(LogContract):
    def make(self) -> Log:
        return ScriptedLog(cycle([Fate.TAKEN, Fate.FAILED, Fate.HALF]), delay=lambda: 0.001)


class TestALogThatLosesAnswers(LogContract):
    def make(self) -> Log:
        fates = [Fate.LOST, Fate.TAKEN, Fate.DROPPED, Fate.HALF_LOST]
        return ScriptedLog(cycle(fates), delay=lambda: 0.001, deaf=2)

"""Every log keeps its contract: the one in memory, and fakes that are slow, fail, do not know, or are silent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from nuphar.actors.targets.log import AppendAnswer, Log, Record
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


class TestALogWhoseAppendsAreOvertaken(LogContract):
    def make(self) -> Log:
        delays = cycle([0.004, 0.001])
        return ScriptedLog(delay=lambda: next(delays))


class TestALogThatIsSilent(LogContract):
    silence = 0.01

    def make(self) -> Log:
        return SometimesMute(cycle([Fate.SILENT, Fate.TAKEN, Fate.SILENT_DROPPED]), delay=lambda: 0.001)


class SometimesMute(ScriptedLog):
    """Answers every third look-up."""

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        self._looks = getattr(self, "_looks", 0) + 1
        if self._looks % 3 == 0:
            super().look_up(target, epoch, records, answer)

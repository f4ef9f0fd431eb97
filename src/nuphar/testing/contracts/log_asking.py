"""How the contract of `Log` asks a log, and a topic whose log may not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult

from ...actors.targets.log import AppendOutcome, Unknown
from ...actors.words.errors import Busy
from . import running


class LogAsking:
    """A question to the log, and what it has answered."""

    def __init__(self) -> None:
        self._heard: list[AppendOutcome] = []
        self._first: AsyncResult[AppendOutcome] = AsyncResult()
        self._loop = gevent.get_hub().loop

    def answer(self, outcome: AppendOutcome) -> None:
        """Take an answer, from whichever thread it comes."""
        self._heard.append(outcome)
        self._loop.run_callback_threadsafe(self._first.set, outcome)

    def get(self, silence: float | None) -> AppendOutcome:
        """Wait for the one answer; after ``silence`` seconds it is `Unknown`, with None there has to be one."""
        try:
            outcome: AppendOutcome = self._first.get(timeout=running.WAIT_LIMIT if silence is None else silence)
        except gevent.Timeout:
            if silence is None:
                raise AssertionError(f"within {running.WAIT_LIMIT:g} s: the log answers") from None
            return Unknown("it is silent")
        assert self._heard == [outcome]
        return outcome


def patiently(ask: Callable[[], Any]) -> Any:
    """Return what ``ask`` returns, as soon as the topic is not busy: its log may not answer for a while."""
    with gevent.Timeout(running.WAIT_LIMIT, AssertionError(f"within {running.WAIT_LIMIT:g} s: the topic is not busy")):
        while True:
            try:
                return ask()
            except Busy:
                gevent.sleep(0.001)

"""What every contract is made of: how its tests are run, and how they wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import gevent
from gevent.event import Event

WAIT_LIMIT = 10.0
"""Seconds that any wait in a contract may take."""


class Case(AbstractContextManager["Case"]):
    """What ``make`` of a contract returns: what is tested, and what lies around it. Each test makes its own."""

    def close(self) -> None:
        """Leave nothing behind; called at the end of each test."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def eventually(condition: Callable[[], Any], what: str) -> None:
    """Let other greenlets and threads run until ``condition()`` holds.

    Raises: AssertionError that says ``what`` never became true, after `WAIT_LIMIT` seconds.
    """
    turn = Event()
    with gevent.Timeout(WAIT_LIMIT, AssertionError(f"within {WAIT_LIMIT:g} s: {what}")):
        while not condition():
            turn.wait(0.001)


def names(contract: type) -> list[str]:
    """Return the names of the tests of a contract."""
    return sorted(name for name in dir(contract) if name.startswith("test_"))


def run(contract: type) -> int:
    """Run all tests of a contract without pytest, and return how many there are.

    Raises: what the first one that fails raises.
    """
    for name in names(contract):
        getattr(contract(), name)()
    return len(names(contract))

"""What a queue refuses is tried again, in order, and told once."""

from __future__ import annotations

from typing import Any

import pytest
from support.following import WELCOME, Core, T

from nuphar import QueueError
from nuphar.transport import frames as f
from nuphar.transport.client.core.events import NotKept
from nuphar.transport.client.core.keeping import LATE, SOON, Keeping, Retry
from nuphar.transport.client.core.outgoing import MemoryQueue


class FullDisk(MemoryQueue):
    """A queue whose disk has no room while ``is_full``; ``kept`` is what it was told, in order."""

    is_durable = True

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self.kept: list[tuple[Any, ...]] = []

    def _keep(self, *what: Any) -> None:
        if self.is_full:
            raise QueueError("no space left")
        self.kept.append(what)

    def add(self, number: int, ref: int, target: str, payload: bytes) -> None:
        self._keep("add", number, ref)

    def sent(self, pairs: Any) -> None:
        if pairs:
            self._keep("sent", *pairs)

    def answered(self, number: int) -> None:
        self._keep("answered", number)

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> None:
        self._keep("welcomed", token, is_new)


def test_a_refusal_is_told_once_and_tried_again_in_order() -> None:
    disk = FullDisk()
    keeping = Keeping(disk)
    disk.is_full = True
    assert [type(event) for event in keeping.welcomed("s", "t1", 5, True)] == [NotKept]
    assert keeping.answered(1) == keeping.answered(2) == keeping.welcomed("s", "t2", 9, False) == []
    assert keeping.is_short
    with pytest.raises(QueueError):
        keeping.settle()
    disk.is_full = False
    assert keeping.try_again() == []
    keeping.kept()
    assert not keeping.is_short
    assert disk.kept == [("welcomed", "t2", True), ("answered", 1), ("answered", 2)]  # a new session stays new
    disk.is_full = True
    assert [type(event) for event in keeping.answered(3)] == [NotKept]


def test_a_try_is_one_at_a_time_and_later_each_time() -> None:
    retry = Retry()
    assert (retry.begin(), retry.begin()) == (SOON, None)
    delays = [retry.again(True) for _ in range(7)]
    assert delays == [2.0, 4.0, 8.0, 16.0, LATE, LATE, LATE]
    assert retry.again(False) is None
    assert retry.begin() == SOON


def full_at_welcome() -> tuple[Core, FullDisk]:
    disk = FullDisk()
    core = Core(T, queue=disk)
    core.post(T, "a")
    core.open()
    disk.is_full = True
    assert [type(event) for event in core.get(WELCOME) if isinstance(event, NotKept)] == [NotKept]
    core.take()
    return core, disk


def test_what_waited_for_the_disk_is_sent_by_a_try_alone() -> None:
    core, disk = full_at_welcome()
    assert (core.retry(), core.keeping.is_short, core.take()) == ([], True, [])
    disk.is_full = False
    assert (core.retry(), core.keeping.is_short) == ([], False)
    assert core.take() == [f.ClientMessage(2, T, "a")]
    assert disk.kept == [("add", 1, 0), ("welcomed", "t", True), ("sent", (1, 2))]


def test_no_ref_of_a_session_is_kept_before_the_session() -> None:
    """Else a restarted program would say the message again under that ref in the session before."""
    disk = FullDisk()
    core = Core(T, queue=disk)
    core.open()
    disk.is_full = True
    core.get(WELCOME)
    with pytest.raises(QueueError):
        core.dispatch(T, "a")
    assert core.pending == []
    disk.is_full = False
    core.post(T, "b")
    assert [what[0] for what in disk.kept] == ["welcomed", "add"]


def test_a_client_that_is_offline_keeps_who_it_is_and_sends_nothing() -> None:
    core, disk = full_at_welcome()
    core.lose()
    disk.is_full = False
    assert (core.retry(), core.take()) == ([], [])
    assert disk.kept == [("add", 1, 0), ("welcomed", "t", True)]

"""A queue in a file: messages that wait for an answer outlive the program, up to a kill at any byte.

The file is only ever appended to, and synced with every dispatch; when most of it is done with, a new one takes its
place in one step. One client at a time uses it (a lock on ``<path>.lock``).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....actors.runtime.forks import HomeProcess
from ....actors.words.errors import QueueError, UsageError
from .outgoing import QueueBounds, Saved
from .queue_records import ADDED, ANSWERED, BEGINNING, SENT, WELCOMED, Ledger, find_record, read_records, seal_record

logger = logging.getLogger("nuphar.client")

SLACK = 256 * 1024
"""Bytes that are done with and may stay, besides as many as are not: a small file is not worth a new one."""


class FileQueue:
    """For ``nuphar.Client(…, queue=FileQueue("outgoing.queue"))``; the folder has to be there.

    A dispatch blocks until the disk has its message. ``messages`` and ``size`` (bytes) bound what may wait. A message
    that cannot be kept is not dispatched: QueueError says why (no space, no right to write).
    """

    is_durable = True

    def __init__(
        self, path: str | os.PathLike[str], *, messages: int = QueueBounds().messages, size: int = QueueBounds().size
    ) -> None:
        for name, bound in (("messages", messages), ("size", size)):
            if type(bound) is not int or bound < 1:
                raise UsageError(f"FileQueue: expected {name} to be an integer from 1, got {bound!r}")
        self.path = Path(path)
        self.bounds = QueueBounds(messages, size)
        self._lock_path = f"{self.path}.lock"
        self._home = HomeProcess(f"the queue {self.path}", self.close)
        self._ledger = Ledger()
        self._file = -1
        self._lock = -1
        self._size = 0
        self._enough = 0  # the size at which it is compacted

    def __repr__(self) -> str:
        return f"FileQueue({str(self.path)!r})"

    def load(self) -> Saved:
        """Lock the file, read it, and cut a torn end off.

        Raises: QueueError for a file that another client uses, that is not ours, that is damaged before its end, or
        that cannot be opened. The file is then as it was.
        """
        if self._file >= 0:
            raise QueueError(f"the queue {self.path} is in use by another client of this program")
        self._home.move()
        try:
            self._take_lock()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._ledger = Ledger()
            self._read()
        except OSError as error:
            self._give_up()
            raise QueueError(f"the queue {self.path} cannot be used: {error}") from error
        except QueueError:
            self._give_up()
            raise
        return self._ledger.saved()

    def add(self, number: int, ref: int, target: str, payload: bytes) -> None:
        self._append([ADDED, number, ref, target, payload], sync=True)
        self._ledger.added(number, ref, target, payload)

    def sent(self, pairs: Sequence[tuple[int, int]]) -> None:
        if pairs:
            self._append([SENT, [list(pair) for pair in pairs]], sync=True)
            self._ledger.sent(list(pairs))

    def answered(self, number: int) -> None:
        self._append([ANSWERED, number], sync=False)  # if it gets lost, the message is asked about once more
        self._ledger.answered(number)
        self._compact()

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> None:
        self._append([WELCOMED, session, token, ref, is_new], sync=True)
        self._ledger.welcomed(session, token, ref, is_new)
        self._compact()

    def close(self) -> None:
        """Let go of the file; in a forked child this is done at once, so that the lock is the parent's alone."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _take_lock(self) -> None:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(lock), os.stat(self._lock_path)):
                raise BlockingIOError  # another client gave up just now, and took the file that we locked away
            os.fchmod(lock, 0o600)  # whoever may open it could keep us out
        except (BlockingIOError, FileNotFoundError):
            os.close(lock)
            raise QueueError(
                f"the queue {self.path} is in use by another client; each needs a file of its own"
            ) from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock

    def _give_up(self) -> None:
        """Close a queue that could not be loaded, and leave no lock file behind that is ours."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._lock_path)
        self.close()

    def _read(self) -> None:
        status = os.fstat(self._file)
        if not stat.S_ISREG(status.st_mode):
            raise QueueError(f"{self.path} is no queue of ours: expected a file, got {stat.filemode(status.st_mode)}")
        size = status.st_size
        data = b""
        while len(data) < size and (piece := os.pread(self._file, size - len(data), len(data))):
            data += piece
        bodies, whole = read_records(data)
        is_ours = bodies[0][:2] == BEGINNING[:2] if bodies else _may_be_torn(data)
        if not is_ours:
            raise QueueError(f"{self.path} is no queue of ours; it begins with {data[:16]!r}")
        try:
            for body in bodies:
                self._ledger.replay(body)
        except (ValueError, KeyError, TypeError) as error:
            raise QueueError(f"the queue {self.path} cannot be read: {error}") from error
        if (found := find_record(data, whole)) is not None:
            raise QueueError(
                f"the queue {self.path} is damaged: expected a record at byte {whole}, got none that is whole, but "
                f"there is one at byte {found}. Nothing was changed. Restore the file, or move it away to begin with "
                f"an empty one, or cut it to {whole} bytes to go on with what is in front of the damage"
            )
        os.fchmod(self._file, 0o600)  # the session's token will be in it
        if whole < len(data):
            logger.warning("the queue %s: the last %d bytes are torn and were cut off", self.path, len(data) - whole)
            os.ftruncate(self._file, whole)
        self._size = whole
        self._enough = 2 * len(self._ledger.records()) + SLACK
        if not bodies:
            self._write(self._ledger.records(), sync=True)
            self._sync_folder()

    def _append(self, body: list[Any], *, sync: bool) -> None:
        if self._home.is_foreign:
            raise QueueError(self._home.reason)
        if self._file < 0:
            raise QueueError(f"the queue {self.path} is closed")
        try:
            self._write(seal_record(body), sync=sync)
        except OSError as error:
            # A half record would hide every later one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise QueueError(f"the queue {self.path} cannot be written: {error}") from error

    def _write(self, data: bytes, *, sync: bool) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._file, data[done:], self._size + done)
        if sync:
            os.fsync(self._file)
        self._size += len(data)

    def _compact(self) -> None:
        """Put a file with only the present state in the place of one that is mostly done with."""
        if self._size < self._enough:
            return
        new = f"{self.path}.new"
        data = self._ledger.records()
        descriptor = -1
        try:
            descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            done = 0
            while done < len(data):
                done += os.write(descriptor, data[done:])
            os.fsync(descriptor)
            os.replace(new, self.path)
        except OSError as error:
            logger.warning("the queue %s cannot be compacted, and grows: %s", self.path, error)
            self._enough = 2 * self._size
            if descriptor >= 0:
                os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(new)
            return
        os.close(self._file)
        self._file, self._size = descriptor, len(data)
        self._enough = 2 * len(data) + SLACK
        try:
            self._sync_folder()
        except OSError as error:
            logger.error("the queue %s: a power cut may bring the file before back: %s", self.path, error)

    def _sync_folder(self) -> None:
        """Have a new name in the folder outlive a power cut."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _may_be_torn(data: bytes) -> bool:
    """Say whether ``data`` is the start of a new file of ours."""
    first = Ledger().records()
    return first.startswith(data[: len(first)]) and len(data) < len(first)

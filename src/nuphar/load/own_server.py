"""A load run's own server as the run holds it: a child process, commanded through pipes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess

from .errors import LoadError

TIMEOUT = 15.0
"""Seconds for its start, for each answer, and for its end: it stops in five."""

_SOURCE = Path(__file__).parents[2]  # where the child finds this package, installed or not


class OwnServer:
    """Started when made, at ``url``; `end` it.

    Raises: LoadError if it does not come up.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nuphar.load.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the run, which then ends us
        )
        try:
            self.url: str = self._answer("start")["url"]
        except BaseException:
            self._process.kill()
            self.end()
            raise

    def ask(self, command: str) -> dict[str, Any]:
        """Give one of `server.COMMANDS` and return the answer.

        Raises: LoadError if there is none.
        """
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LoadError(f"the run's own server is gone: {error.strerror}") from error
        return self._answer(command)

    def begin_end(self) -> None:
        """Have it stop, in its own time."""
        self._process.stdin.close()

    def end(self) -> None:
        """Have it stop, and wait for that; it is killed if it takes too long."""
        process = self._process
        try:
            self.begin_end()
            process.wait(TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        finally:
            process.stdout.close()

    @property
    def returncode(self) -> int | None:
        """How it ended: an exit status, or the negative of a signal's number."""
        code: int | None = self._process.returncode
        return code

    def _answer(self, command: str) -> dict[str, Any]:
        line = b""
        with gevent.Timeout(TIMEOUT, False):
            line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"the run's own server did not answer {command!r}; see its log above")
        answer: dict[str, Any] = json.loads(line)
        return answer

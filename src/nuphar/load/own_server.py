"""A load run's own server as the run holds it: a child process, commanded through pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.fileobject import FileObjectPosix
from gevent.hub import get_hub

from .errors import LoadError
from .plan import STOP

SERVER_TIMEOUT = STOP + 5.0
"""Seconds for its start, for each answer, and for its end."""

_SOURCE = Path(__file__).parents[2]  # where the child finds this package, installed or not


class OwnServer:
    """Started when made, at ``url``; `end` it.

    Raises: LoadError if it does not come up.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
        # Not gevent's: its signal handler would reap every child of this process, whoever waits for it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nuphar.load.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the run, which then ends us
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = FileObjectPosix(self._process.stdin.fileno(), "wb", closefd=False)
        self._output = FileObjectPosix(self._process.stdout.fileno(), "rb", closefd=False)
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
            self._input.write(command.encode() + b"\n")
            self._input.flush()
        except OSError as error:
            raise LoadError(f"the run's own server is gone: {error.strerror}") from error
        return self._answer(command)

    def begin_end(self) -> None:
        """Have it stop, in its own time."""
        self._input.close()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self) -> None:
        """Have it stop, and wait for that; it is killed if it takes too long."""
        process = self._process
        try:
            self.begin_end()
            get_hub().threadpool.apply(process.wait, (SERVER_TIMEOUT,))
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        finally:
            self._output.close()
            assert process.stdout is not None
            process.stdout.close()

    @property
    def returncode(self) -> int | None:
        """How it ended: an exit status, or the negative of a signal's number."""
        return self._process.returncode

    def _answer(self, command: str) -> dict[str, Any]:
        line = b""
        with gevent.Timeout(SERVER_TIMEOUT, False):
            line = self._output.readline()
        if not line:
            raise LoadError(f"the run's own server did not answer {command!r}; see its log above")
        answer: dict[str, Any] = json.loads(line)
        return answer

"""A child process of the operating system: started fresh, watched without blocking the hub, and always reaped.

Unpatched programs get a process file descriptor and not gevent's child watcher, whose signal handler reaps every child
of the program and so takes the exit codes from under the standard library's ``subprocess``. Where ``subprocess`` is
monkey-patched, or the handler is there already, everybody lives with it, and we do too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import gevent.subprocess
import pykka
from gevent.hub import get_hub
from gevent.monkey import is_module_patched

from ...actors.runtime.future import Future

READ = 1  # libev's EV_READ


class OsProcess:
    """``python -m module *arguments``, with the descriptor ``fd`` and nothing else of ours but stdout and stderr.

    It finds the same modules as this process: its ``PYTHONPATH`` is our search path (what that was before is in
    ``NUPHAR_PYTHONPATH``, for it to put back). It is in a process group of its own, so that Ctrl-C reaches only us.
    ``on_end()`` is called in the hub once it has ended.
    Raises: OSError.
    """

    def __init__(self, module: str, arguments: Sequence[str], fd: int, on_end: Callable[[], Any]) -> None:
        self.ended = Future()
        self._on_end = on_end
        self._fd = -1
        command = [sys.executable, "-P", "-m", module, *arguments]
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "pass_fds": [fd],
            "env": _environment(),
            "process_group": 0,
        }
        self._watcher: Any = None
        if is_module_patched("subprocess") or not hasattr(os, "pidfd_open") or _somebody_reaps():
            self._popen: Any = gevent.subprocess.Popen(command, **options)
            self._popen.rawlink(self._finish)
        else:
            self._popen = subprocess.Popen(command, **options)
            self._fd = os.pidfd_open(self._popen.pid)
            self._watcher = get_hub().loop.io(self._fd, READ)
            self._watcher.start(self._finish)
        self.pid: int = self._popen.pid

    def wait(self, timeout: float | None) -> int | None:
        """Wait at most ``timeout`` seconds for the end; return the exit code (below 0: a signal), None if it lives."""
        try:
            code: int = self.ended.get(timeout=timeout)
        except pykka.Timeout:
            return None
        return code

    def kill(self) -> None:
        """End it now, whatever it does; safe from any thread."""
        self._popen.send_signal(signal.SIGKILL)

    def _finish(self, *_: Any) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
        self.ended.set(self._popen.poll())
        self._on_end()


def _somebody_reaps() -> bool:
    """Say whether SIGCHLD has a handler: gevent's, from whoever uses ``gevent.subprocess``, reaps all children."""
    with open("/proc/self/status", encoding="ascii") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGCHLD - 1) & 1)


def _environment() -> dict[str, str]:
    path = [entry or os.getcwd() for entry in sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    environment.pop("NUPHAR_PYTHONPATH", None)
    if "PYTHONPATH" in os.environ:
        environment["NUPHAR_PYTHONPATH"] = os.environ["PYTHONPATH"]
    return environment


def restore_environment() -> None:
    """Put ``PYTHONPATH`` back to what it was in the parent: programs started from here are none of ours."""
    before = os.environ.pop("NUPHAR_PYTHONPATH", None)
    if before is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = before

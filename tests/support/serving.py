"""A server with a listening socket of its own, in this process or in another."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import gevent
from gevent.hub import get_hub
from gevent.pywsgi import WSGIServer

from nuphar import Live, Server
from nuphar.transport.server.wsgi_handler import WSGIHandler

from .raw import WAIT

ROOT = Path(__file__).parents[2]


def listen(server: Server, app: Any = None, *, handler: Any = WSGIHandler) -> int:
    """Have ``server`` listen on a free port, and return it."""
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server, app), handler_class=handler, log=None, backlog=1024)
    wsgi.init_socket()
    server.listen(wsgi)
    return int(wsgi.server_port)


def eventually(condition: Callable[[], Any], timeout: float = WAIT) -> Any:
    """Let the hub run until ``condition()`` holds, and return what it gave; fails after ``timeout`` seconds."""
    turn = gevent.event.Event()
    with gevent.Timeout(timeout, AssertionError(f"this never became true: {condition}")):
        while not (value := condition()):
            turn.wait(0.002)
    return value


def in_thread(function: Callable[..., Any], *arguments: Any, timeout: float = 30.0) -> Any:
    """Run ``function`` in a real thread of gevent's pool while our hub goes on, and return what it returns."""
    return get_hub().threadpool.spawn(function, *arguments).get(timeout=timeout)


class Program:
    """A Python program in a process of its own, whose output is read as it comes."""

    def __init__(self, *arguments: str, cwd: Path = ROOT, stdin: bool = False, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "PYTHONUNBUFFERED": "1"} | env,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._coming: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line)
        self._coming.put(None)

    def wait_for(self, pattern: str, timeout: float = WAIT) -> re.Match[str]:
        """Read on up to a line that has ``pattern``."""
        while True:
            line = self._coming.get(timeout=timeout)
            assert line is not None, f"{pattern!r} never came:\n" + "".join(self.lines)
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found

    def write(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = WAIT) -> int:
        """Wait for the end, and return the exit code."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        while (line := self._coming.get(timeout=timeout)) is not None:
            self.lines.append(line)
        self._coming.put(None)
        return code

    @property
    def output(self) -> str:
        """Everything that was read so far."""
        return "".join(self.lines)


@contextmanager
def program(*arguments: str, **options: Any) -> Iterator[Program]:
    """Run a program, and see that it is gone afterwards."""
    running = Program(*arguments, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGKILL)
        running.process.wait(WAIT)
        running._reader.join(WAIT)
        for pipe in (running.process.stdout, running.process.stdin):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])

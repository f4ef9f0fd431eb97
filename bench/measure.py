"""One measurement: a fresh server on one core, the generator on another, one work."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from .servers import Peer, environment
from .works import Work

START, END = 20.0, 10.0
"""Seconds for a server's start and end."""

LIMIT = 240.0
"""Seconds for one run of the generator: it gives up much earlier by itself."""


@dataclass(frozen=True)
class Cores:
    """Where the two processes run; None: wherever they like."""

    server: int | None
    generator: int | None

    @classmethod
    def choose(cls) -> Cores:
        """Take the first and the last of the cores that we may use."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1]) if len(allowed) > 1 else cls(None, None)

    @staticmethod
    def keep_to(core: int | None) -> None:
        """Run this process on one core, unless it is None."""
        if core is not None:
            os.sched_setaffinity(0, {core})


@dataclass(frozen=True)
class Running:
    """A server that accepts connections."""

    process: subprocess.Popen[bytes]
    port: int
    versions: dict[str, str]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid


def measure(peer: Peer, work: Work, cores: Cores) -> dict[str, Any]:
    """Measure once. The result has ``versions``, and either the numbers or an ``error``."""
    try:
        with running(peer, work.heartbeat, cores.server) as server:
            job = {"work": asdict(work), "wire": peer.wire, "port": server.port, "pid": server.pid}
            return generate(job | {"core": cores.generator}) | {"versions": server.versions}
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}


def generate(job: dict[str, Any]) -> dict[str, Any]:
    """Run the generator on a job, and return its result."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.generator"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the generator ended with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def running(peer: Peer, heartbeat: float, core: int | None) -> Iterator[Running]:
    """Run a server, and end it."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*peer.command, "--heartbeat", str(heartbeat)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            env=environment(peer.source),
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], START)
            line = process.stdout.readline() if ready else b""
            if not line:
                errors.seek(0)
                raise RuntimeError(f"{peer.id} did not start: {errors.read().decode(errors='replace')[-500:]}")
            said = json.loads(line)
            wait_for(said["port"])
            yield Running(process, said["port"], said["versions"])
        finally:
            process.terminate()
            try:
                process.wait(END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            process.stdin.close()


def wait_for(port: int) -> None:
    """Wait until somebody listens.

    Raises: RuntimeError.
    """
    until = time.monotonic() + START
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nobody listens at port {port}")

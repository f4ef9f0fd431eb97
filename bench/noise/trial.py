"""One run: a fresh server, the neighbours in quiet, and under one noise."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..measure import END, START, Cores, running
from ..meter import cpu, resident
from ..servers import Peer, environment
from .neighbours import Neighbours
from .noises import Noise
from .report import Row

SERVER = Peer("noise", "Nuphar, with a clock at each turn", "noise_server", "nuphar")

HEARTBEAT = 20.0

FIRST = -20
"""A nice value, of threads and of the kernel's group of the session."""

WARM_UP, REST = 1.0, 1.0
"""Seconds before the quiet window; and after the noise, for what it left to be given back."""

BUSY, PATIENCE = 0.1, 60.0
"""The share of a core below which a server has done what it had got, and the seconds that this may take."""


def trial(noise: Noise, seconds: float, cores: Cores) -> Row:
    """Measure once.

    Raises: RuntimeError if a process does not answer, or a neighbour's message is lost.
    """
    with running(SERVER, HEARTBEAT, cores.server) as server, noisy(noise, server.port) as client:
        come_first(server.pid)
        come_first(os.getpid())
        wake_at_once()
        neighbours = Neighbours(server.port)
        try:
            neighbours.listen(WARM_UP)
            ask(server.process)
            quiet = neighbours.listen(seconds)
            quiet_turn = ask(server.process)
            before = resident(server.pid)
            begun, used = time.perf_counter(), cpu(server.pid)
            tell(client)
            loud = neighbours.listen(seconds)
            used = (cpu(server.pid) - used) / (time.perf_counter() - begun)
            turn = ask(server.process)
            said = end(client)
            rest(neighbours, server.pid)
            after = resident(server.pid)
        finally:
            neighbours.close()
    quiet_ms, noise_ms = (each[len(each) * 99 // 100] for each in (quiet, loud))
    return Row(
        noise.id, quiet_ms, noise_ms, noise_ms / quiet_ms, quiet_turn["turn_ms"], turn["turn_ms"], turn["whose"],
        turn["round_ms"], before, after, after / before, round(said["sent"] / seconds), round(said["got"] / seconds),
        said["returns"], used,
    )  # fmt: skip


def come_first(pid: int) -> None:
    """Have all threads of a process run before those of other programs, if we may: they are no part of the measure."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), FIRST)
        Path(f"/proc/{pid}/autogroup").write_text(str(FIRST))


def wake_at_once() -> None:
    """Have this thread run as soon as something is there to read, if we may, and no child after it likewise.

    The noise runs on the same core, and by Linux' scheduler whoever runs may go on for 3 ms, nice or not: that is no
    latency of the server.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def rest(neighbours: Neighbours, pid: int) -> None:
    """Wait until the server has done all that it had got of the noise: megabytes may lie in the sockets.

    Raises: RuntimeError if it does not come to rest.
    """
    for _ in range(round(PATIENCE / REST)):
        used = cpu(pid)
        neighbours.idle(REST)
        if cpu(pid) - used < BUSY * REST:
            return
    raise RuntimeError(f"the server did not come to rest within {PATIENCE:g} s")


@contextmanager
def noisy(noise: Noise, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the client that makes the noise, connected and silent as yet."""
    command = [sys.executable, "-m", "bench.noise.client", noise.id, str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment()
    ) as process:
        try:
            answer(process.stdout, f"the noise {noise.id}")
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[bytes]) -> None:
    """Write a line to a process."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


def ask(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Write a line, and read one of JSON."""
    tell(process)
    found: dict[str, Any] = json.loads(answer(process.stdout, "the server"))
    return found


def end(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """End the noise, and read what it says at its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    found: dict[str, Any] = json.loads(answer(process.stdout, "the noise"))
    process.wait(END)
    return found


def answer(stream: IO[bytes] | None, whose: str) -> bytes:
    """Read a line, or what comes until the end.

    Raises: RuntimeError if nothing comes in time.
    """
    assert stream is not None
    ready, _, _ = select.select([stream], [], [], START)
    line = stream.readline() if ready else b""
    if not line:
        raise RuntimeError(f"{whose} did not answer within {START:g} s")
    return line

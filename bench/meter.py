"""A server process as the kernel accounts for it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field


def cpu(pid: int) -> float:
    """Return the seconds of CPU, user and system, that a process has used: all its threads, also those that ended.

    The clock that clock_getcpuclockid(3) names: what /proc/PID/stat says in steps of 10 ms, in nanoseconds.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> int:
    """Return the KiB of a process that are in memory, exactly."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def busy() -> float:
    """Return the seconds of CPU that all cores together have spent on programs, in steps of 10 ms."""
    with open("/proc/stat") as lines:
        user, nice, system = lines.readline().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


@dataclass
class Meter:
    """Measures a window. ``latencies`` are in seconds."""

    pid: int
    is_running: bool = False
    latencies: list[float] = field(default_factory=list)
    _others: float = 0.0
    _cpu: float = 0.0
    _seconds: float = 0.0
    _units: int = 0

    def start(self, units: int) -> None:
        """Begin, when so many units have been done."""
        self._others = busy() - time.process_time()
        self._units, self._seconds, self._cpu = units, time.perf_counter(), cpu(self.pid)
        self.is_running = True

    def stop(self, units: int) -> None:
        """End, likewise."""
        self._cpu = cpu(self.pid) - self._cpu
        self._seconds = time.perf_counter() - self._seconds
        self._units = units - self._units
        self._others = max(0.0, busy() - time.process_time() - self._others - self._cpu)
        self.is_running = False

    def result(self) -> dict[str, float]:
        """Return what one run says: µs of CPU for each unit, units per second, ms, and shares of a core.

        ``busy`` is what the server used of its core, ``others`` what was used by programs that are not ours.
        """
        if not self._units:
            raise RuntimeError("nothing was done within the window")
        found = {
            "cpu_us": self._cpu / self._units * 1e6,
            "per_second": self._units / self._seconds,
            "busy": self._cpu / self._seconds,
            "others": self._others / self._seconds,
        }
        if ordered := sorted(self.latencies):
            found["p50_ms"] = ordered[len(ordered) // 2] * 1e3
            found["p99_ms"] = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3
        return found

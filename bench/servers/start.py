"""What the servers in Python have in common, which is nothing of what is measured: their start, and a topic."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass
class Topic:
    """A topic of a peer: the least that the work needs."""

    seq: int = 0
    state: int = 0
    members: set[Any] = field(default_factory=set)

    def apply(self) -> int:
        """Apply a message, and return its seq."""
        self.state += 1
        self.seq += 1
        return self.seq


def heartbeat() -> float:
    """Return what the command line asks for, in seconds."""
    return float(sys.argv[sys.argv.index("--heartbeat") + 1])


def say(port: int, *packages: str, **others: str) -> None:
    """Say that connections are accepted, and what by: installed packages, and others with their versions."""
    versions = {"Python": platform.python_version()} | {name: version(name) for name in packages} | others
    sys.stdout.write(json.dumps({"port": port, "versions": versions}) + "\n")
    sys.stdout.flush()

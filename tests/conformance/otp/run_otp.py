"""Runs scenarios on OTP's own supervisor, many in one Erlang machine. Needs Erlang (Debian: erlang-base)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .scenarios import Scenario, Spec

PROGRAM = Path(__file__).with_name("otp.erl")


def is_available() -> bool:
    """Say whether Erlang is installed."""
    return shutil.which("erl") is not None and shutil.which("erlc") is not None


class Oracle:
    """A compiled ``otp.erl``; close it to remove its folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otp-")
        self._runs = 0
        subprocess.run(["erlc", "-o", self._folder.name, str(PROGRAM)], check=True)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def start(self, scenarios: Sequence[Scenario]) -> Run:
        """Start an Erlang machine that runs ``scenarios``."""
        self._runs += 1
        return Run(Path(self._folder.name), self._runs, scenarios)

    def traces(self, scenarios: Sequence[Scenario]) -> list[Any]:
        """Return what happened in each of ``scenarios``."""
        return self.start(scenarios).wait()


class Run:
    """An Erlang machine at work."""

    def __init__(self, folder: Path, number: int, scenarios: Sequence[Scenario]) -> None:
        source, self._traces = folder / f"{number}.terms", folder / f"{number}.jsonl"
        source.write_text("".join(f"{term(each)}.\n" for each in scenarios), encoding="ascii")
        self._count = len(scenarios)
        command = ["erl", "+S", "1", "-noshell", "-noinput", "-pa", str(folder), "-s", "otp", "main"]
        self._process = subprocess.Popen([*command, "-extra", str(source), str(self._traces)])

    def wait(self) -> list[Any]:
        """Return the traces when all scenarios are through."""
        status = self._process.wait()
        traces = [json.loads(line) for line in self._traces.read_text(encoding="ascii").splitlines()]
        if status != 0 or len(traces) != self._count:
            raise RuntimeError(f"erl ended with {status} after {len(traces)} of {self._count} scenarios")
        return traces


def term(value: Any) -> str:
    """Return ``value`` in Erlang's words; every str is an atom."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return f"'{value}'"
        case Scenario():
            fields = (value.strategy, value.intensity, value.auto_shutdown)
            commands = list(value.commands)
            return term((*fields, list(value.children), commands, value.template, value.end))
        case Spec():
            fields = (value.id, value.restart, value.shutdown, value.significant, value.type, value.answer)
            return term((*fields, list(value.starts)))
        case tuple():
            return "{" + ",".join(map(term, value)) + "}"
        case list():
            return "[" + ",".join(map(term, value)) + "]"
    raise TypeError(f"expected a scenario or a part of one, got {value!r}")

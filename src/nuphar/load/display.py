"""How a run's progress and its outcome look, in a terminal and outside of one."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from . import run
from .result import Result

_PLAIN = 1.0  # seconds between two plain lines


class Display:
    """A context that shows progress on ``console``: one moving line in a terminal, else a plain line each second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = 0.0
        self._phase = ""
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[numbers]}")
        # Without its own thread: the run tells often enough.
        self._progress = Progress(*columns, console=console, auto_refresh=False, transient=True)
        self._task = self._progress.add_task("starting", total=1.0, numbers="")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def tell(self, progress: run.Progress) -> None:
        """Show how far the run is."""
        if self._console.is_terminal:
            self._progress.update(
                self._task,
                description=progress.phase,
                completed=progress.done,
                total=progress.total,
                numbers=_numbers(progress),
                refresh=True,
            )
            return
        now = time.monotonic()
        if now - self._said >= _PLAIN:
            self._said = now
            self._console.out(f"{progress.phase}: {_numbers(progress)}", highlight=False)


def _numbers(progress: run.Progress) -> str:
    done, total = min(progress.done, progress.total), progress.total
    of = f"{done:,.1f} of {total:,g} s" if progress.phase == "posting" else f"{done:,.0f} of {total:,.0f}"
    return f"{of}, {progress.acknowledged:,} acknowledged, {progress.delivered:,} delivered"


def table(result: Result) -> Table:
    """Return the outcome as a table."""
    shown = Table(show_header=False, title="nuphar load", title_justify="left")
    shown.add_column(justify="left")
    shown.add_column(justify="right")
    for name, value in result.rows():
        is_bad = name in ZEROS and value != "0"
        shown.add_row(name, value, style="bold red" if is_bad else None)
    return shown


ZEROS = frozenset({"lost", "duplicated", "out of order", "diverged models", "disconnected"})
"""Lines that should say 0."""

"""How a run's progress and its outcome look, in a terminal and outside of one."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from . import progress
from .histogram import TEXT_EDGES, bars, edge_label
from .latency import Latencies
from .result import Result

_PLAIN = 2.0  # seconds between two plain lines
_WIDTH = 40  # characters of the longest bar

ZEROS = frozenset({"lost", "duplicated", "out of order", "diverged models", "disconnected"})
"""Lines that should say 0."""


class Display:
    """A context that shows progress on ``console``: live in a terminal, else a plain line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = 0.0
        self._phase = ""
        self._bar = Progress(BarColumn(), TextColumn("{task.description}"), console=console)
        self._task = self._bar.add_task("starting", total=1.0)
        # Without its own thread: the run tells often enough.
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def tell(self, now: progress.RunProgress) -> None:
        """Show how far the run is."""
        if self._console.is_terminal:
            self._bar.update(self._task, description=now.phase_text, completed=now.done, total=now.total)
            self._live.update(Group(self._bar, _facts(now)), refresh=True)
            return
        seconds = time.monotonic()
        if now.phase != self._phase or seconds - self._said >= _PLAIN:
            self._said, self._phase = seconds, now.phase
            facts = ", ".join(f"{value} {name}" for value, name in now.facts())
            self._console.out(f"{now.phase_text}, {facts}", highlight=False)


def _facts(now: progress.RunProgress) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", min_width=9)
    grid.add_column()
    for value, name in now.facts():
        is_bad = name == "errors" and now.errors
        grid.add_row(value, name, style="bold red" if is_bad else None)
    return grid


def table(result: Result) -> Table:
    """Return the outcome as a table."""
    shown = Table(show_header=False, title="nuphar load", title_justify="left")
    shown.add_column(justify="left")
    shown.add_column(justify="right")
    for name, value in result.rows():
        is_bad = name in ZEROS and value != "0"
        shown.add_row(name, value, style="bold red" if is_bad else None)
    return shown


def histogram(latencies: Latencies, *, ascii_only: bool = False) -> Table:
    """Return the latencies as a table with bars."""
    drawn = bars(latencies, TEXT_EDGES)
    most = max((bar.count for bar in drawn), default=1)
    shown = Table(title="latencies, from post to acknowledge or delivery", title_justify="left")
    shown.add_column("up to", justify="right")
    shown.add_column("messages", justify="right")
    shown.add_column("share", justify="right")
    shown.add_column("", min_width=_WIDTH)
    for bar in drawn:
        length = 0 if not bar.count else max(1, round(_WIDTH * bar.count / most))
        block = Text(("#" if ascii_only else "█") * length)
        shown.add_row(edge_label(bar.high), f"{bar.count:,}", f"{bar.count / latencies.count:.2%}", block)
    return shown

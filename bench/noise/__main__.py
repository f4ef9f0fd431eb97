"""Flood a server with eight noises of one client, one after the other, and measure what 200 paced neighbours notice.

Each run has a fresh server: the neighbours come, and are measured in quiet, then under the noise; then the noise ends
and its client goes. A neighbour's latency is the time from a message's post to each of its deliveries. A turn is what
one greenlet of the hub runs between two switches, in CPU time of its thread. The goals: p99 under noise at most 3 times
the quiet p99 of the same run, no turn over 10 ms, memory at the end within 10 % of what it was before.
"""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..measure import Cores
from .noises import NOISES, Noise, choose
from .report import GOALS, Row, markdown, medians
from .trial import trial

REPEATS = 5

SECONDS = 2.0

WIDTH = 110
"""Columns for the table, also where the output is a pipe."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    noises = "\n".join(f"  {noise.id:14} {noise.title}" for noise in NOISES)
    parser = argparse.ArgumentParser(
        prog="python -m bench.noise",
        description=__doc__,
        epilog=f"The noises:\n{noises}\n\nThe exit code is 1 if a goal is missed or a run failed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", metavar="pings,large", help="these noises; all unless named")
    parser.add_argument(
        "--repeats", type=int, default=REPEATS, metavar="N", help=f"interleaved; the table has medians ({REPEATS})"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"of quiet, and of noise ({SECONDS:g})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every run, as a list of objects")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table as Markdown")
    found = parser.parse_args(given)
    try:
        found.noises = choose(found.only)
    except ValueError as error:
        parser.error(str(error))
    if found.repeats < 1 or found.seconds <= 0:
        parser.error(f"expected repeats and seconds above 0, got {found.repeats} and {found.seconds:g}")
    return found


def main() -> None:
    """Measure and report; after Ctrl-C or SIGTERM, what there is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = arguments()
    console = Console()
    console.width = max(console.width, WIDTH)
    cores = Cores.choose()
    cores.keep_to(cores.generator)
    gc.disable()  # our own pauses would count as the server's latency
    rows: list[Row] = []
    errors: list[str] = []
    try:
        run(given, cores, console, rows, errors)
    except KeyboardInterrupt:
        errors.append("interrupted: not everything was measured")
    found = medians(rows, [noise.id for noise in given.noises])
    console.print(table(found))
    console.print(*map(escape, errors), sep="\n")
    if given.json:
        given.json.write_text(json.dumps([row._asdict() for row in rows], indent=1))
    if given.markdown:
        given.markdown.write_text(markdown(found))
    sys.exit(1 if errors or any(row.missed for row in found) else 0)


def run(given: argparse.Namespace, cores: Cores, console: Console, rows: list[Row], errors: list[str]) -> None:
    """Measure one after the other: A B C A B C, so that the machine's moods meet everybody."""
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn())
    more = (TimeElapsedColumn(), TimeRemainingColumn())
    steps: list[Noise] = given.noises * given.repeats
    with Progress(*columns, *more, console=console, refresh_per_second=2, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(steps))
        for noise in steps:
            progress.update(task, description=noise.id)
            try:
                row = trial(noise, given.seconds, cores)
            except (RuntimeError, OSError) as error:
                errors.append(f"{noise.id}: {error}")
                progress.console.print(errors[-1], markup=False, highlight=False)
            else:
                rows.append(row)
                said = (
                    f"{row.quiet_ms:.3g} ms quiet, {row.noise_ms:.3g} under noise, round {row.round_ms:.3g}, "
                    f"turn {row.turn_ms:.3g} ({row.whose})"
                )
                progress.console.print(f"{noise.id}: {said}", markup=False, highlight=False)
            progress.advance(task)


def table(rows: list[Row]) -> Table:
    """Show the medians, and in red what misses a goal."""
    shown = Table(title=f"Medians. {GOALS}")
    for name in Row.columns():
        shown.add_column(name, justify="left" if name == "noise" else "right")
    for row in rows:
        shown.add_row(*(f"[red]{cell}[/red]" if is_missed else cell for cell, is_missed in row.cells()))
    return shown


if __name__ == "__main__":
    main()

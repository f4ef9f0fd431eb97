"""A run's results for people: tables in the terminal and in Markdown, and two curves as PNG."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from .bars import BARS
from .results import COLUMNS, Results, machine, show
from .servers import PEERS
from .works import CONNECTIONS, LOAD, Work

NOTES = (
    "CPU is the server process's own, user and system, by the kernel's clock of that process, before and after the "
    "window; latency is from a message's post to its acknowledgement where the work is saturated, and to each of its "
    "deliveries where it is paced; KiB is resident memory with all clients connected less without, for each. Medians "
    "of interleaved repeats, each with a fresh server. Ratio is the CPU as a multiple of Nuphar's.",
    "The generator is one process on another core that polls without sleeping: waking an idle core would otherwise be "
    "billed to the server. It also is what a fast server waits for: see busy, the share of its core that it used.",
    "`ws`, `websockets`, `picows` and the bare loop are relays with a counter: no router, no limits, no history.",
)


def print_all(results: Results, console: Console) -> None:
    """Print everything."""
    console.print(f"{machine()}\n{_versions(results)}\n{_when(results)}\n")
    for work in results.works:
        rows = results.rows(work)
        if not rows:
            continue
        table = Table(title=f"{work.id}: {work.title} (unit: one {work.unit})", title_justify="left")
        keys = _keys(rows)
        table.add_column("server", no_wrap=True)
        for heading in [*(COLUMNS[key] for key in keys), "ratio"]:
            table.add_column(heading, justify="right", no_wrap=True)
        for title, numbers, ratio in rows:
            table.add_row(title, *(show(key, numbers.get(key)) for key in keys), ratio)
        console.print(table)
    for work_id, text, measured, is_met in _bars(results):
        console.print(f"{'met   ' if is_met else 'MISSED'} {work_id}: {text}: {measured}", highlight=False)
    console.print(*NOTES, *results.skipped, *results.errors, sep="\n", highlight=False, markup=False)


def markdown(results: Results, plots: list[Path]) -> str:
    """Return everything as a page."""
    lines = ["# What a delivered message costs", "", "The newest output of `make bench`.", ""]
    lines += [f"* {_when(results)}", f"* {machine()}", f"* {_versions(results)}", ""]
    lines += [f"{note}\n" for note in NOTES]
    for work in results.works:
        if rows := results.rows(work):
            lines += _table(work, rows)
    if bars := _bars(results):
        lines += ["## The bars", "", "| work | bar | measured | |", "|---|---|---:|---|"]
        lines += [
            f"| {work} | {text} | {value} | {'met' if met else '**missed**'} |" for work, text, value, met in bars
        ]
        lines.append("")
    lines += [f"![{path.stem}]({path.name})\n" for path in plots]
    if troubles := [*results.skipped, *results.errors]:
        lines += ["## What is missing", "", *(f"* {trouble}" for trouble in troubles), ""]
    return "\n".join(lines)


def plot(results: Results, path: Path) -> None:
    """Draw the CPU of a unit against the connections, and against the load."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panes = pyplot.subplots(1, 2, figsize=(13, 5.5), constrained_layout=True)
    curves = (
        (CONNECTIONS, "subscribers", "CPU µs per delivery"),
        (LOAD, "messages/s to topics of 100 (the last: all it can)", "CPU µs per message, delivered 99 times"),
    )
    medians = results.medians
    for pane, (works, across, up) in zip(panes, curves, strict=True):
        for peer in PEERS:
            found = [(work, medians.get(work.id, {}).get(peer.id, {})) for work in works]
            points = [(_across(work, row), row["cpu_us"]) for work, row in found if "cpu_us" in row]
            if points:
                pane.plot(*zip(*points, strict=True), marker="o", linewidth=2.5 if peer is PEERS[0] else 1.2,
                          label=peer.title)  # fmt: skip
        pane.set(xscale="log", yscale="log", xlabel=across, ylabel=up)
        for axis in (pane.xaxis, pane.yaxis):
            axis.set_major_formatter("{x:,g}")
        low, high = pane.get_ylim()
        if high < 100 * low:  # over more decades the numbers between would lie on top of each other
            pane.yaxis.set_minor_formatter("{x:,g}")
        pane.grid(alpha=0.3, which="both")
        if pane.lines:
            pane.legend(fontsize="small", framealpha=0.6)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _across(work: Work, row: dict[str, float]) -> float:
    return row["per_second"] if work in LOAD else work.clients


def _keys(rows: list[tuple[str, dict[str, float], str]]) -> list[str]:
    return [key for key in COLUMNS if any(key in numbers for _, numbers, _ in rows)]


def _table(work: Work, rows: list[tuple[str, dict[str, float], str]]) -> list[str]:
    keys = _keys(rows)
    headings = " | ".join([f"{work.id}: one {work.unit}", *(COLUMNS[key] for key in keys), "ratio"])
    lines = [f"## {work.id}: {work.title}", "", f"| {headings} |", "|---|" + "---:|" * (len(keys) + 1)]
    for title, numbers, ratio in rows:
        cells = " | ".join([title, *(show(key, numbers.get(key)) for key in keys), ratio])
        lines.append(f"| {cells} |")
    return [*lines, ""]


def _bars(results: Results) -> list[tuple[str, str, str, bool]]:
    medians = results.medians
    judged = [(bar, bar.judge(medians)) for bar in BARS]
    return [(bar.work, bar.text, f"{found[0]:.3g}", found[1]) for bar, found in judged if found is not None]


def _when(results: Results) -> str:
    return f"{results.begun}, {results.repeats} repeats, while other programs used {results.others:.0%} of a core"


def _versions(results: Results) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(results.versions.items(), key=str))

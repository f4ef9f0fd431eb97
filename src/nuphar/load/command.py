"""``nuphar load`` on the command line."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import gevent
from rich.console import Console

from .cuts import LONGEST_AWAY
from .display import Display, histogram, table
from .errors import LoadError
from .plan import CONNECT_RATE, FLAKY, MESSAGES_PER_CLIENT, MOST_READ, Plan
from .plot import check_plot, plot
from .result import Result
from .run import Run

NOT_GOOD = 1
"""The exit status of a run that lost, doubled, swapped or forgot something."""

CANNOT = 2
"""The exit status of a run that could not be done."""


@click.command(short_help="Put a server under load, and check every message.")
@click.option("--clients", default=100, show_default=True, metavar="N", help="Simulated clients.")
@click.option("--topics", default=10, show_default=True, metavar="T", help="Topics; client n is in topic n modulo T.")
@click.option("--seconds", default=5.0, show_default=True, metavar="S", help="How long to post.")
@click.option(
    "--rate",
    type=float,
    metavar="R",
    help=f"Messages per second, over all clients.  [default: {MESSAGES_PER_CLIENT:g} for each client, but at most as "
    f"many as give {MOST_READ:,.0f} acknowledges and deliveries a second]",
)
@click.option(
    "--connect-rate",
    default=CONNECT_RATE,
    show_default=True,
    metavar="C",
    help="Connections opened per second, at most.",
)
@click.option(
    "--url",
    metavar="URL",
    help="A server to use instead of an own one, as ws://HOST:PORT/live. It must have the topics load:0 to load:T-1: "
    "nuphar.load.add_topics(server) adds them.",
)
@click.option(
    "--kill",
    type=float,
    metavar="S",
    help="Kill the server's router and all its topics each S seconds. Below 0.25 their restarts back off.",
)
@click.option(
    "--chaos",
    is_flag=True,
    help="Kill one of the server's actors, any of them, each 0.1 seconds: the router and the supervisors included.",
)
@click.option(
    "--flaky",
    type=float,
    is_flag=False,
    flag_value=FLAKY,
    metavar="[S]",
    help="Cut each client about every S seconds, sometimes in the middle of a write; it comes back within "
    f"{LONGEST_AWAY:g} seconds and resumes its session.  [S if it is left out: {FLAKY:g}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
@click.option(
    "--plot",
    "plot_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the histogram of latencies as PNG; needs matplotlib: pip install 'nuphar[plot]'.",
)
def load(
    clients: int,
    topics: int,
    seconds: float,
    rate: float | None,
    connect_rate: float,
    url: str | None,
    kill: float | None,
    chaos: bool,
    flaky: float | None,
    as_json: bool,
    plot_file: Path | None,
) -> None:
    """Let simulated clients talk, and check that everybody gets everything.

    N clients connect with real WebSockets, each subscribes to one of T topics, and they post for S seconds. Without
    --url the server is started for the run, in a process of its own on 127.0.0.1.

    Every client keeps its topic's model and knows each message by its number and its sender. In the end nothing may
    be lost (messages that were not answered, and deliveries that did not come), duplicated or out of order, and no
    model may differ from the server's. A server of the run's own is then stopped, and every subscription must get
    its final Acknowledge.

    p50, p99 and the histogram are over answers and deliveries together: from just before a message is posted until
    its Acknowledge is read by its sender, or the message by another client.

    While it runs, a terminal shows how far it is, what is acknowledged and delivered per second, the latencies so far
    and the errors; elsewhere that is a line on standard error now and then. With --json there is none of it.

    Thousands of clients need as many open files, here and in the server: the limit (ulimit -n) is raised as far as
    its hard limit allows. Connections to 127.0.0.0/8 come from 127.0.0.1, then from 127.0.0.2 and so on as each runs
    out of ports; anywhere else one address has about 28,000.

    \b
    Exit status: 0 if all is well, 1 if something was lost, duplicated, out of
    order, different or disconnected, 2 if the run could not be done.
    Ctrl-C ends the run early and counts what there is.
    """
    try:
        plan = Plan(clients, topics, seconds, rate, url, kill, chaos, connect_rate, flaky)
        if plot_file is not None:
            check_plot(plot_file)
        result = _run(plan, is_silent=as_json)
    except LoadError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(CANNOT)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        console = Console()
        console.print(table(result))
        if result.latencies.count:
            console.print(histogram(result.latencies, ascii_only=console.options.ascii_only))
    for remark in result.all_remarks():
        click.echo(f"note: {remark}", err=True)
    if plot_file is not None:
        _draw(result, plot_file)
    if not result.is_good:
        sys.exit(NOT_GOOD)


def _draw(result: Result, path: Path) -> None:
    try:
        plot(result, path)
    except LoadError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(CANNOT)


def _run(plan: Plan, *, is_silent: bool) -> Result:
    with ExitStack() as stack:
        tell = None if is_silent else stack.enter_context(Display(Console(stderr=True))).tell
        run = Run(plan, tell)
        if (before := signal.getsignal(signal.SIGINT)) is not None:
            stack.callback(signal.signal, signal.SIGINT, before)  # a watch that ends leaves the system's own default
        watch = gevent.signal_handler(signal.SIGINT, run.over.set)
        stack.callback(watch.cancel)
        return run.run()

"""The latencies of a run as PNG."""

from __future__ import annotations

from pathlib import Path

from .errors import LoadError
from .histogram import FINE, bars, edge_label
from .result import Result


def check_plot(path: Path) -> None:
    """Say before a run whether `plot` will be able to draw after it.

    Raises: LoadError if not.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise LoadError("--plot needs matplotlib: pip install 'nuphar[plot]'") from error
    if not path.absolute().parent.is_dir():
        raise LoadError(f"--plot: expected a file in a folder that is there, got {path}")


def plot(result: Result, path: Path) -> None:
    """Draw the histogram of latencies.

    Raises: LoadError if the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, pane = pyplot.subplots(figsize=(9, 4.5), constrained_layout=True)
    try:
        drawn = bars(result.latencies, FINE)
        widths = [bar.high - bar.low for bar in drawn]
        pane.bar([bar.low for bar in drawn], [bar.count for bar in drawn], widths, align="edge", edgecolor="white")
        pane.set(xscale="log", xlabel="from post to acknowledge or delivery", ylabel="messages", title=_title(result))
        pane.xaxis.set_major_formatter(lambda seconds, _: edge_label(seconds))
        pane.yaxis.set_major_formatter("{x:,.0f}")
        for share, style in ((0.50, "--"), (0.99, ":")):
            if (seconds := result.latencies.quantile(share)) is not None:
                pane.axvline(seconds, color="black", linestyle=style, label=f"p{share * 100:g}: {edge_label(seconds)}")
        pane.grid(alpha=0.3)
        if drawn:
            pane.legend()
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise LoadError(f"--plot: cannot write {path}: {error.strerror}") from error
    finally:
        pyplot.close(figure)


def _title(result: Result) -> str:
    plan = result.plan
    return (
        f"nuphar load: {plan.clients:,} clients, {plan.topics:,} topics, {plan.messages_per_second:,.0f} messages/s "
        f"for {result.seconds:.3g} s"
    )

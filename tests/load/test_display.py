from __future__ import annotations

import io

from rich.console import Console

from nuphar.load.display import Display, histogram
from nuphar.load.latency import Latencies
from nuphar.load.progress import RunProgress

POSTING = RunProgress("posting", 1.0, 5.0, 20, 100, 1_000, 50.0, 500.0, 0.001, 0.002, 0)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_everything_live() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with Display(console) as display:
        display.tell(POSTING)
        for part in ("posting: 1.0 of 5 s", "connected", "messages/s acknowledged", "deliveries/s", "p50", "errors"):
            assert part in shown(console)


def test_elsewhere_each_phase_has_a_line_at_once() -> None:
    console = Console(file=io.StringIO(), width=80)
    with Display(console) as display:
        for progress in (RunProgress("connecting", 1, 2), POSTING, POSTING):
            display.tell(progress)

    lines = shown(console).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["connecting", "posting"]
    assert "\x1b" not in shown(console)


def test_the_longest_bar_is_the_bucket_with_the_most() -> None:
    latencies = Latencies()
    for seconds in (0.0015, 0.0016, 0.03):
        latencies.add(seconds)
    console = Console(file=io.StringIO(), width=100)

    console.print(histogram(latencies, ascii_only=True))

    bars = {line.split("│")[1].strip(): line.count("#") for line in shown(console).splitlines() if "%" in line}
    assert bars == {"2 ms": 40, "5 ms": 0, "10 ms": 0, "20 ms": 0, "50 ms": 20}

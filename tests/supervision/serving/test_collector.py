import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from nuphar.supervision.serving import collector as module
from nuphar.supervision.serving.collector import LEAST, Collector, is_due, what_survives_stays

FEW = 10_000


class Node:
    """Refers to itself, so only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few blocks more are a reason to look at everything."""
    for name, value in (("LEAST", FEW), ("SOME", 0.0), ("MUCH", 0.0)):
        monkeypatch.setattr(module, name, value)


def test_what_was_there_is_left_out_and_what_comes_later_is_collected():
    with what_survives_stays():
        assert gc.get_freeze_count() > 0
        node = weakref.ref(Node())
        gc.collect()
        assert node() is None


def test_in_the_end_everything_is_looked_at_again():
    callbacks, thresholds = list(gc.callbacks), gc.get_threshold()
    with what_survives_stays():
        assert gc.get_threshold() != thresholds
    assert gc.get_freeze_count() == 0
    assert (gc.callbacks, gc.get_threshold()) == (callbacks, thresholds)


def test_what_survives_a_full_collection_is_left_out_of_the_next(collector: Collector):
    kept = [[] for _ in range(1_000)]
    gc.collect()
    assert not any(each is kept for each in gc.get_objects())
    assert len(kept) == 1_000


def test_a_full_collection_looks_at_few_objects_however_fast_they_come(collector: Collector):
    looked_at = []

    def hear(phase: str, info: dict[str, Any]) -> None:
        if phase == "start" and info["generation"] == 2:
            looked_at.append(len(gc.get_objects()))

    gc.collect()  # what there is of other tests is left out from now on
    gc.callbacks.append(hear)
    kept = [[] for _ in range(200_000)]
    gc.callbacks.remove(hear)
    assert len(kept) == 200_000
    assert looked_at, "there were some"
    assert max(looked_at) < 30_000


def test_everything_is_looked_at_when_so_much_has_come_that_it_may_be_garbage(collector: Collector, few: None):
    node = Node()
    gc.collect()
    gone = weakref.ref(node)
    del node
    collector.tick()
    gc.collect()
    assert gone() is not None, "it is left out as yet"
    kept = [[] for _ in range(5 * FEW)]
    collector.tick()
    assert gone() is None
    assert not any(each is kept for each in gc.get_objects()), "and what lives is left out again"


def test_what_was_freed_meanwhile_is_no_reason_to_look_at_everything(collector: Collector, few: None):
    kept = [[] for _ in range(5 * FEW)]
    gc.collect()
    kept.clear()
    node = Node()
    gc.collect()
    gone = weakref.ref(node)
    del node
    collector.tick()
    assert gone() is not None


@pytest.mark.parametrize(
    ("before", "more", "is_calm", "due"),
    [
        (4_000_000, 1_000_000, True, False),
        (4_000_000, 1_000_001, True, True),
        (4_000_000, 12_000_000, False, False),
        (4_000_000, 12_000_001, False, True),
        (1_000, LEAST, False, False),
        (1_000, LEAST + 1, True, True),
    ],
)
def test_it_is_time_when_a_quarter_more_is_in_use_and_there_is_calm_or_four_times_as_much(
    before: int, more: int, is_calm: bool, due: bool
):
    assert is_due(before, before + more, is_calm=is_calm) is due

"""Elixir's cases of dynamic supervisors and of registries."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pykka
import pytest
from conformance.otp.nursery import (
    Broken,
    Child,
    Nursery,
    child,
    children,
    end,
    end_ref,
    open_nursery,
    states,
    why,
)

from nuphar.actors import Actor
from nuphar.actors.runtime.registry import Registry
from nuphar.supervision import (
    Backoff,
    ChildSpec,
    DynamicSupervisor,
    Restart,
    StartFailed,
    TooManyChildren,
    start_child,
    which_children,
    worker,
)

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def test_E01_there_is_one_strategy_and_no_limit_unless_one_is_given() -> None:
    parameters = inspect.signature(DynamicSupervisor.__init__).parameters
    assert "strategy" not in parameters
    assert parameters["intensity"].default is None
    assert parameters["max_children"].default is None


def test_E02_no_more_children_than_that(nursery: Nursery) -> None:
    ref = nursery.dynamic(max_children=2)
    for id in "ab":
        start_child(ref, nursery.spec(id))
    with pytest.raises(TooManyChildren, match="2 children already"):
        start_child(ref, nursery.spec("c"))
    end(ref, "a", "abnormal")
    with pytest.raises(TooManyChildren):
        start_child(ref, nursery.spec("c"))


def test_E02_a_child_that_waits_for_its_restart_counts_too(nursery: Nursery) -> None:
    ref = nursery.dynamic(max_children=1, intensity=10_000)
    start_child(ref, nursery.spec("a"))
    nursery.script("a", *["error"] * 10_000)
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting"
    with pytest.raises(TooManyChildren):
        start_child(ref, nursery.spec("b"))


def test_E02_one_that_is_gone_makes_room(nursery: Nursery) -> None:
    ref = nursery.dynamic(max_children=1)
    start_child(ref, nursery.spec("a", Restart.TEMPORARY))
    end(ref, "a", "abnormal")
    assert start_child(ref, nursery.spec("b")) is not None


def test_E03_ignore_is_no_error_and_nothing_is_kept(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    nursery.script("a", "ignore")
    assert start_child(ref, nursery.spec("a")) is None
    assert which_children(ref) == []


@pytest.mark.parametrize("error", [Broken, SystemExit, KeyError, GeneratorExit])
def test_E03_whatever_a_start_raises_is_its_error(nursery: Nursery, error: type[BaseException]) -> None:
    def init() -> str:
        raise error

    ref = nursery.dynamic()
    nursery.script("a", init)
    with pytest.raises(StartFailed):
        start_child(ref, nursery.spec("a"))
    assert which_children(ref) == []


def test_E04_a_restart_that_is_ignored_removes_the_child(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    start_child(ref, nursery.spec("a"))
    nursery.script("a", "ignore")
    end(ref, "a", "abnormal")
    assert states(ref) == ""


@pytest.mark.parametrize("returned", ["error", "garbage"])
def test_E04_a_restart_that_fails_is_tried_again(nursery: Nursery, returned: str) -> None:
    starts = 0

    def start(monitor: object) -> object:
        nonlocal starts
        starts += 1
        if starts == 2:
            if returned == "error":
                raise Broken
            return returned
        return nursery.spec("a").start(monitor)  # type: ignore[arg-type]

    ref = nursery.dynamic(intensity=10)
    start_child(ref, ChildSpec("a", start))  # type: ignore[arg-type]
    end(ref, "a", "abnormal")
    assert starts == 3
    assert states(ref) == "a"


class Curried(Child):
    """A child that is started with more than its script."""

    def __init__(self, first: int, second: int, *args: object, **link: object) -> None:
        super().__init__(*args, **link)  # type: ignore[arg-type]
        self.both = (first, second)


def test_E05_a_restart_has_the_arguments_of_the_start(nursery: Nursery) -> None:
    ref = nursery.dynamic(worker("a", Curried, 1, 2, nursery.journal, [], "shutdown"))
    for _ in range(2):
        assert child(ref, "a").ask(lambda actor: actor.both) == (1, 2)
        end(ref, "a", "abnormal")


def test_E08_by_default_strangers_do_not_share_an_intensity(nursery: Nursery) -> None:
    ref = nursery.dynamic(*nursery.specs("abcdefgh"))
    for id in "abcdefgh":
        end(ref, id, "abnormal")
    assert states(ref) == "a, b, c, d, e, f, g, h"


def test_E08_with_an_intensity_they_do_as_elixir_s(nursery: Nursery) -> None:
    ref = nursery.dynamic(*nursery.specs("abcd"), intensity=3)
    for id in "abcd":
        end(ref, id, "abnormal")
    assert why(ref) == "shutdown"


def test_E08_one_in_a_crash_loop_waits_and_the_others_do_not_notice(nursery: Nursery) -> None:
    ref = nursery.dynamic(nursery.spec("a", backoff=Backoff(1000.0, 1000.0)), nursery.spec("b"))
    b = child(ref, "b")
    end(ref, "a", "abnormal")
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting, b"
    assert child(ref, "b") is b


def test_E11_a_name_vanishes_with_its_owner() -> None:
    registry = Registry()
    ref = Actor.start_link(name="a", registry=registry)
    assert registry.whereis("a") is ref
    ref.stop()
    assert registry.whereis("a") is None
    assert registry.living() == []


def test_E11_a_newer_owner_takes_a_name_over_and_the_older_one_s_end_does_not_take_it_away() -> None:
    registry = Registry()
    older = Actor.start_link(name="a", registry=registry)
    newer = Actor.start_link(name="a", registry=registry)
    older.stop()
    assert registry.whereis("a") is newer
    newer.stop()


def test_E11_who_found_a_name_just_before_its_owner_died_gets_an_error() -> None:
    registry = Registry()
    Actor.start_link(name="a", registry=registry)
    found = registry.whereis("a")
    assert found is not None
    found.stop()
    with pytest.raises(pykka.ActorDeadError):
        found.ask("anybody?")


def test_E04_children_are_told_apart_by_their_ids(nursery: Nursery) -> None:
    ref = nursery.dynamic(*nursery.specs("ab"))
    assert list(children(ref)) == ["b", "a"]

"""The mutants: each still applies, and those that nearly any seed finds out are found out.

All of them take some minutes: ``make mutants``.
"""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .mutants import MUTANTS
from .mutants.__main__ import table, trial
from .mutants.importing import install
from .mutants.mutant import Mutant, Stale

AT_ONCE = (
    "a message is acknowledged before it is applied",
    "a publisher hears itself",
    "what is pending is not applied again on a new base",
    "the older connection is not closed when its session goes on with another",
)
"""Those that are found in any seed; one of each kind."""

SEEDS = 40


def named(name: str) -> Mutant:
    [mutant] = (each for each in MUTANTS if each.name == name)
    return mutant


def test_every_one_still_applies() -> None:
    for mutant in MUTANTS:
        spec = find_spec(mutant.module)
        assert spec is not None, mutant.module
        assert spec.origin is not None, mutant.module
        ast.parse(mutant.of(Path(spec.origin).read_text()), mutant.name)


def test_no_two_have_the_same_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_one_that_applies_nowhere_or_twice_is_stale() -> None:
    mutant = Mutant("twice", "nowhere", "one", "two")
    assert mutant.of("one and all") == "two and all"
    for source in ("and all", "one and one"):
        with pytest.raises(Stale, match="expects its text once"):
            mutant.of(source)


def test_one_that_changes_nothing_is_stale() -> None:
    with pytest.raises(Stale, match="changes nothing"):
        Mutant("nothing", "nowhere", "one", "one").of("one")


def test_a_module_that_is_imported_already_is_not_changed() -> None:
    before = list(sys.meta_path)
    with pytest.raises(RuntimeError, match="is imported already"):
        install(Mutant("too late", __name__, "one", "two"))
    assert sys.meta_path == before


@pytest.mark.parametrize("name", AT_ONCE)
def test_it_is_found_out(name: str) -> None:
    result = trial(named(name), SEEDS, 60.0)
    assert result.is_killed, result


def test_one_that_is_harmless_survives() -> None:
    harmless = Mutant("harmless", "nuphar.actors.targets.order", "HISTORY = 1_000\n", "HISTORY = 1_001\n")
    assert harmless not in MUTANTS
    result = trial(harmless, 3, 60.0)
    assert not result.is_killed
    assert result.said == "survived seeds 0 to 2"
    assert len(list(table([result]))) == 2

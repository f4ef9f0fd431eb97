"""The mutants: that each still applies, and that those which any seed finds are found."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from .mutants import MUTANTS
from .mutants.mutant import Mutant


def source_of(mutant: Mutant) -> str:
    spec = find_spec(mutant.module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_still_applies(mutant: Mutant) -> None:
    ast.parse(mutant.of(source_of(mutant)))

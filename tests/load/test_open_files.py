from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from nuphar.load.errors import LoadError
from nuphar.load.open_files import BESIDE, allow_files


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    """The limits of this process, as they are again afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_low_limit_is_raised_as_far_as_needed(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))

    allow_files(600)

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600 + BESIDE, hard)


def test_a_limit_that_is_high_enough_stays(limits: tuple[int, int]) -> None:
    allow_files(1)

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits


def test_a_hard_limit_that_is_too_low_is_named_with_what_to_do(limits: tuple[int, int]) -> None:
    _, hard = limits
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this process may open as many files as it likes")

    with pytest.raises(LoadError) as caught:
        allow_files(hard)

    text = str(caught.value)
    assert f"need {hard + BESIDE:,} open files, expected at most {hard:,}, the hard limit" in text
    assert f"ulimit -Hn {hard + BESIDE}" in text
    assert f"take at most {hard - BESIDE:,} clients" in text

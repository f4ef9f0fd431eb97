"""The registry of one server's actors."""

from __future__ import annotations

from nuphar.actors import Actor
from nuphar.actors.runtime.registry import Registry


def test_living_actors_are_listed_oldest_first() -> None:
    registry = Registry()
    refs = [Actor.start_link(registry=registry) for _ in range(3)]
    assert registry.living() == refs
    assert len(registry) == 3
    for ref in refs:
        ref.stop()
    assert registry.living() == []


def test_a_newer_actor_takes_the_name_and_keeps_it_when_the_older_one_ends() -> None:
    registry = Registry()
    older = Actor.start_link(registry=registry, name="a")
    newer = Actor.start_link(registry=registry, name="a")
    assert registry.whereis("a") is newer
    older.stop()
    assert registry.whereis("a") is newer
    newer.stop()
    assert registry.whereis("a") is None


def test_a_name_that_nobody_has_is_nobody() -> None:
    assert Registry().whereis("a") is None

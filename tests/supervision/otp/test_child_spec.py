"""What a supervisor must know of a child, and what it refuses to believe."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar.actors import Actor
from nuphar.supervision import (
    INFINITY,
    Backoff,
    ChildSpec,
    ChildType,
    InvalidChildSpec,
    Restart,
    Strategy,
    Supervisor,
    supervisor,
    worker,
)


def start(monitor: Any) -> Any:
    return Actor.start_link(monitor=monitor)


def test_the_defaults_are_those_of_otp() -> None:
    spec = ChildSpec("a", start)
    assert (spec.restart, spec.shutdown, spec.type) == (Restart.PERMANENT, 5.0, ChildType.WORKER)
    assert supervisor("s", []).shutdown is INFINITY
    assert supervisor("s", []).type is ChildType.SUPERVISOR


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": ""}, "id: expected a non-empty str, got ''"),
        ({"id": 5}, "id: expected a non-empty str, got 5"),
        ({"start": None}, "a: start: expected a callable"),
        ({"restart": "permanent"}, "a: restart: expected a Restart, got 'permanent'"),
        ({"shutdown": -1}, "a: shutdown: expected seconds"),
        ({"shutdown": "5"}, "a: shutdown: expected seconds"),
        ({"shutdown": True}, "a: shutdown: expected seconds"),
        ({"backoff": 5}, "a: backoff: expected a Backoff"),
        ({"type": "worker"}, "a: type: expected a ChildType"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidChildSpec, match=says):
        ChildSpec(**{"id": "a", "start": start, **fields})


@pytest.mark.parametrize("shutdown", [0, 0.5, 5, None])
def test_a_shutdown_is_seconds_or_as_long_as_it_takes(shutdown: float | None) -> None:
    assert ChildSpec("a", start, shutdown=shutdown, backoff=Backoff()).shutdown == shutdown


def test_two_children_with_one_id_are_refused() -> None:
    with pytest.raises(InvalidChildSpec, match=r"got \['a'\] several times"):
        Supervisor.start_link([worker("a", Actor), worker("b", Actor), worker("a", Actor)])


@pytest.mark.parametrize(
    "options", [{"strategy": "one_for_one"}, {"intensity": -1}, {"intensity": True}, {"period": 0}, {"period": "5"}]
)
def test_a_supervisor_s_option_that_cannot_be_used_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidChildSpec, match="expected"):
        Supervisor.start_link([], **options)
    assert Strategy.ONE_FOR_ONE.value == "one_for_one"


def test_what_is_no_child_spec_is_refused() -> None:
    with pytest.raises(InvalidChildSpec, match="expected a ChildSpec"):
        Supervisor.start_link([Actor])  # type: ignore[list-item]

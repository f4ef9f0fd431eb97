"""An update that is watched says what it does wrong, on which message, and where."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import gevent
import pytest

from nuphar import Refused, Store, UsageError, WrongUpdate
from nuphar.actors.words.watched_updates import is_debug, raised_here, watch


def line_of(function: Any, text: str) -> int:
    """Return the number of the line of ``function`` that has ``text``."""
    lines, first = inspect.getsourcelines(function)
    return first + next(at for at, line in enumerate(lines) if text in line)


def in_place(model: list[str], message: str) -> list[str]:
    kept = list(model)
    model.append(message)  # here
    return kept


def in_place_and_no(model: dict[str, int], message: str) -> dict[str, int]:
    model["count"] += 1  # and here
    raise Refused("full", "it is full")


def returns_nothing(model: list[str], message: str) -> list[str] | None:
    if message == "known":
        return [*model, message]
    return None


def pure(model: tuple[str, ...], message: str) -> tuple[str, ...]:
    if not message:
        raise Refused("empty", "say something")
    return (*model, message)


def test_a_model_that_is_changed_in_place_is_named_with_message_and_line() -> None:
    watched = watch("topic:chat", Store([], in_place))
    with pytest.raises(WrongUpdate) as caught:
        watched.update([], "hello")
    assert "topic:chat: update changes its model in place on 'hello'" in str(caught.value)
    assert f"{__file__}:{line_of(in_place, '# here')}:" in str(caught.value)


def test_a_model_that_is_changed_before_a_refusal_is_found_too() -> None:
    watched = watch("topic:chat", Store({"count": 0}, in_place_and_no))
    with pytest.raises(WrongUpdate, match=rf":{line_of(in_place_and_no, '# and here')}: make a new one"):
        watched.update({"count": 0}, "hello")


def test_a_kill_half_way_through_stays_a_kill() -> None:
    def cut_off(model: list[str], message: str) -> list[str]:
        model.append(message)
        raise gevent.GreenletExit

    with pytest.raises(gevent.GreenletExit):
        watch("topic:chat", Store([], cut_off)).update([], "hello")


def test_an_update_that_returns_nothing_is_named() -> None:
    watched = watch("topic:chat", Store(["a"], returns_nothing))  # type: ignore[arg-type]
    assert watched.update(["a"], "known") == ["a", "known"]
    with pytest.raises(WrongUpdate, match=r"topic:chat: update returned None on 'other', at .*: return the model"):
        watched.update(["a"], "other")


def test_a_model_that_may_be_none_may_be_none() -> None:
    watched = watch("topic:x", Store(None, lambda model, message: None))
    assert watched.update(None, 1) is None


def test_an_update_that_is_pure_is_left_alone() -> None:
    watched = watch("topic:chat", Store((), pure))
    assert watched.update((), "a") == ("a",)
    with pytest.raises(Refused, match="say something"):
        watched.update((), "")


def test_a_long_message_is_cut_and_a_model_that_cannot_be_copied_is_looked_at_all_the_same() -> None:
    class Uncopied(list[Any]):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copy")

    def grow(model: Any, message: Any) -> Any:
        model.append(message)
        return model

    watched = watch("topic:chat", Store(Uncopied(), grow))
    model = Uncopied()
    with pytest.raises(WrongUpdate, match=r"…, at .*test_watched_updates.py") as caught:
        watched.update(model, "x" * 1000)
    assert len(str(caught.value)) < 700
    assert model == ["x" * 1000]  # applied once: the search for the line leaves it alone


def test_the_search_for_the_line_gives_back_whoever_traced() -> None:
    seen = sys.gettrace()
    with pytest.raises(WrongUpdate):
        watch("topic:chat", Store([], in_place)).update([], "hello")
    assert sys.gettrace() is seen


def test_who_is_told_hears_it_besides() -> None:
    told: list[WrongUpdate] = []
    with pytest.raises(WrongUpdate):
        watch("topic:chat", Store([], in_place), told.append).update([], "hello")
    assert len(told) == 1


def test_what_raised_in_a_client_is_named_with_its_line() -> None:
    try:
        pure((), "")
    except Refused as error:
        wrong = raised_here("topic:chat", "", error)
    assert f"{__file__}:{line_of(pure, 'say something')}, in this client only" in str(wrong)
    assert raised_here("topic:chat", "", wrong) is wrong


def test_the_option_is_asked_first_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_debug(None)  # this runs under pytest
    assert not is_debug(False)
    monkeypatch.setenv("NUPHAR_DEBUG", "0")
    assert not is_debug(None)
    monkeypatch.delenv("PYTEST_VERSION")
    monkeypatch.delenv("NUPHAR_DEBUG")
    assert not is_debug(None)
    monkeypatch.setenv("NUPHAR_DEBUG", "1")
    assert is_debug(None)
    with pytest.raises(UsageError, match="option debug: expected True, False or None, got 1"):
        is_debug(1)  # type: ignore[arg-type]

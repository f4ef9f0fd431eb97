"""What a function takes is found out when it is handed over."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from nuphar import UsageError
from nuphar.actors.words.parameters import by_name, check_takes

NAMES = ("message", "model", "client_id")


class Teller:
    """Methods and objects that can be called are hooks, too."""

    def tell(self, client_id: str, message: int) -> tuple[str, int]:
        return client_id, message

    def __call__(self, model: int) -> int:
        return model


@pytest.mark.parametrize(
    ("hook", "gets"),
    [
        (lambda message, model, client_id: (message, model, client_id), (1, 2, 3)),
        (lambda client_id, message: (client_id, message), (3, 1)),
        (lambda model: model, 2),
        (lambda: "nothing", "nothing"),
        (lambda *rest: rest, (1, 2, 3)),
        (lambda model, *rest: (model, rest), (2, (1, 3))),
        (lambda **rest: rest, {"message": 1, "model": 2, "client_id": 3}),
        (lambda model, **rest: (model, rest), (2, {"message": 1, "client_id": 3})),
        (lambda *, client_id: client_id, 3),
        (lambda model, *, message: (model, message), (2, 1)),
        (lambda message, log="log", client_id=None: (message, log, client_id), (1, "log", 3)),
        (lambda message, log="log", *rest: (message, log, rest), (1, "log", ())),
        (lambda message, /: message, 1),
        (lambda one, two, /, client_id: (one, two, client_id), (1, 2, 3)),
        (functools.partial(lambda log, message: (log, message), "log"), ("log", 1)),
        (Teller().tell, (3, 1)),
        (Teller(), 2),
    ],
)
def test_a_hook_gets_what_it_asks_for(hook: Callable[..., Any], gets: Any) -> None:
    assert by_name("on_message", hook, NAMES)(1, 2, 3) == gets


def test_a_builtin_has_no_names_and_gets_the_first_values() -> None:
    heard: list[int] = []
    by_name("on_message", heard.append, NAMES)(1, 2, 3)
    assert heard == [1]


def test_a_hook_that_takes_all_in_their_order_is_called_directly() -> None:
    def hook(message: int, model: int, client_id: str) -> None:
        """Nothing is put around it."""

    assert by_name("on_message", hook, NAMES) is hook


@pytest.mark.parametrize(
    ("hook", "got"),
    [
        (lambda who: None, r"\(who\): there is no 'who'"),
        (lambda message, topic: None, r"\(message, topic\): there is no 'topic'"),
        (lambda message, model, client_id, more: None, r"\(message, model, client_id, more\): there is no 'more'"),
        (lambda a, b, c, d, /: None, r"\(a, b, c, d, /\): there is no 'd'"),
        (lambda message, *, key: None, r"\(message, \*, key\): there is no 'key'"),
        (lambda message, who, log="log": None, r"\(message, who, log=…\): there is no 'who'"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_with_what_was_got_and_expected(hook: Any, got: str) -> None:
    expected = r"on_message: expected a hook with some of the parameters \(message, model, client_id\), got one with "
    with pytest.raises(UsageError, match=f"^{expected}{got}$"):
        by_name("on_message", hook, NAMES)


async def _async_hook(message: int) -> None:
    """Nobody would await it."""


class _AsyncTeller:
    async def __call__(self, message: int) -> None:
        """Nor this."""


@pytest.mark.parametrize("hook", [_async_hook, _AsyncTeller(), functools.partial(_async_hook)])
def test_an_async_function_is_refused(hook: Any) -> None:
    with pytest.raises(UsageError, match=r"on_message: expected a plain function, got an async one"):
        by_name("on_message", hook, NAMES)
    with pytest.raises(UsageError, match=r"a store's update: expected a plain function, got an async one"):
        check_takes("a store's update", hook, "message")


@pytest.mark.parametrize("given", [5, None, "hook"])
def test_what_cannot_be_called_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match=r"on_join: expected a function, got .*, which cannot be called"):
        by_name("on_join", given, NAMES)
    with pytest.raises(UsageError, match=r"parse: expected a function, got .*, which cannot be called"):
        check_takes("parse", given, "text")


def test_a_hook_that_does_not_say_what_it_takes_is_refused_and_a_function_by_position_is_not() -> None:
    with pytest.raises(UsageError, match=r"got <class 'str'>, which does not say what it takes: wrap it"):
        by_name("on_message", str, NAMES)
    check_takes("parse", str, "text")


@pytest.mark.parametrize(
    "function", [lambda a, b: a, lambda a, b, c=1: a, lambda *both: both, max, Teller().tell, dict.get]
)
def test_a_function_by_position_may_call_its_values_what_it_likes(function: Any) -> None:
    check_takes("a store's update", function, "model", "message")


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda a: a, r"\(a\)"),
        (lambda: 0, r"\(\)"),
        (lambda a, b, c: a, r"\(a, b, c\)"),
        (lambda a, b, *, c: a, r"\(a, b, \*, c\)"),
        (lambda a, *, b: a, r"\(a, \*, b\)"),
        (Teller(), r"\(model\)"),
    ],
)
def test_a_function_of_another_arity_is_refused_with_what_was_got(function: Any, got: str) -> None:
    with pytest.raises(
        UsageError, match=rf"a store's update: expected a function of \(model, message\), got one of {got}"
    ):
        check_takes("a store's update", function, "model", "message")


@pytest.mark.parametrize(
    ("hook", "gets", "makes"),
    [
        (lambda message, client_id: (message, client_id), (1, 3), 0),
        (lambda: "nothing", "nothing", 0),
        (lambda member: member, "made", 1),
        (lambda member, message: (member, message), ("made", 1), 1),
        (lambda message, *, member: (message, member), (1, "made"), 1),
        (lambda *rest: rest, (1, 2, 3, "made"), 1),
        (lambda **rest: rest, {"message": 1, "model": 2, "client_id": 3, "member": "made"}, 1),
        (lambda message, model, client_id, member: (message, model, client_id, member), (1, 2, 3, "made"), 1),
    ],
)
def test_what_has_to_be_made_is_made_for_a_hook_that_takes_it_alone(
    hook: Callable[..., Any], gets: Any, makes: int
) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("made")
        return "made"

    assert by_name("on_message", hook, (*NAMES, "member"), "member")(1, 2, 3, make) == gets
    assert len(made) == makes


def test_a_hook_of_one_value_calls_it_what_it_likes_beside_what_has_to_be_made() -> None:
    assert by_name("on_connect", lambda who: who, ("client_id", "member"), "member")("c", list) == "c"
    assert by_name("on_connect", lambda member: member, ("client_id", "member"), "member")("c", list) == []
    heard: list[str] = []
    by_name("on_connect", heard.append, ("client_id", "member"), "member")("c", list)
    assert heard == ["c"]

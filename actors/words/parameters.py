"""Functions of an application: whether they take what they will be given, found out once, when they are handed over.

Pure. A function that computes, such as a store's update, gets its values by position and may call them what it likes.
A *hook* gets them by name, and takes only those that it wants: `by_name` makes of it a function of all of them. Where
there is only one value, there is nothing to mix up: its parameter may have any name.

>>> names = ("message", "model", "client_id")
>>> told = by_name("on_message", lambda client_id, message: f"{client_id}: {message}", names)
>>> told("hello", 5, "c1")
'c1: hello'
>>> by_name("on_join", lambda who, where: None, ("client_id", "topic_id"))
Traceback (most recent call last):
nuphar.actors.words.errors.UsageError: on_join: expected a hook with some of the parameters (client_id, topic_id), ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import CO_COROUTINE, Parameter, Signature, iscoroutinefunction, signature
from operator import itemgetter
from types import CodeType, FunctionType
from typing import Any

from .errors import UsageError

BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def check_takes(what: str, function: Any, *names: str) -> None:
    """Check that ``function`` can be called with one value for each of ``names``, by position.

    Raises: UsageError that says what was got. A callable that does not say what it takes is let through.
    """
    if type(function) is FunctionType and _takes_just(function.__code__, len(names)):
        return
    known = _signature(what, function)
    if known is None:
        return
    try:
        known.bind(*names)
    except TypeError as error:
        raise UsageError(f"{what}: expected a function of ({', '.join(names)}), got one of {_shown(known)}") from error


def required_positional(function: Callable[..., Any]) -> tuple[int, list[str]]:
    """Return how many values ``function`` needs by position, and the names of all that it takes so."""
    try:
        taken = [each for each in signature(function).parameters.values() if each.kind in BY_POSITION]
    except (TypeError, ValueError):  # some of those that are written in C
        return 0, []
    return sum(each.default is Parameter.empty for each in taken), [each.name for each in taken]


def by_name(what: str, hook: Any, names: Sequence[str], made: str | None = None) -> Callable[..., Any]:
    """Return a function that takes the values of all ``names`` by position, and calls ``hook`` with what it asks for.

    A parameter takes the value of its name; ``*rest`` and ``**rest`` take those that are left. Parameters without a
    name to go by (``list.append``) take the first ones in the order of ``names``. One with a default and another name
    keeps its default. A hook that takes all in this order is returned as it is, so calling it costs nothing more.
    Of the name ``made``, which is the last one if it is there, the value is a function without parameters. It is called
    for a hook that takes it, so that what nobody wants to know is not made.
    Raises: UsageError that says what was got and expected; for an async function too, which nobody would await.
    """
    known = _signature(what, hook)
    if known is None:
        raise UsageError(
            f"{what}: expected a hook with some of the parameters ({', '.join(names)}), got {hook!r}, which does not "
            f"say what it takes: wrap it in a function that does"
        )
    if len([name for name in names if name != made]) == 1 and _takes_one(known) and made not in known.parameters:
        return _call(hook, [0], {}, len(names))
    positions: list[int] = []
    keywords: dict[str, int] = {}
    is_skipped = False  # a parameter keeps its default: those behind it go by keyword
    for at, (name, parameter) in enumerate(known.parameters.items()):
        left = [n for n in range(len(names)) if n not in positions and n not in keywords.values()]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            positions += [] if is_skipped else left
        elif parameter.kind is Parameter.VAR_KEYWORD:
            keywords |= {names[n]: n for n in left}
        elif parameter.kind is Parameter.POSITIONAL_ONLY and at < len(names) and not is_skipped:
            positions.append(at)
        elif parameter.kind is not Parameter.POSITIONAL_ONLY and name in names:
            if parameter.kind in BY_POSITION and not is_skipped:
                positions.append(names.index(name))
            else:
                keywords[name] = names.index(name)
        elif parameter.default is Parameter.empty:
            raise UsageError(
                f"{what}: expected a hook with some of the parameters ({', '.join(names)}), got one with "
                f"{_shown(known)}: there is no {name!r}"
            )
        else:
            is_skipped = True
    last = len(names) - 1
    if made not in names or (last not in positions and last not in keywords.values()):
        return _call(hook, positions, keywords, len(names))
    if positions == [last] and not keywords:
        return lambda *values: hook(values[-1]())
    taking = _call(hook, positions, keywords, len(names))
    return lambda *values: taking(*values[:-1], values[-1]())


def _takes_one(known: Signature) -> bool:
    """Does it need exactly one value by position?"""
    needed = [each for each in known.parameters.values() if each.default is Parameter.empty]
    return len(needed) == 1 and needed[0].kind in BY_POSITION


def _takes_just(code: CodeType, count: int) -> bool:
    """Tell the usual case in 0.2 µs; a signature takes 18, and every topic of a kind may bring a store of its own."""
    return code.co_argcount == count and not code.co_kwonlyargcount and not code.co_flags & CO_COROUTINE


def _call(hook: Callable[..., Any], positions: list[int], keywords: dict[str, int], count: int) -> Callable[..., Any]:
    """Return the shortest way from all values to those that ``hook`` takes."""
    if keywords:
        return lambda *values: hook(
            *[values[n] for n in positions], **{name: values[n] for name, n in keywords.items()}
        )
    if positions == list(range(count)):
        return hook
    if not positions:
        return lambda *values: hook()
    if len(positions) == 1:
        (only,) = positions
        return lambda *values: hook(values[only])
    pick = itemgetter(*positions)
    return lambda *values: hook(*pick(values))


def _signature(what: str, function: Any) -> Signature | None:
    """Return what ``function`` takes, None if it does not say.

    Raises: UsageError for what cannot be called, or would have to be awaited.
    """
    if not callable(function):
        raise UsageError(f"{what}: expected a function, got {function!r}, which cannot be called")
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        raise UsageError(f"{what}: expected a plain function, got an async one, which nobody would await: {function!r}")
    try:
        return signature(function)
    except (TypeError, ValueError):  # some of those that are written in C
        return None


def _shown(known: Signature) -> str:
    """Write what a function takes without its types, as in ``(model, *, key=…)``."""
    bare = [
        parameter.replace(
            annotation=Parameter.empty, default=Parameter.empty if parameter.default is Parameter.empty else ...
        )
        for parameter in known.parameters.values()
    ]
    return str(Signature(bare)).replace("Ellipsis", "…")

"""Watches an ``update`` for what nobody may see of a store: a model that is changed in place, or is not returned.

For development and tests (`Server(debug=True)`): each message takes the time of looking at the whole model twice.

>>> from nuphar.actors.words.store import Store
>>> def add(model, message):
...     model.append(message)
...     return model
>>> watched = watch("topic:chat", Store([], add))
>>> watched.update([], "hello")
Traceback (most recent call last):
nuphar.actors.words.errors.WrongUpdate: topic:chat: update changes its model in place on 'hello', at ...
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from os import environ
from types import FrameType
from typing import Any

from .errors import UsageError, WrongUpdate
from .fingerprints import fingerprint
from .store import Store

SHOWN = 200
"""Characters of a message that an error shows."""


def is_debug(option: bool | None) -> bool:
    """Say whether updates are watched: as the option says, and if it says nothing, under pytest or NUPHAR_DEBUG=1.

    pytest names its version to all that run under it (PYTEST_VERSION, its reference, section Environment Variables).
    Raises: UsageError for an option that is neither a bool nor None.
    """
    if option is not None:
        if not isinstance(option, bool):
            raise UsageError(f"option debug: expected True, False or None, got {option!r}")
        return option
    said = environ.get("NUPHAR_DEBUG")
    return said not in ("", "0") if said is not None else "PYTEST_VERSION" in environ


def watch(target: str, store: Store, tell: Callable[[WrongUpdate], object] = lambda error: None) -> Store:
    """Return ``store`` with an update that raises WrongUpdate where the other one does what it must not.

    ``tell`` hears of it besides, where what an update raises is not an error.
    """
    update = store.update
    may_be_none = store.model is None

    @wraps(update)
    def watched(model: Any, message: Any, *meta: Any) -> Any:
        try:
            return look(model, message, *meta)
        except WrongUpdate as error:
            tell(error)
            raise

    def look(model: Any, message: Any, *meta: Any) -> Any:
        before = fingerprint(model)
        spare = _copied((model, message))

        def check_in_place() -> None:
            if fingerprint(model) != before:
                where = (_line_of_change(update, *spare, *meta) if spare else None) or _place(update)
                raise WrongUpdate(
                    f"{target}: update changes its model in place on {_shown(message)}, at {where}: make a new one, "
                    f"as others still read the old one"
                )

        try:
            made = update(model, message, *meta)
        except Exception:
            check_in_place()  # a kill or a time limit that cuts it off is no fault of its own
            raise
        check_in_place()
        if made is None and not may_be_none and model is not None:
            raise WrongUpdate(
                f"{target}: update returned None on {_shown(message)}, at {_place(update)}: return the model, "
                f"or raise nuphar.Refused to say no"
            )
        return made

    return store._replace(update=watched)


def raised_here(target: str, message: Any, error: BaseException) -> WrongUpdate:
    """Return what to say of a client's update that raised ``error`` on a message which the server has applied."""
    if isinstance(error, WrongUpdate):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown line"
    wrong = WrongUpdate(
        f"{target}: update raised {error!r} on {_shown(message)}, at {where}, in this client only: the server has "
        f"applied that, and both must run the same update"
    )
    wrong.__cause__ = error
    return wrong


def _copied(pair: tuple[Any, Any]) -> tuple[Any, Any] | None:
    try:
        return deepcopy(pair)
    except Exception:
        return None


def _line_of_change(update: Callable[..., Any], model: Any, *told: Any) -> str | None:
    """Run ``update`` again, on copies, and return after which line the model was another."""
    before, last, found = fingerprint(model), "", ""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal last, found
        if not found and event in ("line", "return"):
            if last and fingerprint(model) != before:
                found = last
            last = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        return trace

    tracer = sys.gettrace()
    sys.settrace(trace)
    try:
        update(model, *told)
    except Exception:
        pass  # it did that before, too
    finally:
        sys.settrace(tracer)
    return found or None


def _place(update: Any) -> str:
    code = getattr(update, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(update)


def _shown(message: Any) -> str:
    text = repr(message)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"

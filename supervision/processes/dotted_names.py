"""Things by their names: ``module:name`` to what it names, for the command line and for other processes."""

from __future__ import annotations

import importlib
import os
from typing import Any

from ...actors.words.errors import UsageError


def find(name: str) -> Any:
    """Return what ``MODULE:ATTRIBUTE`` names.

    Raises: UsageError if there is no such thing, and whatever the module itself raises.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute or module_name.startswith("."):
        raise UsageError(f"expected MODULE:NAME, as in app:server, got {name!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Not if it is there, and something that it imports is not.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UsageError(f"there is no module {error.name!r} in {os.getcwd()} or in Python's search path") from error
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise UsageError(f"the module {module_name!r} has no {attribute!r}") from error
    return found


def name_of(thing: type) -> str:
    """Return the name under which `find` finds a class, in any process.

    Raises: UsageError if there is none.
    """
    if thing.__module__ == "__main__":
        raise UsageError(f"{thing.__qualname__} is in the program itself, where no other process finds it: "
                         "move it to a module")  # fmt: skip
    if "<locals>" in thing.__qualname__:
        raise UsageError(f"{thing.__qualname__} is inside a function, where no other process finds it: move it out")
    return f"{thing.__module__}:{thing.__qualname__}"

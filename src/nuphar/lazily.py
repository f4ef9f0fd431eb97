"""Front doors that open on demand: a name is imported when it is first asked for (PEP 562).

So a client alone does not load the server, and an asyncio program does not load gevent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, names: Mapping[str, str], modules: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for ``package``.

    ``names`` maps each public name to the module that defines it, ``modules`` each public module to where it lives;
    both are relative to ``package``. A name is kept in the package once it has been asked for.

    Raises (from ``__getattr__``): AttributeError for any other name.
    """
    modules = modules or {}

    def get(name: str) -> Any:
        if name in names:
            value = getattr(import_module(names[name], package), name)
        elif name in modules:
            value = import_module(modules[name], package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        setattr(sys.modules[package], name, value)
        return value

    def names_here() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names, *modules})

    return get, names_here

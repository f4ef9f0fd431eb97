"""Importing one module with a fault in it: the file on the disk stays as it is, and so does its bytecode."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from .mutant import Mutant


class Loader(SourceFileLoader):
    """Compiles the mutant's source instead of the file's."""

    def __init__(self, mutant: Mutant, path: str) -> None:
        super().__init__(mutant.module, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        source = self._mutant.of(self.get_data(self.path).decode())
        return compile(source, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds the one module, and leaves every other to the finders behind it."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec: Any = PathFinder.find_spec(fullname, path, target)
        spec.loader = Loader(self._mutant, spec.origin)
        return spec  # type: ignore[no-any-return]


def install(mutant: Mutant) -> None:
    """Have this process import ``mutant`` in the place of what it was made from.

    Raises: RuntimeError if that is imported already.
    """
    if mutant.module in sys.modules:
        raise RuntimeError(f"{mutant.module} is imported already, so it cannot be changed any more")
    sys.meta_path.insert(0, Finder(mutant))  # type: ignore[arg-type]

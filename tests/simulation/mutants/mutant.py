"""A mutant: one fault that somebody could have written into our own code, as data."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """``name`` says what it does wrong; ``before``, which is in the source of ``module`` once, becomes ``after``."""

    name: str
    module: str
    before: str
    after: str

    def of(self, source: str) -> str:
        """Return the source with the fault in it.

        Raises: Stale when it does not apply any more.
        """
        if self.before == self.after:
            raise Stale(f"{self.name!r} changes nothing")
        if (count := source.count(self.before)) != 1:
            raise Stale(
                f"{self.name!r} expects its text once in {self.module}, found it {count} times: {self.before!r}"
            )
        return source.replace(self.before, self.after)


class Stale(Exception):
    """The source has changed, and the mutant has to be written anew."""

"""Why a load run cannot be done: one line for whoever started it."""

from __future__ import annotations

from ..actors.words.errors import NupharError


class LoadError(NupharError):
    """The run could not begin or go on; the text says what was expected and what was got."""

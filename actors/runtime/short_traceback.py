"""A traceback that is bounded, whatever a peer made the program do: frames, causes and the length of each line."""

from __future__ import annotations

import traceback

FRAMES_SHOWN = 20
"""Frames of one traceback, those of its causes included."""

LONGEST_LINE = 500
"""Characters of one line, e.g. of an error that quotes a message."""

LINES = 100
"""Lines in all: an error may have as many as it likes in its text."""


def short_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` with its last `FRAMES_SHOWN` frames, where it was raised."""
    whole = traceback.TracebackException.from_exception(error, limit=-FRAMES_SHOWN, max_group_width=1)
    _prune(whole, FRAMES_SHOWN)
    lines = "".join(whole.format()).rstrip("\n").split("\n")
    if len(lines) > LINES:
        lines = [*lines[: LINES // 2], "…", *lines[-LINES // 2 :]]
    return "\n".join(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…" for line in lines)


def _prune(whole: traceback.TracebackException, budget: int) -> None:
    """Leave ``budget`` frames to an exception and its causes, the outermost exception first."""
    while True:
        if len(whole.stack) > budget:
            del whole.stack[: len(whole.stack) - budget]
        budget -= len(whole.stack)
        whole.exceptions = None  # the members of a group: which there are is in its text
        older = whole.__cause__ or (None if whole.__suppress_context__ else whole.__context__)
        if older is None:
            return
        if budget <= 0:
            whole.__cause__ = whole.__context__ = None
            return
        whole = older

"""A sink that keeps what a session is sent."""

from __future__ import annotations

from collections.abc import Callable


class Kept:
    """Adds frames to a list, until its `end`. Nothing ever waits in it."""

    pending = 0

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames
        self.is_over = False

    def write(self, joined: list[bytes]) -> None:
        """Keep the frames of ``joined``."""
        self.offer(joined)

    def offer(self, joined: list[bytes]) -> bool:
        """Keep them as well: there is room."""
        if not self.is_over:
            self.frames += joined
        return not self.is_over

    def on_empty(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` at once."""
        callback()

    def end(self) -> None:
        """Keep nothing more."""
        self.is_over = True

"""A sink that keeps what a session is sent."""

from __future__ import annotations


class Kept:
    """Adds frames to a list."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames

    def write(self, joined: list[bytes]) -> None:
        """Keep the frames of ``joined``."""
        self.frames += joined

    def offer(self, joined: list[bytes]) -> bool:
        """Keep them as well: there is room."""
        self.write(joined)
        return True

"""How a client stands with one target: `Waiting`, `Following` or `Out`. Pure.

>>> match Out("denied", "members only", None):
...     case Out(code, text):
...         print(f"{code}: {text}")
denied: members only
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....actors.words.errors import Refused


@dataclass(frozen=True, slots=True)
class Waiting:
    """The Subscribe has no answer yet, or there is no connection for it."""

    def __str__(self) -> str:
        return "waiting"


@dataclass(frozen=True, slots=True)
class Following:
    """The server has said yes. It may be away just now: see the client's own state."""

    def __str__(self) -> str:
        return "following"


@dataclass(frozen=True, slots=True)
class Out:
    """The server has said no, at once or later. It is asked again by `subscribe`, and by the next connection."""

    code: str
    text: str
    details: Any

    def __str__(self) -> str:
        return f"out ({self.code}: {self.text})"


TargetState = Waiting | Following | Out


def target_state(is_subscribed: bool, refused: Refused | None) -> TargetState:
    """Return how a replica stands.

    >>> str(target_state(False, Refused("denied", "members only")))
    'out (denied: members only)'
    """
    if refused is not None:
        return Out(refused.code, refused.text, refused.details)
    return Following() if is_subscribed else Waiting()

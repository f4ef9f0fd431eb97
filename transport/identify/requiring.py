"""A server for those alone who have signed in."""

from __future__ import annotations

from collections.abc import Callable

from ...actors.words.errors import Refused
from ...actors.words.identity import Identity
from ..server.connect_request import ConnectRequest

Identify = Callable[[ConnectRequest], Identity | None]
"""What a recipe returns."""


def required(identify: Identify, text: str = "sign in first") -> Identify:
    """Return a function like ``identify`` that refuses whom it does not know, with 401 and ``text``.

    >>> members_only = required(lambda request: None)
    >>> members_only(ConnectRequest({}))
    Traceback (most recent call last):
    nuphar.actors.words.errors.Refused: unauthorised: sign in first
    """

    def identify_or_refuse(request: ConnectRequest) -> Identity | None:
        if (identity := identify(request)) is None:
            raise Refused("unauthorised", text)
        return identity

    return identify_or_refuse

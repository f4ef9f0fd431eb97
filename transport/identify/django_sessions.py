"""Who a client is, as Django knows it: from its session and the user that has signed in there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from ...actors.words.identity import Identity
from ..server.connect_request import ConnectRequest
from .requiring import Identify


def groups_of(user: Any) -> list[str]:
    """Return the names of a user's groups, in order; a model of users without groups has none."""
    groups = getattr(user, "groups", None)
    return [] if groups is None else sorted(groups.values_list("name", flat=True))


def django_session(*, roles: Callable[[Any], Iterable[str]] = groups_of) -> Identify:
    """Return an ``identify`` that looks for the user of Django's session, with the project's own settings.

    The user is the primary key as text, ``roles(user)`` says its roles, and the key of the browser comes from that of
    the session. Without a session, with one that is forged, too old or of a user who is not active any more, or whose
    password was changed, the client is anonymous. Nothing is written: not even a session that Django would renew. Its
    database connections are given back.
    Source: https://docs.djangoproject.com/topics/http/sessions/
    """
    from django.conf import settings  # an optional package
    from django.contrib.auth import get_user
    from django.db import connections
    from django.http import HttpRequest

    def identify(request: ConnectRequest) -> Identity | None:
        key = request.cookies.get(settings.SESSION_COOKIE_NAME)
        if not key:
            return None
        asking = HttpRequest()
        asking.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        # A key that get_user renews after SECRET_KEY has changed would have to be told to the browser.
        asking.session.flush = asking.session.cycle_key = _nothing
        try:
            user = get_user(asking)
            if not user.is_authenticated:
                return None
            return Identity(str(user.pk), tuple(roles(user)), browser=_browser(key))
        finally:
            for connection in connections.all(initialized_only=True):
                if not connection.in_atomic_block:  # of this greenlet; a test may be within one
                    connection.close()

    return identify


def _browser(key: str) -> str:
    """Return a text that is the same for one session, and from which nobody gets its key."""
    return hashlib.sha256(b"nuphar-browser:" + key.encode()).hexdigest()[:32]


def _nothing() -> None:
    """Write nothing."""

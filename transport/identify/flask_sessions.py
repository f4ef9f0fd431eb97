"""Who a client is, as a Flask application knows it: from its session, or from Flask-Login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...actors.words.errors import UsageError
from ...actors.words.identity import Identity
from ..server.connect_request import ConnectRequest
from .requiring import Identify

if TYPE_CHECKING:
    from flask import Flask


def flask_session(app: Flask, key: str = "user", *, roles: str = "roles") -> Identify:
    """Return an ``identify`` that reads the session of a Flask application, as its views do.

    ``session[key]`` is the user, text or a number, and ``session[roles]`` is a list of roles, if there is one. Without
    a user the client is anonymous; so it is with a cookie that is forged, damaged or too old, which Flask takes for
    none. The session is read when the client connects, and nothing is written to it.
    Raises: UsageError, for whoever connects, if ``session[key]`` is anything else: the client hears 503.
    Source: https://flask.palletsprojects.com/quickstart/#sessions
    """
    from flask import session  # an optional package

    def identify(request: ConnectRequest) -> Identity | None:
        with app.request_context(request.environ):
            user = _user(session.get(key), f"session[{key!r}]")
            return None if user is None else Identity(user, tuple(session.get(roles, ())))

    return identify


def flask_login(app: Flask, *, roles: Callable[[Any], Iterable[str]] | None = None) -> Identify:
    """Return an ``identify`` that asks Flask-Login for the ``current_user`` of a Flask application.

    The user is what ``current_user.get_id()`` says. ``roles(current_user)`` says its roles; None is for none. A user
    that is not authenticated is anonymous. The user's loader runs as for a view, with its database if it asks one.
    Source: https://flask-login.readthedocs.io
    """
    from flask_login import current_user  # an optional package

    def identify(request: ConnectRequest) -> Identity | None:
        with app.request_context(request.environ):
            if not current_user.is_authenticated:
                return None
            user = _user(current_user.get_id(), "current_user.get_id()")
            found = () if roles is None else roles(current_user._get_current_object())
            return None if user is None else Identity(user, tuple(found))

    return identify


def _user(value: Any, where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UsageError(f"{where}: expected the user as text or a number, got a {type(value).__name__}")
    return str(value)

"""Ready-made functions for the option ``identify``: each asks a package that says who a client is.

``nuphar.Server(identify=identify.flask_session(app))``. The packages are imported when a function is made, and none
of them is needed otherwise (docs/identity.md).
"""

from typing import TYPE_CHECKING

from ...lazily import lazily

__all__ = ["django_session", "flask_login", "flask_session", "required", "sign_token", "signed_token"]

if TYPE_CHECKING:
    from .django_sessions import django_session
    from .flask_sessions import flask_login, flask_session
    from .requiring import required
    from .signed_tokens import sign_token, signed_token
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "django_session": ".django_sessions",
            "flask_login": ".flask_sessions",
            "flask_session": ".flask_sessions",
            "required": ".requiring",
            "sign_token": ".signed_tokens",
            "signed_token": ".signed_tokens",
        },
        {},
    )

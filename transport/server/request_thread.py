"""Whether a request comes where the server's tree can run: in a greenlet of its hub, and not in a thread of its own.

Under `flask run`, `manage.py runserver`, gunicorn's sync and gthread workers and their like a request has a thread, and
no hub runs once it is answered: a tree that was started there would stand still, and a page would wait for ever.
"""

from __future__ import annotations

import threading
from typing import Any

from gevent import getcurrent

from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.runtime.mailbox import get_ident

logger = ThrottledLogger("nuphar.transport")

REFUSAL = (
    "this WSGI server answers requests in threads, where nothing of Nuphar's would run between them (flask run and "
    "manage.py runserver do): use nuphar.serve(), nuphar serve MODULE:SERVER --app MODULE:APP, gevent's WSGIServer "
    "with handler_class=nuphar.transport.handler.WSGIHandler, or gunicorn -k nuphar.transport.gunicorn.Worker"
)


def can_serve(hub: Any, environ: dict[str, Any]) -> bool:
    """Say whether this request may be served, by a server that runs on ``hub`` (None: it is to be started here).

    The main greenlet of a thread is what its hub runs in between: a real server (PEP 3333 asks for SERVER_SOFTWARE)
    that calls us from there lets no greenlet run. A test that calls an application does so too, and waits itself.
    """
    is_greenlet = getcurrent().parent is not None
    if hub is not None and get_ident() != hub.thread_ident:
        served = False
    elif is_greenlet:
        served = True
    else:
        served = "SERVER_SOFTWARE" not in environ and threading.current_thread() is threading.main_thread()
    if not served:
        logger.error("%s", REFUSAL)
    return served

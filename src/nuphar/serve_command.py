"""``nuphar serve MODULE:SERVER``: a program's server, found by its name."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from .actors.errors import NupharError, UsageError
from .supervision.serve import serve as serve_server
from .supervision.server import Server


@click.command(short_help="Serve a nuphar.Server of your own.")
@click.argument("server", metavar="MODULE:SERVER")
@click.option("--app", metavar="MODULE:APP", help="A WSGI application for everything that is not under the path.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0: any free.")
@click.option("--path", default="/live", show_default=True, help="Where WebSockets and the browser client are.")
def serve(server: str, app: str | None, host: str, port: int, path: str) -> None:
    """Serve the nuphar.Server called SERVER in MODULE, until Ctrl-C or SIGTERM.

    MODULE is imported as Python would, with the current directory first in its search path:

    \b
    nuphar serve chat:server --app chat:app
    """

    def say(url: str) -> None:
        click.echo(f"serving {server} at {url}{path} (Ctrl-C ends it)", err=True)

    try:
        found = find(server)
        if not isinstance(found, Server):
            raise UsageError(f"{server}: expected a nuphar.Server, got {type(found).__name__}")
        serve_server(found, None if app is None else find(app), host, port, path=path, on_start=say)
    except NupharError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        # gevent writes the address into strerror; a name that is not known has no errno of the system's.
        reason = os.strerror(number) if (number := error.errno or 0) > 0 else error.strerror or error
        click.echo(f"Error: cannot listen at {host}:{port}: {reason}", err=True)
        sys.exit(2)


def find(name: str) -> Any:
    """Return what ``MODULE:ATTRIBUTE`` names, its module imported with the current directory in the search path.

    Raises: UsageError if there is no such thing, and whatever the module itself raises.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute or module_name.startswith("."):
        raise UsageError(f"expected MODULE:NAME, as in app:server, got {name!r}")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Not if it is there, and something that it imports is not.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UsageError(f"there is no module {error.name!r} in {here} or in Python's search path") from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise UsageError(f"the module {module_name!r} has no {attribute!r}") from error

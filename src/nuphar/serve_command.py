"""``nuphar serve MODULE:SERVER``: a program's server, found by its name."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from .actors.words.errors import NupharError, UsageError
from .supervision.processes.dotted_names import find
from .supervision.processes.protocol import RemoteError
from .supervision.root.server import Server
from .supervision.serving.serve import serve
from .supervision.serving.workers import serve_workers


@click.command("serve", short_help="Serve a nuphar.Server of your own.")
@click.argument("server", metavar="MODULE:SERVER")
@click.option("--app", metavar="MODULE:APP", help="A WSGI application for everything that is not under the path.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0: any free.")
@click.option("--path", default="/live", show_default=True, help="Where WebSockets and the browser client are.")
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="Serve with N processes; see above.")
def serve_command(server: str, app: str | None, host: str, port: int, path: str, workers: int | None) -> None:
    """Serve the nuphar.Server called SERVER in MODULE, until Ctrl-C or SIGTERM.

    MODULE is imported as Python would, with the current directory first in its search path:

    \b
    nuphar serve chat:server --app chat:app

    With --workers a master keeps N processes that share the port. Each imports MODULE for itself and has
    STATE OF ITS OWN: two clients see the same topic only if they are on the same worker. A worker that dies
    is started again; SIGHUP to the master replaces all of them, one by one, by ones that run the present code.
    """

    def say(url: str) -> None:
        by = "" if workers is None else f" with {workers} worker{'s' if workers > 1 else ''}"
        click.echo(f"serving {server} at {url}{path}{by} (Ctrl-C ends it)", err=True)

    try:
        if workers is not None:
            look_here()
            serve_workers(server, app, host, port, workers=workers, path=path, on_start=say)
            return
        found = find_here(server)
        if not isinstance(found, Server):
            raise UsageError(f"{server}: expected a nuphar.Server, got {type(found).__name__}")
        serve(found, None if app is None else find_here(app), host, port, path=path, on_start=say)
    except RemoteError as error:
        if not error.type.startswith("nuphar."):
            click.echo(error.traceback, err=True)  # the program's own fault, as Python would tell it
            sys.exit(1)
        click.echo(f"Error: {error.text}", err=True)
        sys.exit(2)
    except NupharError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


def find_here(name: str) -> Any:
    """Return what ``MODULE:ATTRIBUTE`` names, its module imported with the current directory in the search path.

    Raises: UsageError if there is no such thing, and whatever the module itself raises.
    """
    look_here()
    return find(name)


def look_here() -> None:
    """Have Python find modules in the current directory."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)

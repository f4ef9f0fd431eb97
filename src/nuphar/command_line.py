"""The command line: one group, each command in a module of its own."""

from __future__ import annotations

import click

from . import __version__
from .load.command import load
from .serve_command import serve_command
from .top_command import top


@click.group(context_settings={"max_content_width": 100})
@click.version_option(__version__, message="nuphar %(version)s")
def nuphar() -> None:
    """Authoritative live state: topics on a server, and clients that stay in step with them.

    \b
    nuphar demo                  a small program to play with, in your browser
    nuphar serve app:server      your own server
    nuphar load --kill 1         a server under load, while its actors are killed
    """


@nuphar.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0: any free.")
@click.option("--open/--no-open", "open_browser", default=True, show_default=True, help="Open a browser at it.")
def demo(host: str, port: int, open_browser: bool) -> None:
    """Serve a small program to play with, and open it in a browser."""
    from .demo import run_demo

    run_demo(host=host, port=port, open_browser=open_browser)


nuphar.add_command(serve_command)
nuphar.add_command(load)
nuphar.add_command(top)

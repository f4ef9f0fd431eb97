"""The owner of a client's loop: whatever ends it is logged and told, so that no client stands still in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http.client import HTTPException
from typing import Any

from ....actors.words.close_codes import INTERNAL_ERROR
from ....actors.words.errors import RemoteProtocolError
from .connector import Handler
from .reconnecting import LoopEffect, NextStep, TellConnected, TellDisconnected, TellFault, TellOver

logger = logging.getLogger("nuphar.client")


def owned(loop: Callable[[], Any], is_over: Callable[[], bool], ended: Callable[[int, str], Any]) -> Callable[[], None]:
    """Return ``loop`` with an owner: unless ``is_over()``, ``ended(code, reason)`` hears why it ended.

    An error of the program's world (a kill, an exit) is raised again.
    """

    def run() -> None:
        try:
            loop()
        except BaseException as error:
            if not is_over():
                logger.exception("the loop of a client has ended")
                ended(INTERNAL_ERROR, said(error))
            if not isinstance(error, Exception):
                raise

    return run


def tell(handler: Handler, netloc: str, effects: Iterable[LoopEffect]) -> NextStep | None:
    """Tell ``handler`` what is to be told, and return what the loop does next; None: nothing any more."""
    for effect in effects:
        match effect:
            case TellConnected():
                handler.on_reconnect()
            case TellFault(why):
                logger.info("no connection to %s: %s", netloc, why)
                handler.on_fault(why)
            case TellDisconnected():
                handler.on_disconnect()
            case TellOver(code, why):
                handler.on_close(code, why)
            case step:
                return step
    return None


def said(error: BaseException) -> str:
    """Return an error as a reason for people: its text, and its kind where the text would not do alone.

    >>> said(TimeoutError("timed out")), said(KeyError("x"))
    ('timed out', "KeyError: 'x'")
    """
    text = str(error)
    return (
        text
        if text and isinstance(error, OSError | HTTPException | RemoteProtocolError)
        else f"{type(error).__name__}: {text}".rstrip(": ")
    )


def reason(error: Exception) -> str:
    """Return why a connection ended; what is no error of a connection goes to the log as a whole."""
    if not isinstance(error, OSError | HTTPException | RemoteProtocolError):
        logger.error("an error has ended a connection", exc_info=error)
    return said(error)

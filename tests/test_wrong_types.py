"""What a program hands over by mistake is named in one sentence, where it is handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nuphar
from nuphar import Server, UsageError
from nuphar.testing import MemoryConnector

WRONG: dict[str, tuple[Callable[[Server], Any], str]] = {
    "a client of a number": (lambda server: nuphar.Client(5), "expected a URL"),  # type: ignore[arg-type]
    "a client of bytes": (lambda server: nuphar.Client(b"ws://h/live"), "expected a URL"),  # type: ignore[arg-type]
    "a client of nothing": (lambda server: nuphar.Client(None), "expected a URL"),  # type: ignore[arg-type]
    "an asyncio client of a number": (lambda server: nuphar.AsyncClient(5), "expected a URL"),  # type: ignore[arg-type]
    "a serialiser": (lambda server: nuphar.Client("ws://h/live", 5), "serialiser: expected"),  # type: ignore[arg-type]
    "a queue": (lambda server: nuphar.Client("ws://h/live", queue=5), "as queue, got 5"),  # type: ignore[arg-type]
    "a chance": (lambda server: nuphar.Client("ws://h/live", chance=5), "chance: expected"),  # type: ignore[arg-type]
    "a target": (lambda server: nuphar.Client(MemoryConnector(server), stores={5: None}), "expected a target"),  # type: ignore[dict-item]
    "a page's server": (lambda server: nuphar.Live(5), "expected a nuphar.Server"),  # type: ignore[arg-type]
    "a page's path": (lambda server: nuphar.Live(server, path=5), "expected a path"),  # type: ignore[arg-type]
    "a port as text": (lambda server: nuphar.serve(server, port="x"), "got '127.0.0.1' and 'x'"),  # type: ignore[arg-type]
    "a port that is none": (lambda server: nuphar.serve(server, port=99_999), "a port from 0 to 65535"),
    "a host": (lambda server: nuphar.serve(server, host=5), "a host as text"),  # type: ignore[arg-type]
    "on_start": (lambda server: nuphar.serve(server, on_start=5), "on_start: expected"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_a_usage_error(server: Server, name: str) -> None:
    call, sentence = WRONG[name]
    with pytest.raises(UsageError, match=sentence):
        call(server)

"""Clients without a socket are who the application says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.scripted import ScriptedClient

from nuphar import Client, Identity, Server, Store, UsageError
from nuphar.testing import MemoryConnector

ADA = Identity("ada", roles=("staff",))


def test_a_client_that_the_application_connects_has_the_identity_that_it_gives(server: Server) -> None:
    for given in (ADA, None):
        client = ScriptedClient(server, identity=given)
        session = server.sessions.get(client.id)
        assert session is not None
        assert session.identity is given
        assert session.user == (None if given is None else "ada")


@pytest.mark.parametrize("make", [MemoryConnector, ScriptedClient])
def test_what_is_no_identity_is_refused(server: Server, make: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=r"^identity: expected a nuphar.Identity or None, got a str$"):
        make(server, identity="ada")
    assert not len(server.sessions)


def test_the_client_of_a_line_in_memory_has_the_line_s_identity_and_may_sign_out(server: Server) -> None:
    server.topic("t").with_store(store := Store(0, lambda model, message: model + message))
    line = MemoryConnector(server, ADA)
    with Client(line, stores={"t": store}) as client:
        client.wait_live()
        assert [session.identity for session in server.sessions.all()] == [ADA]
        line.cut()
        line.identity = Identity("ada")
        line.restore()
        client.wait_live()
        assert [session.identity for session in server.sessions.all()] == [Identity("ada")]
        line.cut()
        line.identity = None
        line.restore()
        client.wait_live()
        assert sorted(session.user or "" for session in server.sessions.all()) == ["", "ada"]

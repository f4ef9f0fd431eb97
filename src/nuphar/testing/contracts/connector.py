"""The contract of `Connector`: what carries a client's frames, and comes back by itself.

>>> import nuphar
>>> from nuphar.testing import MemoryConnector, contracts
>>> class MemoryCase(contracts.ConnectorCase):
...     def __init__(self):
...         super().__init__()
...         self.connector = MemoryConnector(self.server)
...     def cut(self):
...         self.connector.cut()
...     def restore(self):
...         self.connector.restore()
>>> class TestMemoryConnector(contracts.ConnectorContract):
...     def make(self):
...         return MemoryCase()
>>> contracts.run(TestMemoryConnector)  # pytest runs it by itself
11
"""

from __future__ import annotations

from ...actors.words.close_codes import PROTOCOL_ERROR
from ...transport.wire.frames import Acknowledge, ClientMessage, Push, Subscribe
from .connector_case import ConnectorCase, Talk
from .running import eventually

MESSAGES = 50
"""Frames that are sent one right after the other."""

NONSENSE = b"\xff"
"""A frame that no server understands; a few in a row close the connection for good."""


class ConnectorContract:
    """What every connector does. Its tests are those of a subclass with a `make`."""

    def make(self) -> ConnectorCase:
        """Return a new case; called once in each test."""
        raise NotImplementedError

    def test_it_connects_by_itself_and_says_so_once(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            said = [name for name, _ in talk.heard.events if name != "fault"]  # the first tries may have failed
            assert said == ["reconnect"], f"expected one on_reconnect, got {talk.heard.events}"

    def test_frames_go_both_ways_whole_in_order_and_one_at_a_time(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect().send(Subscribe(1, "topic:list", None, None), Subscribe(2, "topic:news", None, None))
            talk.wait_for(Acknowledge, 2)
            talk.send(*(ClientMessage(3 + n, "topic:list", n) for n in range(MESSAGES)))
            for n in range(MESSAGES):
                case.news.broadcast(n)
            refs = list(range(1, MESSAGES + 3))
            eventually(lambda: self._refs(talk) >= refs, f"expected answers to {refs}")
            talk.wait_for(Push, MESSAGES)
            assert self._refs(talk) == refs, f"expected answers in order, got {self._refs(talk)}"
            pushed = [push.payload for push in talk.frames(Push)]
            assert pushed == list(range(MESSAGES)), f"expected 0 to {MESSAGES - 1} in order, got {pushed}"
            assert talk.heard.overlaps == 0, f"expected one call at a time, got {talk.heard.overlaps} at once"

    def test_a_send_without_a_connection_is_an_oserror(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            case.cut()
            talk.wait_said("disconnect")
            try:
                talk.send(ClientMessage(1, "topic:list", "x"))
            except OSError:
                return
            raise AssertionError("expected an OSError, got nothing: the client believes that it is sent")

    def test_a_line_that_is_lost_is_said_with_a_reason_and_mended(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            case.cut()
            talk.wait_said("disconnect")
            events = talk.heard.events[talk.heard.events.index(("reconnect", None)) :]
            said = [name for name, _ in events[:3]]
            assert said == ["reconnect", "fault", "disconnect"], f"expected a fault and then a loss, got {said}"
            why = events[1][1]
            assert isinstance(why, str), f"expected a reason in words, got {why!r}"
            assert why, "expected a reason in words, got none"
            case.restore()
            talk.connect(2)
            assert talk.heard.count("disconnect") == 1, f"expected one loss, got {talk.heard.events}"

    def test_a_close_ends_the_session(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            case.run(talk.transport.close)
            eventually(lambda: not case.server.stats()["sessions"], "expected the session to end with a close")
            assert case.server.stats()["detached"] == 0

    def test_a_close_is_not_told_to_who_has_closed_and_may_come_twice(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            case.run(talk.transport.close)
            case.run(talk.transport.close)
            eventually(lambda: not case.server.stats()["connections"], "expected the connection to end")
            assert talk.heard.count("close") == 0, (
                f"expected on_close for others' closes alone, got {talk.heard.events}"
            )
            assert talk.heard.count("reconnect") == 1, f"expected a close to be final, got {talk.heard.events}"

    def test_nothing_is_heard_after_a_close(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect().send(Subscribe(1, "topic:news", None, None))
            talk.wait_for(Acknowledge)
            case.run(talk.transport.close)
            case.news.broadcast("too late")
            eventually(lambda: not case.server.stats()["connections"], "expected the connection to end")
            assert talk.frames(Push) == [], f"expected nothing more, got {talk.frames(Push)}"

    def test_a_close_while_nothing_gets_through_is_final(self) -> None:
        with self.make() as case:
            case.cut()
            with Talk(case) as talk:
                before = talk.heard.count("reconnect")
                case.run(talk.transport.close)
                case.restore()
                eventually(lambda: not case.server.stats()["connections"], "expected no connection")
                assert talk.heard.count("reconnect") == before, "expected it not to connect after a close"

    def test_who_leaves_keeps_the_session(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            if talk.transport.leave is None:
                return  # it cannot: close() is all that there is
            case.run(talk.transport.leave)
            eventually(lambda: case.server.stats()["detached"] == 1, "expected the session to wait for its client")
            assert talk.heard.count("close") == 0, (
                f"expected on_close for others' closes alone, got {talk.heard.events}"
            )

    def test_who_reopens_comes_back_by_itself_and_keeps_the_session(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            if talk.transport.reopen is None:
                return  # it cannot: a client that has other credentials is closed, and another one made
            case.run(talk.transport.reopen)
            talk.wait_said("reconnect", 2)
            said = [name for name, _ in talk.heard.events if name != "fault"]
            assert said == ["reconnect", "disconnect", "reconnect"], f"expected one loss, got {talk.heard.events}"
            eventually(lambda: case.server.stats()["detached"] == 1, "expected the session to wait for its client")

    def test_a_close_of_the_server_s_that_is_final_is_told_and_it_does_not_come_back(self) -> None:
        with self.make() as case, Talk(case) as talk:
            talk.connect()
            for _ in range(10):
                try:
                    talk.send(NONSENSE)
                except OSError:
                    break  # it is over already
            talk.wait_said("close")
            assert talk.heard.events[-1] == ("close", PROTOCOL_ERROR), (
                f"expected a close for good, got {talk.heard.events}"
            )
            assert talk.heard.count("reconnect") == 1, f"expected it not to come back, got {talk.heard.events}"

    def _refs(self, talk: Talk) -> list[int]:
        return [ref for frame in talk.frames(Acknowledge) for ref in frame.refs]

"""Topics of a kind that are being begun: whoever wants one waits for the same, and its store is made once.

A parser and a store's function may wait, e.g. for a database. So this is called in greenlets that may, or in threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pykka
from gevent import GreenletExit, Timeout

from ..runtime.future import Future
from ..runtime.hooks import HookFailed, call, call_raw
from ..runtime.log_throttle import ThrottledLogger
from ..words.errors import Refused
from ..words.store import Store
from .topic import Kind, Topic
from .topics import Directory

logger = ThrottledLogger("nuphar.actors")

STORE_PATIENCE = 1.0
"""Seconds beyond a hook's own for which somebody waits for a store that somebody else has made."""


class Openings:
    """``start`` has a topic's actor started, without waiting for it."""

    def __init__(self, directory: Directory, start: Callable[[Topic], None], timeout: float) -> None:
        self._directory = directory
        self._start = start
        self._timeout = timeout
        self._under_way: dict[str, Future] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def parse(self, topic_id: str) -> tuple[Kind, Any]:
        """Return the kind and the key of an id.

        Raises: Refused ``not_found``.
        """
        kind = self._directory.kind_of(topic_id)
        try:
            suffix, host = topic_id[len(kind.prefix) :], self._directory.host
            return kind, call_raw("parse", kind.parse, suffix, timeout=self._timeout, host=host)
        except GreenletExit:
            raise
        except (Exception, Timeout, SystemExit) as error:
            # A parser says no by raising; anything but a ValueError or its like is worth a look.
            level = logging.DEBUG if isinstance(error, ValueError | KeyError | TypeError) else logging.ERROR
            logger.log(level, "the id %r does not parse as a %r", topic_id, kind.prefix, exc_info=error)
            raise Refused("not_found", f"there is no topic {topic_id!r}") from error

    def open(self, topic_id: str, client_id: str | None = None) -> Topic:
        """Return a topic, begun if it does not run: for ``client_id``, or for the program.

        Raises: Refused like `parse` and `begin`.
        """
        return self._directory.topics.get(topic_id) or self.begin(topic_id, *self.parse(topic_id), client_id)

    def begin(self, topic_id: str, kind: Kind, key: Any, client_id: str | None = None) -> Topic:
        """Return the topic with this id, begun by this very call, or by one that is under way.

        One that is stopping under this id ends first. Raises: Refused ``busy`` when that takes too long, when there are
        too many topics, or too many that ``client_id`` has begun; ``crashed`` when its store cannot be made.
        """
        mine = Future(self._directory.host)
        opening = self._under_way.setdefault(topic_id, mine)  # one step: of two that come at once, one gets it
        if opening is not mine:
            return self._wait(topic_id, opening)
        try:
            self._directory.wait_until_free(topic_id, self._timeout)
            topic = self._directory.topics.get(topic_id) or self._make(topic_id, kind, key, client_id)
        except BaseException as error:
            mine.set_exception((type(error), error, error.__traceback__))
            raise
        else:
            mine.set(topic)
            return topic
        finally:
            self._under_way.pop(topic_id, None)

    def _make(self, topic_id: str, kind: Kind, key: Any, client_id: str | None) -> Topic:
        self._directory.reserve(client_id, len(self._under_way) - 1)
        try:
            host = self._directory.host
            store = call("store", self._store, kind, topic_id, key, timeout=self._timeout, host=host, may_refuse=True)
            topic = self._directory.add(topic_id, kind, store, client_id, key)
        except BaseException as error:
            self._directory.release(client_id)
            if not isinstance(error, HookFailed):
                raise
            text = f"the topic could not be started; trace id {error.trace_id}"
            raise Refused("crashed", text, {"trace_id": error.trace_id}) from error
        self._start(topic)
        return topic

    def _store(self, kind: Kind, topic_id: str, key: Any) -> Store | None:
        store = kind.store(topic_id, key)
        if store is not None:
            self._directory.codec.check_model(store.model)
        return store

    def _wait(self, topic_id: str, opening: Future) -> Topic:
        try:
            topic: Topic = opening.get(timeout=self._timeout + STORE_PATIENCE)
        except pykka.Timeout as error:
            raise Refused("busy", f"the topic {topic_id!r} is being started") from error
        except GreenletExit as error:  # of who was making it, not ours
            raise Refused("busy", f"the start of topic {topic_id!r} was given up") from error
        return topic

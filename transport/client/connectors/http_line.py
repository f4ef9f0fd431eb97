"""A line as its client sees it: numbered POSTs out, numbered batches in, both asked again until they have arrived."""

from __future__ import annotations

import logging
import re
from base64 import urlsafe_b64decode
from collections import deque
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from typing import Any

from ....actors.words.errors import RemoteProtocolError
from ...wire.event_stream import EventReader
from ...wire.sequences import MOST_FRAMES, join_cbor, split_cbor
from .ended import ConnectionEnd, is_for_good, refused_with
from .http_connection import GONE, LARGEST_BATCH, HttpConnection, number_in, parse_end, read_answer, refusal_text
from .owner import said
from .refusal import explain, seconds_of
from .runtimes import ClientRuntime
from .whole_response import WholeResponse

logger = logging.getLogger("nuphar.client")

POST_SIZE = 64 * 1024
"""Bytes of frames that go into one POST; a larger one goes by itself."""

QUEUE = 1024 * 1024
"""Bytes that may wait to be posted."""

REPEATS = 4
"""How often a request is made again before the line counts as lost."""

BREATH = 5.0
"""Seconds after which a POST without frames says that an answer is still arriving: behind a proxy nothing else does."""

RETRY = 0.1
"""Seconds before a request is made again, doubled each time: together less than a line lives without one."""

_TYPE = {"Content-Type": "application/cbor-seq"}

_DIGITS = re.compile(r"[0-9]{1,15}")


class ClientLine:
    """After ``open``, ``post`` is to be run beside ``poll`` or ``events``, each of which returns the end.

    The end is None if the line was lost without a word.
    ``place(name, query)`` is what a request asks for, ``headers`` go with each.
    """

    def __init__(
        self,
        place: Callable[[str, str], str],
        headers: dict[str, str],
        posts: HttpConnection,
        gets: HttpConnection,
        runtime: ClientRuntime,
        receive: Callable[[bytes], Any],
        timeout: float,
    ) -> None:
        self._place = place
        self._headers = headers
        self._posts = posts
        self._gets = gets
        self._receive = receive
        self._timeout = timeout
        self._queue: deque[bytes] = deque()
        self._taken = self._posted = 0  # bytes, each counted by one thread alone
        self._more, self._over, self._done = runtime.event(), runtime.event(), runtime.event()
        self._id: str | None = None
        self._number = 0
        self._batch = 0
        self._farewell: int | None = None
        self._ended: ConnectionEnd | None = None
        self._is_arriving = False  # a part of an answer has come, and more of it is on its way

    def send(self, frame: bytes) -> None:
        """Have ``frame`` posted, behind those that wait. Raises: OSError if it is over, or too much waits."""
        if self._over.is_set():
            raise BrokenPipeError("the line is over")
        if self._taken - self._posted > QUEUE:
            raise BlockingIOError(f"{self._taken - self._posted} bytes wait to be posted")
        piece = join_cbor(frame)
        self._queue.append(piece)
        self._taken += len(piece)
        self._more.set()

    def say_goodbye(self, code: int, patience: float) -> None:
        """Post what waits and ``code``, for at most ``patience`` seconds."""
        self._farewell = code
        self._more.set()
        self._done.wait(patience)

    def cut(self) -> None:
        """End it now."""
        self._over.set()
        self._more.set()
        self._posts.cut()
        self._gets.cut()

    def open(self) -> ConnectionEnd | None:
        """Open the line, with an empty POST; return its end if it was refused.

        Raises: OSError, HTTPException.
        """
        status, headers, data = self._ask(self._posts, "POST", "send", b"", _TYPE, self._timeout, tries=0)
        if status == 201:
            self._number, self._id = 1, headers.get("Nuphar-Line", "")
            return None
        if is_for_good(status):
            return refused_with(status, explain(status, headers.get("Location", ""), data))
        after = seconds_of(headers.get("Retry-After", ""), headers.get("Date", ""))
        return ConnectionEnd(0, refusal_text(status, headers, data), after)

    def post(self) -> None:
        """Post what is sent, in order, until the line is over."""
        try:
            while not self._over.is_set():
                self._more.wait(BREATH)
                if not self._more.is_set() and self._is_arriving:
                    self._post()
                self._more.clear()
                while (self._queue or self._farewell is not None) and not self._over.is_set():
                    if self._post():
                        return
        except (OSError, HTTPException, RemoteProtocolError) as error:
            logger.info("a line is lost: %s", said(error))
        except Exception:
            logger.exception("a line is lost by an error")
        finally:
            self.cut()
            self._posts.close()
            self._done.set()

    def poll(self, wait: float) -> ConnectionEnd | None:
        """Ask for batch after batch, each request for at most ``wait`` seconds."""
        while not self._over.is_set():
            query = f"wait={wait:g}&after={self._batch}"
            status, headers, data = self._ask(self._gets, "GET", "poll", None, {}, wait + self._timeout, query=query)
            if status not in (200, 204, GONE):
                return self._end(refusal_text(status, headers, data))
            self._batch = number_in(headers, "Nuphar-Batch")
            self._take(data)
            if (ending := headers.get("Nuphar-Close")) is not None:
                return parse_end(ending)
        return self._ended

    def events(self, silence: float) -> ConnectionEnd | None:
        """Read on in one stream; ``silence`` seconds without a byte, or comment, mean that it is broken."""
        tries, told = 0, ""
        while not self._over.is_set():
            try:
                headers = self._fields({"Last-Event-ID": str(self._batch)})
                self._gets.set_patience(silence)
                self._gets.request("GET", self._place("events", ""), headers=headers)
                response: WholeResponse = self._gets.getresponse()  # type: ignore[assignment]  # our response_class
                if response.status != 200:
                    told = refusal_text(response.status, response.headers, read_answer(self._gets, response))
                    break
                reader = EventReader(2 * LARGEST_BATCH)
                while data := response.read1(POST_SIZE):
                    tries = 0
                    for event in reader.feed(data):
                        if event.name == "close":
                            return parse_end(event.data)
                        if event.id is not None and _DIGITS.fullmatch(event.id):
                            self._batch = int(event.id)
                        self._take(urlsafe_b64decode(event.data + "=" * (-len(event.data) % 4)))
                    self._is_arriving = reader.is_within
            except (OSError, HTTPException):
                if tries >= REPEATS:
                    raise
            self._is_arriving = False
            self._gets.close()
            self._over.wait(RETRY * 2**tries)
            tries += 1
        return self._end(told)

    def _end(self, told: str) -> ConnectionEnd | None:
        """Return the end that a POST has heard of; else raise OSError with what an answer ``told``."""
        if told and self._ended is None:
            raise OSError(told)
        return self._ended

    def _take(self, data: bytes) -> None:
        for frame in split_cbor(data, LARGEST_BATCH, LARGEST_BATCH):
            self._receive(frame)

    def _post(self) -> bool:
        """Post what waits, or a part of it; return whether the farewell went with it."""
        pieces: list[bytes] = []
        size = 0
        for at in range(len(self._queue)):  # others may add to it meanwhile
            piece = self._queue[at]
            if pieces and (size + len(piece) > POST_SIZE or len(pieces) == MOST_FRAMES):
                break
            pieces.append(piece)
            size += len(piece)
        fields = {
            **_TYPE,
            "Nuphar-Number": str(self._number + 1),
            "Nuphar-After": str(self._batch),
        }
        # It may come while a request is under way, which goes without it: then there is one more.
        is_last = self._farewell is not None and len(pieces) == len(self._queue)
        if is_last:
            fields["Nuphar-Close"] = str(self._farewell)
        status, headers, data = self._ask(self._posts, "POST", "send", b"".join(pieces), fields, self._timeout)
        if status != 204:
            if (ending := headers.get("Nuphar-Close")) is not None:
                self._ended = parse_end(ending)
            raise OSError(refusal_text(status, headers, data))
        self._number += 1
        for _ in pieces:
            self._queue.popleft()
        self._posted += size
        return is_last

    def _ask(
        self,
        connection: HttpConnection,
        method: str,
        name: str,
        body: bytes | None,
        fields: dict[str, str],
        patience: float,
        tries: int = REPEATS,
        query: str = "",
    ) -> tuple[int, HTTPMessage, bytes]:
        """Do one request, again if its answer does not come. Raises: OSError, HTTPException if it never does."""
        attempt = 0
        while True:
            try:
                connection.set_patience(patience)
                connection.request(method, self._place(name, query), body, self._fields(fields))
                response: WholeResponse = connection.getresponse()  # type: ignore[assignment]  # our response_class
                self._is_arriving |= connection is self._gets
                return response.status, response.headers, read_answer(connection, response)
            except (OSError, HTTPException):
                connection.close()
                if attempt == tries or connection.is_cut:
                    raise
            finally:
                self._is_arriving &= connection is not self._gets
            self._over.wait(RETRY * 2**attempt)
            attempt += 1

    def _fields(self, more: dict[str, str]) -> dict[str, str]:
        return {**self._headers, **more, **({} if self._id is None else {"Nuphar-Line": self._id})}

"""Lines over HTTP as a WSGI application: POST ``send``, GET ``poll``, GET ``events`` (docs/wire.md, Over HTTP)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ....actors.runtime.log_throttle import ThrottledLogger
from ....actors.words.close_codes import TOO_LARGE
from ....actors.words.errors import RemoteProtocolError
from ...wire import event_stream
from ...wire.origin import Origins
from ...wire.upgrade import Decline
from ..gateway import Gateway
from ..rate_book import Visit
from ..wsgi_handler import PROGRESS
from ..wsgi_types import Environ, StartResponse
from .answer import Answer
from .body import hang_up, nothing, read_body
from .judge import EventsRequest, PollRequest, SendRequest, decline, judge
from .line import Line, MakeConnection
from .lines import Lines
from .reading import Reading

logger = ThrottledLogger("nuphar.transport")

BODY_MESSAGES = 4
"""A body may have that many times the bytes of the largest message."""

NO_STORE = ("Cache-Control", "no-store")


class Admitted(NamedTuple):
    """A client may open a line: ``connect`` makes its connection, ``headers`` go into the answer."""

    connect: MakeConnection
    headers: tuple[tuple[str, str], ...] = ()


Admit = Callable[[Visit | None], Decline | Admitted]


class HttpLines:
    """Answers the requests for the lines of one server."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __call__(
        self,
        name: str,
        environ: Environ,
        start_response: StartResponse,
        gateway: Gateway,
        origins: Origins,
        admit: Admit,
    ) -> Iterable[bytes]:
        """Answer a request to ``name``, one of `judge.PATHS`; ``admit(visit)`` is asked of one that opens a line."""
        request = judge(name, environ, origins, BODY_MESSAGES * gateway.limits.message)
        match request:
            case SendRequest():
                answer: Answer | Decline = self._send(request, environ, gateway, admit)
            case PollRequest():
                answer = self._poll(request, environ)
            case EventsRequest():
                answer = self._events(request, environ, gateway)
            case Decline():
                logger.info("%s of %r refused: %s", name, environ.get("REMOTE_ADDR"), request.reason)
                answer = request
        if isinstance(answer, Decline):
            headers = [*answer.headers, NO_STORE, ("Content-Length", str(len(answer.body)))]
            start_response(answer.status, headers)
            return [answer.body]
        start_response(answer.status, [*answer.headers, NO_STORE])
        return answer

    def _send(self, request: SendRequest, environ: Environ, gateway: Gateway, admit: Admit) -> Answer | Decline:
        line = self._find(request.line) if request.line is not None else None
        if isinstance(line, Decline):
            return line
        if line is None:
            visit = gateway.enter(environ)
            if isinstance(visit, Decline):
                return visit
            answer = self._open(request, environ, gateway, lambda: admit(visit))
            if isinstance(answer, Decline) and visit is not None:
                visit.leave(gateway.clock())
            return answer
        touch = line.touch
        touch()
        limits = gateway.limits
        body = read_body(environ, request.size, BODY_MESSAGES * limits.message, limits.linger, touch)
        if isinstance(body, Decline):
            return body
        if not line.turn.acquire(timeout=limits.linger):  # a hook hears what the POST before has brought, and waits
            return decline("503 Service Unavailable", "the POST before is still being taken", ("Retry-After", "1"))
        try:
            line.touch()
            return self._go_on(line, request, body, limits.message)
        finally:
            line.turn.release()

    def _open(
        self, request: SendRequest, environ: Environ, gateway: Gateway, admit: Callable[[], Decline | Admitted]
    ) -> Answer | Decline:
        """Open a line for a POST that names none."""
        limits = gateway.limits
        body = read_body(environ, request.size, BODY_MESSAGES * limits.message, limits.linger, nothing)
        if isinstance(body, Decline):
            return body
        admitted = admit()
        if isinstance(admitted, Decline):
            return admitted
        if gateway.is_closing or gateway.has_stopped:
            return decline("503 Service Unavailable", "the server stops", ("Retry-After", "1"))
        opened = self.lines.open(request.sequence, gateway, admitted.connect)
        if opened is None:
            return decline("503 Service Unavailable", "there are too many lines", ("Retry-After", "10"))
        with opened.turn:
            answer = self._apply(opened, request, body, limits.message)
        if isinstance(answer, Decline):
            opened.abort()
            return answer
        return Answer("201 Created", [("Nuphar-Line", opened.id), ("Content-Length", "0"), *admitted.headers])

    def _go_on(self, line: Line, request: SendRequest, body: bytes, largest: int) -> Answer | Decline:
        if line.closed:
            return _gone(line)
        if request.number == line.number:
            return Answer("204 No Content")  # the answer was lost: it is given again, and nothing is applied
        if request.number != line.number + 1:
            expected = line.number + 1
            text = f"expected the number {expected}, got {request.number}"
            return decline("409 Conflict", text, ("Nuphar-Number", str(expected)))
        if request.sequence is not line.sequence:
            text = f"expected {line.sequence.content_type}, as this line began, got {request.sequence.content_type}"
            return decline("415 Unsupported Media Type", text)
        return self._apply(line, request, body, largest)

    def _apply(self, line: Line, request: SendRequest, body: bytes, largest: int) -> Answer | Decline:
        try:
            frames = line.sequence.split(body, largest)
        except RemoteProtocolError as error:
            line.close(error.close_code, str(error))
            status = "413 Content Too Large" if error.close_code == TOO_LARGE else "400 Bad Request"
            return decline(status, str(error))
        if request.after is not None:
            if request.after > line.batches.last:
                return _unknown_batch(line, request.after)
            if line.batches.is_known(request.after):  # else a GET has said more since
                line.batches.acknowledge(request.after)
        line.number = request.number
        line.push(frames, len(body))
        if request.close is not None:
            line.close(*request.close)
            line.end()
        return Answer("204 No Content")

    def _poll(self, request: PollRequest, environ: Environ) -> Answer | Decline:
        line = self._find(request.line)
        if isinstance(line, Decline):
            return line
        if not line.batches.is_known(request.after):
            return _unknown_batch(line, request.after)
        reading = line.read(request.after, hang_up(environ), environ.get(PROGRESS))
        try:
            batch = reading.wait(request.wait)
        except BaseException:  # this greenlet is being killed
            reading.end()
            raise
        ending = reading.ending
        headers = [("Nuphar-Batch", str(reading.position))]
        if ending is not None:
            headers.append(("Nuphar-Close", _one_line(ending)))
        if batch is not None:
            headers += [("Content-Type", line.sequence.content_type), ("Content-Length", str(len(batch.data)))]
            return Answer("200 OK", headers, reading.slices(batch.data), reading, line if ending is not None else None)
        if ending is not None:
            return Answer("410 Gone", [*headers, ("Content-Length", "0")], [], reading, line)
        return Answer("204 No Content", headers, [], reading)

    def _events(self, request: EventsRequest, environ: Environ, gateway: Gateway) -> Answer | Decline:
        line = self._find(request.line)
        if isinstance(line, Decline):
            return line
        if not line.batches.is_known(request.after):
            return _unknown_batch(line, request.after)
        reading = line.read(request.after, hang_up(environ), environ.get(PROGRESS))
        headers = [
            ("Content-Type", "text/event-stream; charset=utf-8"),
            ("X-Accel-Buffering", "no"),  # nginx would keep events back
        ]
        return Answer("200 OK", headers, _stream(line, reading, gateway.limits.heartbeat), reading)

    def _find(self, id: str) -> Line | Decline:
        line = self.lines.get(id)
        if line is None:
            return decline("404 Not Found", "there is no such line")
        return line


def _stream(line: Line, reading: Reading, heartbeat: float) -> Iterator[bytes]:
    yield event_stream.START
    is_text = line.sequence.content_type != "application/cbor-seq"
    while reading.is_current:
        batch = reading.wait(heartbeat)
        if batch is not None:
            yield from reading.slices(event_stream.write_batch(batch, is_text=is_text))
        elif reading.is_current and not line.closed:
            yield event_stream.COMMENT
        if (ending := reading.ending) is not None:
            yield event_stream.write_close(ending)
            line.told()
            return


def _gone(line: Line) -> Decline:
    ending = f"{line.close_code} {line.close_reason}".rstrip()
    return decline("410 Gone", f"the line is closed: {ending}", ("Nuphar-Close", _one_line(ending)))


def _one_line(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode()


def _unknown_batch(line: Line, after: int) -> Decline:
    known = f"{line.batches.settled} to {line.batches.last}"
    return decline("409 Conflict", f"expected a batch from {known} as after, got {after}")

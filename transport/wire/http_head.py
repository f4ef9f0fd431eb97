"""The head of an HTTP request as a decision: what the grammar and the framing rules allow. Pure.

Two programs that read one head differently see two different requests. So a head that leaves a choice is refused, and
nobody behind us sees it. Each refusal names its rule in RFC 9112, or in RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110, 5.6.2
_LINE = re.compile(rf"({_TOKEN}) ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])\r?\n")
_NOT_IN_TARGET = re.compile(r"[^\x21\x22\x24-\x7e]")  # a number sign, and what is not ASCII
_FIELD = re.compile(rf"({_TOKEN}):([^\x00-\x08\x0a-\x1f\x7f]*)\r?\n")
_HOST = re.compile(r"(\[[0-9A-Za-z:.%~_\-]+\]|[0-9A-Za-z\-._~%!$&'()*+,;=]*)(:[0-9]*)?")
_ABSOLUTE = re.compile(r"https?://([^/?]*)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")

MAX_FIELDS = 100
MAX_HEAD = 64 * 1024
"""Bytes of all fields of a head together."""


class BadRequest(ValueError):
    """Our own sentence about what is wrong, for the peer and for the log."""


class RequestLine(NamedTuple):
    """A request's first line. ``host`` is that of a target in absolute form; the field Host does not count then."""

    method: str
    target: str
    version: tuple[int, int]
    host: str | None = None


def read_line(text: str) -> RequestLine:
    """Cut a request line apart; it is decoded as Latin-1, with its end. Raises: BadRequest (RFC 9112, 3)."""
    found = _LINE.fullmatch(text)
    if found is None:
        raise BadRequest(
            f"expected a method, one space, a target, one space and HTTP/1.1, got {_short(text)} (9112, 3)"
        )
    method, target, version = found[1], found[2], (int(found[3]), int(found[4]))
    if version[0] != 1:
        raise BadRequest(f"expected HTTP/1.1, got HTTP/{found[3]}.{found[4]} (9112, 2.3)")
    if (wrong := _NOT_IN_TARGET.search(target)) is not None:
        raise BadRequest(
            f"expected a target of percent-encoded ASCII without a fragment, got {_short(wrong[0])} in {_short(target)}"
            " (9112, 3.2)"
        )
    if target.startswith("/") or method == "CONNECT" or (target == "*" and method == "OPTIONS"):
        return RequestLine(method, target, version)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not absolute[1] or not _HOST.fullmatch(absolute[1]):
        raise BadRequest(f"expected a path or an http URL as target, got {_short(target)} (9112, 3.2)")
    return RequestLine(method, (absolute[2] or "/") + (absolute[3] or ""), version, absolute[1])


def read_fields(lines: Iterable[bytes], version: tuple[int, int]) -> list[tuple[str, str]]:
    """Return the names and values of a head's fields, given their lines with their ends. Raises: BadRequest."""
    fields: list[tuple[str, str]] = []
    hosts: list[str] = []
    lengths: list[str] = []
    codings: list[str] = []
    kept = {"host": hosts, "content-length": lengths, "transfer-encoding": codings}
    for line in lines:
        field = read_field(line)
        fields.append(field)
        if (values := kept.get(field[0].lower())) is not None:
            values.append(field[1])
    if len(hosts) > 1 or (not hosts and version >= (1, 1)):
        raise BadRequest(f"expected one Host, got {len(hosts)} (9112, 3.2)")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise BadRequest(f"expected a host and a port as Host, got {_short(hosts[0])} (9112, 3.2)")
    if len(lengths) > 1:
        raise BadRequest(f"expected one Content-Length, got {len(lengths)} (9112, 6.3)")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise BadRequest(f"expected digits as Content-Length, got {_short(lengths[0])} (9110, 8.6)")
    if not codings:
        return fields
    if lengths:
        raise BadRequest("expected a Content-Length or a Transfer-Encoding, got both (9112, 6.3)")
    if version < (1, 1):
        raise BadRequest("expected no Transfer-Encoding in HTTP/1.0 (9112, 6.1)")
    if len(codings) > 1 or codings[0].lower() != "chunked":
        got = _short(", ".join(codings))
        raise BadRequest(f"expected chunked as the only transfer coding, got {got} (9112, 6.3)")
    return fields


def read_field(line: bytes) -> tuple[str, str]:
    """Return a field's name and its value. Raises: BadRequest (RFC 9112, 5 and 2.2)."""
    text = line.decode("latin-1")
    found = _FIELD.fullmatch(text)
    if found is not None:
        return found[1], found[2].strip(" \t")
    if text[:1] in (" ", "\t"):
        raise BadRequest("expected a field's name, got a line that begins with a space (9112, 2.2 and 5.2)")
    name, colon, _ = text.partition(":")
    if colon and name != name.rstrip(" \t"):
        raise BadRequest(f"expected no space before the colon, got {_short(name)} (9112, 5.1)")
    if not colon or not re.fullmatch(_TOKEN, name):
        raise BadRequest(f"expected a field's name and a colon, got {_short(text)} (9112, 5)")
    raise BadRequest(f"expected no control characters in a field, got {_short(text)} (9110, 5.5)")


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else f"{text[:60]}…")

"""Runs one case against a server, and says what is wrong; nothing if nothing is."""

from __future__ import annotations

from .handshakes import Shake
from .peer import Peer, request
from .talks import Talk


def shake(port: int, case: Shake, chop: int = 0) -> str | None:
    """Run an opening handshake."""
    peer = Peer(port)
    try:
        answer = peer.shake(case.request)
    finally:
        peer.end()
    wrong = {name: answer.fields.get(name) for name, value in case.fields.items() if answer.fields.get(name) != value}
    too_many = [name for name in case.absent if name in answer.fields]
    if answer.status != case.status or wrong or too_many:
        return f"expected {case.status} with {case.fields} without {case.absent}, got {answer.status}: {answer.fields}"
    return None


def talk(port: int, case: Talk, chop: int = 0, together: bool = False) -> str | None:
    """Run a talk in pieces of ``chop`` bytes; or ``together`` with the handshake, in one write."""
    peer = Peer(port)
    try:
        answer = peer.shake(request() + (case.sent if together else b""))
        if answer.status != 101:
            return f"the handshake was answered with {answer.status}"
        if not together:
            peer.write(case.sent, chop)
        got = list(peer.read(answer.rest))
    finally:
        peer.end()
    expected = list(case.expected)
    shown = [
        (*event[:2], None) if event[0] == "close" and at < len(expected) and expected[at][-1] is None else event
        for at, event in enumerate(got)
    ]
    return None if shown == expected else f"expected {_short(expected)}, got {_short(got)}"


def _short(events: object) -> str:
    text = repr(events)
    return text if len(text) < 400 else f"{text[:200]} … {text[-200:]}"

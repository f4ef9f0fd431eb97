"""Sections 5 to 10: what a client sends after the handshake, and what has to come back from a server that echoes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close, frame

Event = tuple[Any, ...]
END: Event = ("end",)
GOODBYE: list[Event] = [("close", 1000, b""), END]


class Talk(NamedTuple):
    """Frames, and all that must come back up to the end of TCP. A reason of None is not compared."""

    section: str
    rule: str
    sent: bytes
    expected: list[Event]


def echoed(section: str, rule: str, sent: bytes, *expected: Event) -> Talk:
    """Return a talk in which all is well, and which the client ends."""
    return Talk(section, rule, sent + close(), [*expected, *GOODBYE])


def failed(section: str, rule: str, sent: bytes, code: int, *before: Event) -> Talk:
    """Return a talk that the server has to fail with ``code``; what follows the fault is for nobody."""
    return Talk(section, rule, sent + frame(TEXT, b"after the fault"), [*before, ("close", code, None), END])


def text(value: str | bytes) -> Event:
    """Return the event of a text message."""
    return "text", value.encode() if isinstance(value, str) else value


def framing() -> Iterator[Talk]:
    """Section 5.1 to 5.3: masks, bits, opcodes, lengths."""
    yield failed("5.1", "a client masks: text", frame(TEXT, b"a", mask=None), 1002)
    yield failed("5.1", "a client masks: ping", frame(PING, b"a", mask=None), 1002)
    yield failed("5.1", "a client masks: close", frame(CLOSE, b"", mask=None), 1002)
    yield failed("5.1", "a client masks each frame", frame(TEXT, b"a") + frame(TEXT, b"b", mask=None), 1002, text("a"))
    for rsv in range(1, 8):
        yield failed("5.2", f"reserved bits {rsv:03b} of text", frame(TEXT, b"a", rsv=rsv), 1002)
        yield failed("5.2", f"reserved bits {rsv:03b} of a ping", frame(PING, b"a", rsv=rsv), 1002)
        yield failed("5.2", f"reserved bits {rsv:03b} of a close frame", frame(CLOSE, b"", rsv=rsv), 1002)
        fragment = frame(TEXT, b"a", fin=False) + frame(CONT, b"b", rsv=rsv)
        yield failed("5.2", f"reserved bits {rsv:03b} of a continuation", fragment, 1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield failed("5.2", f"the reserved opcode {opcode}", frame(opcode), 1002)
        yield failed("5.2", f"the reserved opcode {opcode} with a payload", frame(opcode, b"a"), 1002)
        talk = frame(TEXT, b"a") + frame(opcode, b"b") + frame(PING)
        yield failed("5.2", f"the reserved opcode {opcode} behind a message", talk, 1002, text("a"))
    for size in (0, 1, 2, 7, 124, 125, 126, 127, 128, 255, 256, 1000, 16384, 65_534, 65_535, 65_536):
        payload = b"*" * size
        yield echoed("5.2", f"text of {size} bytes", frame(TEXT, payload), text(payload))
        yield echoed("5.2", f"binary of {size} bytes", frame(BINARY, payload), ("binary", payload))
    for size, form in ((0, 126), (125, 126), (0, 127), (125, 127), (126, 127), (65_535, 127)):
        yield failed("5.2", f"the shortest length: {size} in form {form}", frame(TEXT, b"*" * size, form=form), 1002)
    huge = b"\x82\xff" + (1 << 63).to_bytes(8, "big")
    yield failed("5.2", "the highest bit of a length is 0", huge + bytes(4), 1002)
    for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x00\xff\x00\x01"):
        yield echoed("5.3", f"the mask {mask.hex()}", frame(TEXT, b"Hello, mask", mask=mask), text("Hello, mask"))
    for size in range(9):
        payload = bytes(range(250, 250 + min(size, 6))) + bytes(max(0, size - 6))
        yield echoed("5.3", f"a mask over {size} bytes", frame(BINARY, payload), ("binary", payload))


def fragments() -> Iterator[Talk]:
    """Section 5.4."""
    one, two, last = frame(TEXT, b"one ", fin=False), frame(CONT, b"two ", fin=False), frame(CONT, b"three")
    whole = text("one two three")
    yield echoed("5.4", "a message in three fragments", one + two + last, whole)
    yield echoed("5.4", "a binary one", frame(BINARY, b"\0", fin=False) + frame(CONT, b"\xff"), ("binary", b"\0\xff"))
    yield echoed("5.4", "a ping between fragments", one + frame(PING, b"!") + two + last, ("pong", b"!"), whole)
    yield echoed("5.4", "a pong between fragments", one + frame(PONG, b"!") + two + last, whole)
    pings = one + frame(PING, b"1") + two + frame(PING, b"2") + last
    yield Talk("5.4", "a close frame between fragments", one + close(), GOODBYE)
    yield echoed(
        "5.4", "fragments that are empty", frame(TEXT, fin=False) + frame(CONT, fin=False) + frame(CONT), text("")
    )
    yield echoed("5.4", "an empty first one", frame(TEXT, fin=False) + frame(CONT, b"a"), text("a"))
    yield echoed("5.4", "an empty last one", frame(TEXT, b"a", fin=False) + frame(CONT), text("a"))
    many = frame(BINARY, b"0", fin=False) + frame(CONT, b"1", fin=False) * 1_000 + frame(CONT, b"2")
    yield echoed("5.4", "a thousand fragments", many, ("binary", b"0" + b"1" * 1_000 + b"2"))
    yield echoed("5.4", "two messages in fragments", one + last + one + last, text("one three"), text("one three"))
    yield failed("5.4", "a continuation of nothing", frame(CONT, b"a"), 1002)
    yield failed("5.4", "an unfinished one", frame(CONT, b"a", fin=False), 1002)
    yield failed("5.4", "after a whole message", frame(TEXT, b"a") + frame(CONT, b"b"), 1002, text("a"))
    yield failed("5.4", "after a message in fragments", one + last + frame(CONT, b"b"), 1002, text("one three"))
    yield failed("5.4", "a new message within another", one + frame(TEXT, b"a"), 1002)
    yield failed("5.4", "a new one of the other kind", one + frame(BINARY, b"a", fin=False), 1002)
    yield failed("5.4", "a ping in fragments", frame(PING, b"a", fin=False) + frame(CONT, b"b"), 1002)
    yield failed("5.4", "a pong in fragments", frame(PONG, b"a", fin=False), 1002)
    yield failed("5.4", "a close frame in fragments", frame(CLOSE, b"", fin=False), 1002)
    yield Talk(
        "5.5.3", "of two pings the latest is answered at least", pings + close(), [("pong", b"2"), whole, *GOODBYE]
    )


def control() -> Iterator[Talk]:
    """Section 5.5: close, ping, pong."""
    for size in (0, 1, 124, 125):
        payload = bytes(range(size))
        yield echoed("5.5.2", f"a ping of {size} bytes", frame(PING, payload), ("pong", payload))
        yield echoed("5.5.3", f"a pong of {size} bytes that nobody asked for", frame(PONG, payload))
    yield echoed(
        "5.5.3", "a pong with the payload of a later ping", frame(PONG, b"a") + frame(PING, b"a"), ("pong", b"a")
    )
    for opcode, name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close frame")):
        payload = b"\x03\xe8" + b"*" * 124
        yield failed("5.5", f"a {name} of 126 bytes", frame(opcode, payload), 1002)
        yield failed("5.5", f"a {name} with a long form of its length", frame(opcode, payload[:125], form=126), 1002)
    yield Talk("5.5.1", "an empty close frame", close(None), [("close", None, b""), END])
    yield Talk("5.5.1", "a close frame with a code", close(1000), GOODBYE)
    yield Talk("5.5.1", "with a reason", close(1000, "grüß".encode()), GOODBYE)
    yield Talk("5.5.1", "with the longest reason", close(1000, b"*" * 123), GOODBYE)
    yield failed("5.5.1", "with half a code", frame(CLOSE, b"\x03"), 1002)
    yield Talk("5.5.1", "what follows a close frame is for nobody: text", close() + frame(TEXT, b"a"), GOODBYE)
    yield Talk("5.5.1", "ping", close() + frame(PING, b"a"), GOODBYE)
    yield Talk("5.5.1", "another close frame", close() + close(1001), GOODBYE)
    yield Talk("5.5.1", "garbage", close() + b"\xff" * 50, GOODBYE)
    yield echoed(
        "5.6", "text is text, binary is binary", frame(TEXT, b"a") + frame(BINARY, b"a"), text("a"), ("binary", b"a")
    )
    yield echoed("5.6", "bytes of any value", frame(BINARY, bytes(range(256))), ("binary", bytes(range(256))))
    yield echoed(
        "6.2",
        "a hundred messages at once, in order",
        b"".join(frame(TEXT, b"%d" % n) for n in range(100)),
        *(text(str(n)) for n in range(100)),
    )
    yield echoed("5.7", "the examples: a masked Hello", bytes.fromhex("818537fa213d7f9f4d5158"), text("Hello"))
    yield echoed("5.7", "a masked ping", bytes.fromhex("898537fa213d7f9f4d5158"), ("pong", b"Hello"))


def codes(every: bool) -> Iterator[Talk]:
    """Section 7.4: which codes a close frame may carry."""
    allowed = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    some = {0, 1, 999, *range(1000, 1017), 1099, 1100, 1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 32_768, 65_535}
    for code in range(65_536) if every else sorted(some):
        if code in allowed:
            yield Talk(
                "7.4", f"the code {code} is taken and said again", close(code, b"bye"), [("close", code, b""), END]
            )
        else:
            yield failed("7.4", f"the code {code} is no code", close(code, b"bye"), 1002)


GOOD_TEXTS = [
    "κόσμε", "\0", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff", "\U00010000",
    "\U0010ffff", "\ufdd0", "\U0001fffe", "\u2028", "e\u0301", "\U0001f469\u200d\U0001f680",
]  # fmt: skip
BAD_TEXTS = [
    "80", "bf", "808080", "c0", "c020", "e0", "e080", "f0", "f08080", "f5", "fe", "ff", "fefeffff",
    "c080", "c0af", "c1bf", "e08080", "e080af", "e09fbf", "f0808080", "f08080af", "f08fbfbf", "f8808080af",
    "fc80808080af", "eda080", "edafbf", "edb080", "edbfbf",
    "eda080edb080", "f4908080", "f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf",
    "cebae1bdb9cf83cebcceb5eda080656469746564", "c3", "c328", "e282", "e28228", "f09f98", "f09f9828", "61ff62",
]  # fmt: skip


def texts() -> Iterator[Talk]:
    """Section 8.1: UTF-8, of messages and of reasons."""
    for good in GOOD_TEXTS:
        data = good.encode("utf-8", "surrogatepass")
        yield echoed("8.1", f"text that is UTF-8: {good!a}", frame(TEXT, data), text(data))
        pieces = [data[at : at + 1] for at in range(len(data))]
        cut = frame(TEXT, pieces[0], fin=False) + b"".join(frame(CONT, each, fin=False) for each in pieces[1:])
        yield echoed("8.1", f"cut between any two bytes: {good!a}", cut + frame(CONT), text(data))
        yield Talk("8.1", f"a reason: {good!a}", close(1000, data), GOODBYE)
    for written in BAD_TEXTS:
        data = bytes.fromhex(written)
        yield failed("8.1", f"text that is none: {written}", frame(TEXT, data), 1007)
        yield failed("8.1", f"behind good text: {written}", frame(TEXT, "grün ".encode() + data), 1007)
        cut = frame(TEXT, b"a", fin=False) + frame(CONT, data, fin=False) + frame(CONT)
        yield failed("8.1", f"in a fragment: {written}", cut, 1007)
        yield failed("8.1", f"as a reason: {written}", close(1000, data), 1007)
        yield echoed("5.6", f"binary may be anything: {written}", frame(BINARY, data), ("binary", data))


def limits() -> Iterator[Talk]:
    """Section 10.4: what is more than we take is failed with 1009; docs/wire.md has the numbers."""
    yield failed(
        "10.4", "a message over the limit, judged by its header", b"\x82\xff" + (65_537).to_bytes(8, "big"), 1009
    )
    yield failed("10.4", "of any announced size", b"\x82\xff" + (1 << 62).to_bytes(8, "big"), 1009)
    cut = frame(BINARY, bytes(65_536), fin=False) + frame(CONT, b"a")
    yield failed("10.4", "over all fragments", cut, 1009)
    many = frame(BINARY, b"", fin=False) + frame(CONT, b"", fin=False) * 1_024
    yield failed("10.4", "more than 1024 fragments", many, 1009)


def talks(every: bool = False) -> list[Talk]:
    """Return the talks; with ``every`` all 65,536 codes."""
    return [*framing(), *fragments(), *control(), *codes(every), *texts(), *limits()]

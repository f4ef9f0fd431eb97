"""The names of targets: ``session``, ``topic:<id>``, ``page:<name>``, ``tree``. Pure.

A topic id is 1 to 255 bytes of UTF-8 in Unicode normal form C (UAX 15), without control characters.
"""

from __future__ import annotations

from unicodedata import category, is_normalized

from .errors import UsageError

SESSION = "session"
TREE = "tree"
TOPIC = "topic:"
PAGE = "page:"

Cursor = tuple[str, int]
"""``(epoch, seq)``: a place in a target's order."""

LONGEST_ID = 255
"""Bytes of UTF-8."""


def topic_target(topic_id: str) -> str:
    """Return the target of a topic.

    >>> topic_target("chat")
    'topic:chat'
    """
    return TOPIC + topic_id


def fault_of_id(topic_id: str) -> str | None:
    """Say what is wrong with a topic id or a page's name, or None if it is well formed.

    >>> fault_of_id("room:7")
    >>> fault_of_id("")
    'expected 1 to 255 bytes, got 0'
    """
    if topic_id.isascii() and topic_id.isprintable() and 0 < len(topic_id) <= LONGEST_ID:
        return None
    try:
        size = len(topic_id.encode())
    except UnicodeEncodeError:
        return "expected UTF-8, got a lone surrogate"
    if not 0 < size <= LONGEST_ID:
        return f"expected 1 to {LONGEST_ID} bytes, got {size}"
    if any(category(character) == "Cc" for character in topic_id):
        return "control characters are not allowed"
    if not is_normalized("NFC", topic_id):
        return "expected Unicode normal form C"
    return None


def fault_of_target(target: str) -> str | None:
    """Say what is wrong with a target, or None if it is well formed."""
    if target in (SESSION, TREE):
        return None
    for kind in (TOPIC, PAGE):
        if target.startswith(kind):
            return fault_of_id(target[len(kind) :])
    return f"expected session, topic:<id>, page:<name> or tree, got {target[:40]!r}"


def as_target(name: str) -> str:
    """Return the target that ``name`` means: a target as it is, anything else as a topic's id.

    >>> as_target("chat"), as_target("topic:chat"), as_target("session")
    ('topic:chat', 'topic:chat', 'session')
    """
    if not isinstance(name, str):
        raise UsageError(f"expected a target as text, e.g. 'chat' or 'session', got {name!r}")
    target = name if fault_of_target(name) is None else topic_target(name)
    if (fault := fault_of_target(target)) is not None:
        raise UsageError(f"{name!r} names no target: {fault}")
    return target

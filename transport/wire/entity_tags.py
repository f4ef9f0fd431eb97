"""Entity tags: does a peer have what it asks for already? Pure (RFC 9110 sections 8.8.3 and 13.1.2)."""

from __future__ import annotations

import re

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def matches(if_none_match: str, tag: str) -> bool:
    """Say whether the field If-None-Match names ``tag``: ``*`` does, and a tag of its list, weak or not.

    An ill-formed field names nothing, so its sender gets everything.

    >>> matches('"a", W/"b"', '"b"'), matches("*", '"b"'), matches('"a"', '"b"')
    (True, True, False)
    """
    if if_none_match.strip(" \t") == "*":
        return True
    if not _LIST.fullmatch(if_none_match):
        return False
    return tag.removeprefix("W/") in (each.removeprefix("W/") for each in re.findall(_TAG, if_none_match))

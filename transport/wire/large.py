"""Large frames, read in steps between which others may run. Pure: ``pulse()`` is called again and again, and may wait.

64 KiB of empty maps take 15 ms to read and 30 to decode. What is small costs nothing of this: it is read at once.
"""

from __future__ import annotations

from typing import Any

from ..serialiser.distinct import Pulse
from .plain_data import DEPTH, SCALARS, check_keys, check_plain, too_deep
from .strict import load_cbor
from .strict_json import load_json

LARGE = 4 * 1024
"""Bytes: what is smaller takes less than 2 ms, whatever it is."""

SLICE, COST = 512, 64
"""Items of one array or map that are looked at between two pulses, and how many µs that takes."""


def load_cbor_in_turns(data: bytes, pulse: Pulse, depth: int = DEPTH) -> Any:
    """Do what `load_cbor` does."""
    return check_plain_in_turns(load_cbor(data, depth, pulse), pulse, depth)


def load_json_in_turns(data: bytes | str, pulse: Pulse) -> Any:
    """Do what `load_json` does."""
    return check_plain_in_turns(load_json(data, pulse), pulse)


def check_plain_in_turns(value: Any, pulse: Pulse, most: int = DEPTH) -> Any:
    """Do what `check_plain` does."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for each in level:
            pulse()
            if type(each) is dict:
                check_keys(each)
                each = list(each.values())
            elif type(each) is not list:
                check_plain(each)
                continue
            if depth == most:
                raise too_deep(most)
            for at in range(0, len(each), SLICE):
                if at:
                    pulse(COST)
                for item in each[at : at + SLICE]:
                    kind = type(item)
                    if kind is list or kind is dict:
                        below.append(item)
                    elif kind not in SCALARS or kind is int:
                        check_plain(item)
        level, depth = below, depth + 1
    return value

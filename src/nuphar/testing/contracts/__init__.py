"""Tests for ports: a part of your own that fills one in does what Nuphar relies on if these pass.

Each contract is a base class of tests. Derive a class whose name begins with ``Test``, and let its ``make`` return what
is tested: a log, or a *case*, in which a sink, an encoding, a connector or a kind of targets stands with what a test
has to do around it. pytest collects the rest.
"""

from .connector import ConnectorContract
from .connector_case import ConnectorCase
from .encoding import EncodingCase, EncodingContract
from .log import LogContract
from .memory_sink import MemorySink
from .running import Case, eventually, names, run
from .sink import SinkCase, SinkContract, SlowSinkCase, SlowSinkContract
from .target_kind import TargetKindContract
from .target_kind_case import TargetKindCase

__all__ = [
    "Case",
    "ConnectorCase",
    "ConnectorContract",
    "EncodingCase",
    "EncodingContract",
    "LogContract",
    "MemorySink",
    "SinkCase",
    "SinkContract",
    "SlowSinkCase",
    "SlowSinkContract",
    "TargetKindCase",
    "TargetKindContract",
    "eventually",
    "names",
    "run",
]

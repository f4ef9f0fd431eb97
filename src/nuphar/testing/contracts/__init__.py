"""Tests for ports: a sink, an encoding, a log or a connector of your own does what Nuphar relies on if these pass.

Each contract is a base class of tests. Derive a class whose name begins with ``Test``, and let its ``make`` return what
is tested: a log, or a *case*, in which a sink, an encoding or a connector stands with what a test has to do around it.
pytest collects the rest.
"""

from .connector import ConnectorContract
from .connector_case import ConnectorCase
from .encoding import EncodingCase, EncodingContract
from .log import LogContract
from .memory_sink import MemorySink
from .running import Case, eventually, names, run
from .sink import SinkCase, SinkContract, SlowSinkCase, SlowSinkContract

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
    "eventually",
    "names",
    "run",
]

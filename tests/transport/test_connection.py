"""One live connection: the handshake before the session, and the ends that it can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from conftest import settle

from nuphar import Limits, Server, Store, automatic
from nuphar.transport import decode, encode
from nuphar.transport.connection import Connection, Gateway
from nuphar.transport.frames import (
    Acknowledge,
    Bye,
    Frame,
    Hello,
    Ping,
    Pong,
    Rejected,
    ServerMessage,
    Snapshot,
    Subscribe,
    Welcome,
)
from nuphar.transport.websocket_frames import Message, read_frames_of_peer  # type: ignore[attr-defined]

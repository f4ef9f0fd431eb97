from __future__ import annotations

import cbor2
import pytest
from bench.wire import DELIVERED, WIRES
from bench.wire.websocket import TEXT, Template, frame

from nuphar.transport.server.subprotocols import FRAMINGS
from nuphar.transport.wire.websocket_reader import FrameReader


def read(data: bytes) -> list[bytes | str]:
    """Return the messages in what a client sends."""
    return [event for event in FrameReader(1 << 20).feed(data) if isinstance(event, bytes | str)]


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"x" * 130, b"x" * 70_000])
def test_a_template_gives_the_frame_that_it_stands_for(before: bytes) -> None:
    template = Template(TEXT, before, 8, b" the end")

    assert template.fill(b"12345678") == frame(TEXT, before + b"12345678 the end")


@pytest.mark.parametrize("name", WIRES)
def test_every_post_is_one_message_with_one_marker(name: str) -> None:
    wire = WIRES[name]

    (posted,) = read(wire.post("t:1", DELIVERED.decode()).fill(wire.ref(7)))

    whole = posted if isinstance(posted, bytes) else posted.encode()
    assert whole.count(DELIVERED) == 1


def test_nuphars_post_is_the_protocols_client_message() -> None:
    wire = WIRES["nuphar"]

    (posted,) = read(wire.post("t:1", "hi").fill(wire.ref(7)))

    kind, ref, target, payload = cbor2.loads(posted)
    assert (kind, ref & 0xFFFF, target, payload) == (4, 7, "topic:t:1", "hi")


def test_an_acknowledge_has_the_marker_once_for_each_ref() -> None:
    wire = WIRES["nuphar"]
    refs = [int.from_bytes(wire.ref(number)) for number in (0, 1, 255, 65_535)]

    acknowledge = FRAMINGS["nuphar.v1.cbor"].acknowledge("topic:t:1", 70_000, refs, False)

    assert acknowledge.count(wire.ack) == 4


def test_a_rejection_is_not_taken_for_an_acknowledge() -> None:
    wire = WIRES["nuphar"]
    ref = int.from_bytes(wire.ref(1))

    assert wire.refused in FRAMINGS["nuphar.v1.cbor"].rejected(ref, "topic:t:1", "busy", "too many", None)
    assert wire.refused not in FRAMINGS["nuphar.v1.cbor"].acknowledge("topic:t:1", 1, [ref], False)

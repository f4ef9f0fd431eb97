"""The frames that we write, and their masks."""

from __future__ import annotations

import pytest

from nuphar.actors.words.close_codes import NO_CODE
from nuphar.transport.wire.masking import portable_unmask, unmask
from nuphar.transport.wire.websocket_frames import BINARY, TEXT, WebSocketClose, encode_close, encode_frame
from nuphar.transport.wire.websocket_reader import FrameReader

KEY = b"\x01\x80\xff\x37"
LIMIT = 70_000


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 125, 3071, 3072, 3073, 3074, 65537])
def test_masks_follow_the_rfcs_definition(size: int) -> None:
    payload = bytes(at * 7 % 256 for at in range(size))
    expected = bytes(byte ^ KEY[at % 4] for at, byte in enumerate(payload))

    assert unmask(payload, KEY) == portable_unmask(payload, KEY) == expected


def test_the_examples_of_the_rfc_are_written_byte_for_byte() -> None:
    assert encode_frame(TEXT, b"Hello").hex() == "810548656c6c6f"
    assert encode_frame(TEXT, b"Hello", bytes.fromhex("37fa213d")).hex() == "818537fa213d7f9f4d5158"
    assert encode_frame(BINARY, bytes(256))[:4].hex() == "827e0100"
    assert encode_frame(BINARY, bytes(65536))[:10].hex() == "827f0000000000010000"


def test_a_long_close_reason_is_cut_between_two_characters() -> None:
    assert FrameReader(LIMIT, client=True).feed(encode_close(4400, "ü" * 100)) == [WebSocketClose(4400, "ü" * 61)]


def test_a_close_without_a_code_is_an_empty_frame() -> None:
    assert encode_close(NO_CODE) == b"\x88\x00"

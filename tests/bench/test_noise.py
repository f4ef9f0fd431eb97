from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest
from support.serving import program

pytest.importorskip("rich")

from bench.noise.noises import NOISES, Noise, choose, large
from bench.noise.report import Row, markdown, medians

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.serialiser.serialiser import automatic
from nuphar.transport.server.inbound import split_client_message
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.websocket_frames import FramingFailed
from nuphar.transport.wire.websocket_reader import FrameReader

LIMIT = 64 * 1024  # bytes of a message, by default

ROW = Row("pings", 1.0, 2.5, 2.5, 0.1, 9.0, "a reader", 1.5, 1000, 1050, 1.05, 10, 20, 0, 0.5)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.id)
def test_a_noise_is_legal_in_its_framing_and_within_the_limits(noise: Noise) -> None:
    reader = FrameReader(LIMIT)
    events = [event for block in islice(noise.blocks(), 3) for event in reader.feed(block)]
    assert events
    assert not any(isinstance(event, FramingFailed) for event in events)
    messages = [event for event in events if isinstance(event, bytes)]
    if noise.id == "malformed":
        with pytest.raises(RemoteProtocolError):
            read(messages[0])
    else:
        for message in messages[:10]:
            read(message)


def test_the_sets_of_the_large_noise_have_members_of_one_hash() -> None:
    reader = FrameReader(LIMIT)
    messages = [event for frame in islice(large(), 4) for event in reader.feed(frame)]
    codec = Codec(automatic())
    sets = []
    for message in messages:
        assert isinstance(message, bytes)
        parts = split_client_message(message)
        assert parts is not None
        value = codec.decode_message(parts[2])
        if isinstance(value, set | frozenset):
            sets.append(value)
    assert len(sets) == 2
    for members in sets:
        assert len(members) > 1_000
        assert len(set(map(hash, members))) == 1


def test_the_table_has_medians_and_marks_what_misses_a_goal() -> None:
    rows = [ROW, ROW._replace(turn_ms=30.0), ROW._replace(turn_ms=11.0)]
    (found,) = medians(rows, ["pings", "calls"])
    assert (found.turn_ms, found.missed, ROW.missed) == (11.0, True, False)
    assert "**11.0**" in markdown([found])


def test_an_unknown_noise_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="there is no noise 'drums'; there are pings, "):
        choose("pings,drums")


def test_a_short_run_gives_a_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    command = ["-m", "bench.noise", "--only", "fragments", "--repeats", "1", "--seconds", "0.3", "--json", str(file)]
    with program(*command) as run:
        run.wait(90.0)
    (row,) = json.loads(file.read_text())
    assert row["noise"] == "fragments"
    assert row["sent"] > 0
    assert row["quiet_ms"] > 0
    assert row["turn_ms"] > 0

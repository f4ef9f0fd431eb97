"""A queue in a file: every kill, a full disk, two clients, and what the next run of the program makes of it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.following import RESUMED, WELCOME, Core, T
from support.raw import WAIT
from support.serving import ROOT

from nuphar import Client, FileQueue, QueueError, Refused, Server
from nuphar.testing import MemoryConnector
from nuphar.transport import frames as f
from nuphar.transport.client.core import file_queue as module
from nuphar.transport.client.core.events import Answered, NotKept
from nuphar.transport.client.core.outgoing import Saved
from nuphar.transport.client.core.queue_records import ANSWERED, Ledger, read_records, seal_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outgoing.queue"


@pytest.fixture
def queue(path: Path) -> Iterator[FileQueue]:
    queue = FileQueue(path)
    yield queue
    queue.close()


def reload(path: Path) -> Saved:
    """Return what the next run of a program finds."""
    queue = FileQueue(path)
    saved = queue.load()
    queue.close()
    return saved


def test_what_was_dispatched_and_not_answered_is_there_after_a_restart(path: Path, queue: FileQueue) -> None:
    assert queue.load() == Saved()
    queue.welcomed("s", "t", 256, True)
    for number in (1, 2, 3):
        queue.add(number, 0, T, b"\x01")
    queue.sent([(1, 300), (2, 301)])
    queue.answered(1)
    queue.close()
    assert reload(path) == Saved("s", "t", 301, 3, ((2, 301, T, b"\x01"), (3, 0, T, b"\x01")))


def test_numbers_and_refs_are_never_used_twice(path: Path, queue: FileQueue) -> None:
    queue.load()
    queue.welcomed("s", "t", 256, True)
    queue.add(7, 900, T, b"\x01")
    queue.answered(7)
    queue.close()
    saved = reload(path)
    assert (saved.number, saved.ref, saved.messages) == (7, 900, ())


def test_what_was_sent_in_another_session_is_lost_and_said_to_be(path: Path, queue: FileQueue) -> None:
    queue.load()
    queue.welcomed("s", "t", 256, True)
    queue.add(1, 5, T, b"\x01")
    queue.add(2, 0, T, b"\x02")
    queue.welcomed("another", "t", 512, True)
    queue.close()
    saved = reload(path)
    assert (saved.lost, saved.messages) == (((1, 5, T, b"\x01"),), ((2, 0, T, b"\x02"),))


def test_a_torn_tail_is_ignored_wherever_it_is_torn(path: Path, queue: FileQueue, tmp_path: Path) -> None:
    queue.load()
    sizes: list[tuple[int, Saved]] = [(path.stat().st_size, Saved())]

    def note() -> None:
        ledger = Ledger()
        for body in read_records(path.read_bytes())[0]:
            ledger.replay(body)
        sizes.append((path.stat().st_size, ledger.saved()))

    queue.welcomed("s", "t", 256, True)
    note()
    for number in range(1, 6):
        queue.add(number, number + 300 if number % 2 else 0, T, bytes([number]))
        note()
    queue.sent([(2, 400)])
    note()
    queue.answered(1)
    note()
    queue.close()
    data = path.read_bytes()
    assert sizes[-1][0] == len(data)
    for end in range(len(data) + 1):
        torn = tmp_path / "torn.queue"
        torn.write_bytes(data[:end])
        whole = [saved for size, saved in sizes if size <= end][-1] if end >= sizes[0][0] else Saved()
        assert reload(torn) == whole
        again = FileQueue(torn)
        again.load()
        again.add(9, 0, T, b"\x09")
        again.close()
        assert (9, 0, T, b"\x09") in reload(torn).messages


@given(st.binary(max_size=60))
def test_garbage_behind_the_records_is_ignored(garbage: bytes) -> None:
    data = seal_record([ANSWERED, 7])
    bodies, whole = read_records(data + garbage)
    assert bodies[0] == [ANSWERED, 7]
    assert whole == len(data) or len(bodies) > 1


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["add", "send", "answer", "welcome", "anew"]), st.integers(0, 9)), max_size=40)
)
def test_a_compacted_file_says_the_same(steps: list[tuple[str, int]]) -> None:
    ledger, number, ref = Ledger(), 0, 0
    for what, n in steps:
        waiting = [each for each, (used, _, _) in ledger.messages.items() if not used]
        match what:
            case "add":
                number += 1
                ledger.added(number, 0, T, bytes([n]))
            case "send" if waiting and ledger.session is not None:  # refs are a session's
                ref += 1
                ledger.sent([(waiting[0], ref)])
            case "answer" if ledger.messages:
                ledger.answered(sorted(ledger.messages)[n % len(ledger.messages)])
            case "welcome" | "anew":
                ref += n
                ledger.welcomed(f"s{n}", f"t{n}", ref, what == "anew" or ledger.session is None)
    again = Ledger()
    for body in read_records(ledger.records())[0]:
        again.replay(body)
    assert again.saved() == ledger.saved()


def test_a_file_that_is_mostly_done_with_is_replaced_by_a_small_one(
    path: Path, queue: FileQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLACK", 4096)
    queue.load()
    queue.welcomed("s", "t", 256, True)
    queue.add(1, 5, T, b"\x01")
    largest = 0
    for number in range(2, 500):
        queue.add(number, number + 10, T, b"x" * 50)
        queue.answered(number)
        largest = max(largest, path.stat().st_size)
    assert largest < 3 * 4096
    queue.close()
    saved = reload(path)
    assert (saved.number, saved.ref, saved.messages) == (499, 509, ((1, 5, T, b"\x01"),))
    assert sorted(each.name for each in path.parent.iterdir()) == ["outgoing.queue", "outgoing.queue.lock"]


def test_a_folder_that_forbids_the_new_file_lets_the_old_one_grow(
    path: Path, queue: FileQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SLACK", 512)
    (path.parent / "outgoing.queue.new").mkdir()
    queue.load()
    for number in range(1, 100):
        queue.add(number, number + 10, T, b"x" * 50)
        queue.answered(number)
    queue.close()
    assert "cannot be compacted" in caplog.text
    assert reload(path).number == 99


def test_one_client_at_a_time(path: Path, queue: FileQueue) -> None:
    queue.load()
    for other in (queue, FileQueue(path)):
        with pytest.raises(QueueError, match="in use by another client"):
            other.load()
    queue.add(1, 0, T, b"\x01")
    queue.close()
    queue.close()
    assert len(reload(path).messages) == 1


def test_another_process_is_told_that_the_file_is_in_use(path: Path, queue: FileQueue) -> None:
    queue.load()
    code = f"from nuphar import FileQueue; FileQueue({str(path)!r}).load()"
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, env=env)
    assert done.returncode == 1
    assert "is in use by another client" in done.stderr


def test_a_kill_at_any_moment_loses_no_message_that_was_dispatched(path: Path) -> None:
    code = (
        "import sys\n"
        "from nuphar import FileQueue\n"
        f"queue = FileQueue({str(path)!r}); queue.load()\n"
        "for number in range(1, 100_000):\n"
        "    queue.add(number, 0, 'topic:t', b'x' * (number % 3000))\n"
        "    print(number, flush=True)\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 50:
            continue
        process.send_signal(signal.SIGKILL)
        told = [int(line) for line in process.stdout.read().split()]
        process.wait(WAIT)
    kept = [number for number, _, _, _ in reload(path).messages]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= max([50, *told])


def test_a_full_disk_is_the_dispatchers_error_and_hurts_nothing_that_was_kept(path: Path) -> None:
    core = Core(T, queue=FileQueue(path))
    core.post(T, "a")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(QueueError, match=r"cannot be written: .*File too large"):
            core.dispatch(T, "b" * 500)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert core.pending == ["a"]
    core.post(T, "c")
    core.exchange.queue.close()
    assert [payload for _, _, _, payload in reload(path).messages] == [b"\x61a", b"\x61c"]


def test_a_disk_that_is_full_when_the_line_is_back_keeps_the_messages_waiting(path: Path) -> None:
    core = Core(T, queue=FileQueue(path))
    core.post(T, "a")
    core.open()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        events = core.get(WELCOME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [type(event) for event in events if isinstance(event, NotKept)] == [NotKept]
    assert [type(frame) for frame in core.take()] == [f.Hello, f.Subscribe]
    core.get(f.Acknowledge(T, 0, [1], False))
    assert core.take() == [f.ClientMessage(2, T, "a")]
    core.exchange.queue.close()


@pytest.mark.parametrize("how", ["dispatch", "heartbeat"])
def test_what_waited_for_the_disk_is_sent_when_there_is_room_again(path: Path, how: str) -> None:
    core = Core(queue=FileQueue(path))
    core.post(T, "a")
    core.open()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        core.get(WELCOME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    core.take()
    if how == "dispatch":
        core.post(T, "b")
    else:
        core.get(f.Ping(1))
    sent = [frame.payload for frame in core.take() if isinstance(frame, f.ClientMessage)]
    assert sent == (["a", "b"] if how == "dispatch" else ["a"])
    core.exchange.queue.close()


@pytest.mark.parametrize(
    "data", [b"something else entirely, and long enough", b"\x00" * 400, seal_record([0, "nuphar.queue", 2])]
)
def test_a_file_that_is_not_ours_is_left_as_it_is(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(QueueError, match=r"outgoing\.queue"):
        FileQueue(path).load()
    assert path.read_bytes() == data


def test_a_damaged_byte_in_the_middle_is_an_error_and_loses_nothing(path: Path, queue: FileQueue) -> None:
    queue.load()
    for number in (1, 2, 3):
        queue.add(number, 0, T, b"\x01")
    queue.close()
    data = bytearray(path.read_bytes())
    data[40] ^= 0x01
    path.write_bytes(data)
    with pytest.raises(QueueError, match=r"damaged: expected a record at byte 24, .* there is one at byte 46"):
        queue.load()
    assert path.read_bytes() == data


def test_zeros_behind_the_records_are_a_torn_end(path: Path, queue: FileQueue) -> None:
    queue.load()
    queue.add(1, 0, T, b"\x01")
    queue.close()
    data = path.read_bytes()
    path.write_bytes(data + bytes(4096))
    assert len(reload(path).messages) == 1
    assert path.read_bytes() == data


def test_files_that_were_there_before_are_made_the_owners_alone(path: Path, queue: FileQueue) -> None:
    lock = path.with_name("outgoing.queue.lock")
    for each in (path, lock):
        each.touch()
        each.chmod(0o644)
    queue.load()
    assert [each.stat().st_mode & 0o777 for each in (path, lock)] == [0o600, 0o600]


def test_a_load_that_fails_leaves_no_lock_file_and_the_mode_as_it_was(path: Path, queue: FileQueue) -> None:
    path.write_bytes(b"something else entirely, and long enough")
    path.chmod(0o644)
    with pytest.raises(QueueError, match="no queue of ours"):
        queue.load()
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_client_that_is_turned_away_leaves_the_lock_file_of_the_other(path: Path, queue: FileQueue) -> None:
    queue.load()
    for _ in range(2):
        with pytest.raises(QueueError, match="in use by another client"):
            FileQueue(path).load()


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="No such file or directory"):
        FileQueue(tmp_path / "nowhere" / "x").load()


def test_a_closed_queue_takes_nothing(queue: FileQueue) -> None:
    queue.load()
    queue.close()
    with pytest.raises(QueueError, match="closed"):
        queue.add(1, 0, T, b"\x01")


# What a client makes of it.


def run(path: Path) -> Core:
    """Start the program anew, with a server that resumes."""
    return Core(T, queue=FileQueue(path))


def end(core: Core) -> None:
    core.exchange.queue.close()


def test_the_next_run_resumes_the_session_with_the_same_refs(path: Path) -> None:
    core = run(path).go_live()
    sent = core.post(T, "sent")
    core.lose()
    core.post(T, "waiting")
    end(core)
    core = run(path)
    assert core.pending == ["sent", "waiting"]
    core.open()
    assert core.take() == [f.Hello(1, "s", "t", {}, {})]
    core.get(RESUMED)
    repeated, subscribe, waiting = core.take()
    assert repeated == f.ClientMessage(sent.ref, T, "sent")
    assert (type(subscribe), waiting.payload) == (f.Subscribe, "waiting")
    assert sent.ref < subscribe.ref < waiting.ref
    core.get(f.Snapshot(T, "e", 1, ["sent"], "subscribed"))
    core.get(f.Acknowledge(T, 1, [sent.ref], False), f.Acknowledge(T, 2, [waiting.ref], False))
    assert core.model == core.confirmed == ["sent", "waiting"]
    end(core)
    saved = reload(path)
    assert (saved.token, saved.messages, saved.lost) == ("t2", (), ())


def test_a_run_in_another_session_tells_what_it_does_not_know_also_if_it_is_killed_in_between(path: Path) -> None:
    core = run(path).go_live()
    core.post(T, "sent")
    core.lose()
    core.post(T, "waiting")
    end(core)
    queue = FileQueue(path)  # a run that is killed just behind Welcome
    queue.load()
    queue.welcomed("another", "t9", 999, True)
    queue.close()
    core = run(path)
    core.open()
    core.take()
    events = core.get(RESUMED)
    told = [
        (event.own.message, event.refused.code) for event in events if isinstance(event, Answered) and event.refused
    ]
    assert told == [("sent", "unknown_outcome")]
    assert [frame.payload for frame in core.take() if isinstance(frame, f.ClientMessage)] == ["waiting"]
    end(core)


def test_a_ref_of_a_run_before_is_never_used_for_another_message(path: Path) -> None:
    used: set[int] = set()
    for _ in range(5):
        core = run(path)
        core.open()
        core.get(WELCOME if not used else RESUMED)
        for n in range(300):
            core.subscribe(f"topic:{n}", None)
        core.post(T, "x")
        for frame in core.take():
            if isinstance(frame, f.Subscribe | f.ClientMessage):
                assert frame.ref not in used or isinstance(frame, f.ClientMessage)
                used.add(frame.ref)
        for ref in list(core.requests.sent):
            core.get(f.Acknowledge(T, 0, [ref], False))
        end(core)


def test_a_message_that_the_program_no_longer_understands_is_an_error_at_the_start(
    path: Path, queue: FileQueue
) -> None:
    queue.load()
    queue.add(1, 0, T, b"\xa1\x61_\x64Gone")
    queue.close()
    with pytest.raises(QueueError, match="topic:t that this serialiser cannot read"):
        run(path)
    assert reload(path).messages


def test_the_bounds_are_the_queues(path: Path) -> None:
    core = Core(T, queue=FileQueue(path, messages=2))
    core.post(T, 1)
    core.post(T, 2)
    with pytest.raises(Refused, match="busy"):
        core.dispatch(T, 3)
    end(core)


def test_a_device_is_no_queue_and_stays_as_it_is(tmp_path: Path) -> None:
    path, before = tmp_path / "queue", os.stat("/dev/full").st_mode
    path.symlink_to("/dev/full")
    with pytest.raises(QueueError, match="no queue of ours"):
        FileQueue(path).load()
    assert os.stat("/dev/full").st_mode == before


def test_what_became_of_an_earlier_runs_messages_waits_for_the_hook(server: Server, path: Path) -> None:
    core = run(path).go_live()
    core.post(T, "sent")
    end(core)
    told: list[tuple[str, str, str]] = []
    with Client(MemoryConnector(server), queue=FileQueue(path)) as client:
        client.wait_live()
        client.on_rejected(lambda target, message, refused: told.append((target, message, refused.code)))
        assert told == [(T, "sent", "unknown_outcome")]
        client.on_rejected(lambda *_: told.clear())
        assert len(told) == 1

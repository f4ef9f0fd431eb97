"""Process children: every ending of an actor in a process of its own, and what its supervisor makes of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pykka
import pytest
from support.process_children import Doer, Threaded
from support.serving import eventually, program

from nuphar import Busy, LocalProtocolError, Refused, RemoteProtocolError, UsageError
from nuphar.actors import Actor
from nuphar.actors.runtime.actor import ThreadActor
from nuphar.actors.runtime.ref import Down, Ref
from nuphar.actors.words.exit_reasons import KILLED, NORMAL, SHUTDOWN, Crashed, Shutdown
from nuphar.supervision import (
    BRUTAL_KILL,
    ProcessEnded,
    RemoteError,
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
    process,
    start_child,
    supervisor,
    terminate_child,
    which_children,
    worker,
)
from nuphar.supervision.processes.parent_end import ProcessActor

WAIT = 10.0  # seconds that anything here may take on a slow machine
CHILDREN = "support.process_children"
DOER = f"{CHILDREN}:Doer"

Start = Callable[..., Ref[Any]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts an actor in a process; whoever lives at the end is killed."""
    refs: list[Ref[Any]] = []

    def start(actor: str = DOER, *args: Any, timeout: float = WAIT, **options: Any) -> Ref[Any]:
        refs.append(ProcessActor.start_link(actor, *args, timeout=timeout, **options))
        return refs[-1]

    yield start
    for ref in refs:
        ref.kill()
        assert ref.wait_down(WAIT) is not None


@pytest.fixture
def supervise() -> Iterator[Start]:
    """A function that starts a supervisor, which is stopped at the end."""
    refs: list[Ref[Any]] = []

    def supervise(*specs: Any, **options: Any) -> Ref[Any]:
        refs.append(Supervisor.start_link(list(specs), timeout=3 * WAIT, **{"intensity": 5} | options))
        return refs[-1]

    yield supervise
    for ref in refs:
        ref.stop(timeout=WAIT)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children(top: Ref[Any]) -> dict[str, Ref[Any] | None]:
    return {info.id: info.child for info in which_children(top, timeout=2 * WAIT)}


class Listening(Actor):
    """A monitor that keeps what it hears."""

    def init(self) -> None:
        self.heard: list[Down] = []

    def handle(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.heard.append(message)
            return None
        return self.heard


# The verbs.


def test_it_runs_in_another_process_and_is_told_and_asked_like_any_actor(start: Start) -> None:
    ref = start(name="one")
    assert str(ref) == ref.name == "one"
    assert ref.is_alive()
    assert ref.ask(["do", "pid"]) == ref.pid != os.getpid()
    ref.tell({"a": [1, 2.5, None, True, b"bytes"]})
    ref.tell(("a", "tuple"))
    assert ref.ask(["do", "told"]) == [{"a": [1, 2.5, None, True, b"bytes"]}, ["a", "tuple"]]
    assert ref.stop(timeout=WAIT)
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.tell(1)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask(1)


def test_asks_that_wait_together_get_each_their_own_answer(start: Start) -> None:
    ref = start()
    futures = [ref.ask(number, block=False) for number in range(1_000)]
    assert [future.get(timeout=WAIT) for future in futures] == list(range(1_000))


def test_a_class_may_be_given_instead_of_its_name(supervise: Start) -> None:
    top = supervise(process("one", Doer))
    assert children(top)["one"].ask(["do", "where"])[0] == "one"  # type: ignore[union-attr]


def test_it_has_a_process_group_and_the_environment_of_its_own_that_it_would_have_anyway(start: Start) -> None:
    assert start().ask(["do", "where"]) == ["", True, os.environ.get("PYTHONPATH")]


def test_an_actor_on_a_thread_may_block_in_its_process(start: Start) -> None:
    ref = start(f"{CHILDREN}:Threaded")
    futures = [ref.ask(number, block=False) for number in range(20)]
    assert [future.get(timeout=WAIT) for future in futures] == [[number, "from a thread"] for number in range(20)]
    assert ref.stop(timeout=WAIT)
    assert ref.wait_down(0) == NORMAL


def test_an_ask_that_takes_too_long_times_out_and_the_next_one_is_answered(start: Start, tmp_path: Path) -> None:
    ref = start()
    with pytest.raises(pykka.Timeout):
        ref.ask(["do", "wait_for", str(tmp_path / "go")], timeout=0.01)
    (tmp_path / "go").touch()
    assert ref.ask("next") == "next"


# Starting.


def test_what_init_raised_is_told_by_type_text_and_traceback(start: Start) -> None:
    with pytest.raises(RemoteError) as caught:
        start(f"{CHILDREN}:Failing")
    assert str(caught.value) == "ValueError: there is no such thing"
    assert (caught.value.type, caught.value.text) == ("ValueError", "there is no such thing")
    assert "in init" in caught.value.traceback
    assert "in init" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("actor", "text"),
    [
        ("support.nowhere:Doer", "there is no module 'support.nowhere'"),
        (f"{CHILDREN}:Nobody", "has no 'Nobody'"),
        (f"{CHILDREN}:NoActor", "expected a class derived from nuphar.actors.Actor, got <class"),
        ("Doer", "expected MODULE:NAME"),
    ],
)
def test_what_is_no_actor_cannot_be_started(start: Start, actor: str, text: str) -> None:
    with pytest.raises(RemoteError, match="UsageError") as caught:
        start(actor)
    assert text in str(caught.value)


def test_arguments_that_do_not_fit_are_told(start: Start) -> None:
    with pytest.raises(RemoteError, match=r"TypeError: .*__init__\(\) takes"):
        start(DOER, "notes", 2, 3)


def test_arguments_that_are_no_plain_data_start_no_process(start: Start) -> None:
    with pytest.raises(LocalProtocolError):
        start(DOER, object())


def test_a_process_that_dies_in_init_fails_its_start_at_once(start: Start) -> None:
    with pytest.raises(ProcessEnded, match="exit code 7") as caught:
        start(f"{CHILDREN}:Dying")
    assert caught.value.code == 7


def test_a_hang_in_init_fails_the_start_in_time_and_the_process_is_gone(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(pykka.Timeout):
        start(f"{CHILDREN}:Hanging", str(file), timeout=2.0)
    eventually(lambda: not exists(int(file.read_text())), WAIT)


def test_an_actor_that_has_nothing_to_do_is_ignored(supervise: Start) -> None:
    assert children(supervise(process("one", f"{CHILDREN}:Ignoring"))) == {"one": None}


@pytest.mark.parametrize("where", ["__main__", "inner"])
def test_a_class_that_no_other_process_can_find_is_refused_at_once(where: str) -> None:
    class Inner(Actor):
        pass

    if where == "__main__":
        Inner.__module__ = "__main__"
    with pytest.raises(UsageError, match="where no other process finds it"):
        process("one", Inner)


# Every ending.


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["exit"], NORMAL),
        (["shut_down"], Shutdown("enough")),
        (["leave", 3], "ended with exit code 3"),
        (["leave", 0], "ended with exit code 0"),
        (["signal", int(signal.SIGKILL)], KILLED),
        (["segfault"], "ended by SIGSEGV"),
        (["raise"], "ValueError: it is bad"),
        (["system_exit"], "SystemExit: 3"),
        (["garbage"], "a packet may have 1048576 bytes"),
        (["unknown_packet"], "packet 99 with number 9"),
        (["keep_thread"], NORMAL),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_its_monitor_hears_once_why_it_ended(start: Start, order: list[Any], reason: Any) -> None:
    monitor = Listening.start_link()
    ref = start(monitor=monitor)
    ref.tell(["do", *order])
    ended = ref.wait_down(WAIT)
    if isinstance(reason, str):
        assert isinstance(ended, Crashed)
        assert reason in str(ended.error)
    else:
        assert ended == reason
    assert monitor.ask("what") == [Down(ref, ended)]
    assert not exists(ref.pid)
    monitor.stop()


def test_who_asked_gets_the_error_and_the_actor_has_crashed(start: Start) -> None:
    ref = start()
    with pytest.raises(RemoteError, match="ValueError: it is bad"):
        ref.ask(["do", "raise"])
    ended = ref.wait_down(WAIT)
    assert isinstance(ended, Crashed)
    assert isinstance(ended.error, RemoteError)
    assert "in do_raise" in ended.error.traceback


def test_a_refusal_is_an_answer_and_the_actor_lives_on(start: Start) -> None:
    ref = start()
    with pytest.raises(Refused) as caught:
        ref.ask(["do", "refuse"])
    assert (caught.value.code, caught.value.text, caught.value.details) == ("full", "no room", {"left": 0})
    assert ref.ask(1) == 1


def test_a_kill_from_outside_ends_it_and_whoever_waits_is_told(start: Start) -> None:
    ref = start()
    asked = ref.ask(["do", "wait"], block=False)
    ref.tell(1)
    os.kill(ref.pid, signal.SIGKILL)
    assert ref.wait_down(WAIT) == KILLED
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=WAIT)


def test_a_termination_from_outside_is_an_orderly_end(start: Start, tmp_path: Path) -> None:
    ref = start(DOER, str(tmp_path / "notes"))
    os.kill(ref.pid, signal.SIGTERM)
    assert ref.wait_down(WAIT) == Shutdown("SIGTERM")
    assert "SIGTERM" in (tmp_path / "notes").read_text()


def test_a_kill_ends_a_hang(start: Start) -> None:
    ref = start()
    ref.tell(["do", "hang"])
    ref.kill()
    assert ref.wait_down(WAIT) == KILLED
    assert not exists(ref.pid)


def test_a_stop_comes_after_the_messages_before_it_and_terminate_hears_why(start: Start, tmp_path: Path) -> None:
    ref = start(DOER, str(tmp_path / "notes"))
    asked = ref.ask("before", block=False)
    ref.shut_down(Shutdown({"why": "maintenance"}))
    late = ref.ask("after", block=False)
    assert ref.wait_down(WAIT) == Shutdown({"why": "maintenance"})
    assert asked.get(timeout=0) == "before"
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=WAIT)
    assert (tmp_path / "notes").read_text() == "Shutdown(detail={'why': 'maintenance'}, deadline=None)\n"


def test_a_deadline_is_the_same_moment_over_there(start: Start, tmp_path: Path) -> None:
    ref = start(DOER, str(tmp_path / "notes"))
    deadline = time.monotonic() + 100.0
    ref.shut_down(Shutdown(deadline=deadline))
    assert ref.wait_down(WAIT) == Shutdown(deadline=deadline)
    told = float((tmp_path / "notes").read_text().rpartition("=")[2].rstrip(")\n"))
    assert abs(told - deadline) < WAIT


def test_a_crash_in_terminate_is_a_crash(start: Start) -> None:
    ref = start(f"{CHILDREN}:BadEnd")
    ref.shut_down(SHUTDOWN)
    ended = ref.wait_down(WAIT)
    assert isinstance(ended, Crashed)
    assert str(ended.error) == "ValueError: bad end: False"


def test_a_fork_that_holds_the_socket_open_does_not_hide_the_end(start: Start) -> None:
    ref = start()
    fork = ref.ask(["do", "fork"])
    try:
        os.kill(ref.pid, signal.SIGKILL)
        assert ref.wait_down(WAIT) == KILLED
    finally:
        os.kill(fork, signal.SIGKILL)


def test_an_actor_whose_greenlet_is_killed_takes_its_process_along(start: Start) -> None:
    ref = start()
    actor = ref._actor_weakref()
    asked = ref.ask(["do", "wait"], block=False)
    gevent.sleep(0)
    gevent.spawn(gevent.kill, actor.mailbox._parked).join()
    assert isinstance(ref.wait_down(WAIT), Crashed)
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=WAIT)
    eventually(lambda: not exists(ref.pid), WAIT)


@pytest.mark.parametrize("ending", ["answer", "kill", "outside"])
def test_it_may_hibernate_on_this_side(start: Start, ending: str) -> None:
    ref = start()
    parked = ref._actor_weakref().mailbox._parked
    for _ in range(3):
        ref.hibernate()
        gevent.sleep(0)
    assert parked.ready()
    if ending == "answer":
        assert ref.ask(1) == 1
        return
    if ending == "kill":
        ref.kill()
    else:
        os.kill(ref.pid, signal.SIGKILL)
    assert ref.wait_down(WAIT) == KILLED


# Bounds.


def test_what_cannot_be_sent_is_its_sender_s_error(start: Start) -> None:
    ref = start()
    for message in (object(), {1: 2}, float("nan"), {1, 2}, "x" * 2_000_000, [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]):
        with pytest.raises(LocalProtocolError):
            ref.tell(message)
        with pytest.raises(LocalProtocolError):
            ref.ask(message)
    assert ref.ask("alive") == "alive"


def test_a_message_of_almost_the_bound_arrives(start: Start) -> None:
    ref = start()
    big = "x" * (1024 * 1024 - 10)
    assert ref.ask(big) == big


def test_an_answer_that_cannot_be_sent_is_an_error_for_who_asked(start: Start) -> None:
    ref = start()
    with pytest.raises(RemoteError, match=r"LocalProtocolError: this cannot be written as CBOR"):
        ref.ask(["do", "object"])
    with pytest.raises(RemoteError, match="a message may have 1048576 bytes, got 2000005"):
        ref.ask(["do", "bytes", 2_000_000])
    assert ref.ask("alive") == "alive"


def test_what_is_put_straight_into_its_mailbox_and_cannot_be_sent_is_dropped(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    ref = start()
    ref.tell_anyway(object())
    ref.tell_anyway("fine")
    assert ref.ask(["do", "told"]) == ["fine"]
    assert "was dropped" in caplog.text


def test_a_full_mailbox_over_there_makes_the_senders_wait_and_loses_nothing(start: Start) -> None:
    ref = start(f"{CHILDREN}:Slow")
    for _ in range(2_000):
        ref.tell("x" * 500)
    assert ref.ask("last") == 2_001


def test_one_that_reads_nothing_fills_our_mailbox_and_no_more(start: Start) -> None:
    ref = start()
    ref.tell(["do", "hang"])
    ref.actor_inbox.bound = 10  # type: ignore[attr-defined]

    def fill() -> None:
        while True:
            ref.tell("x" * 100_000)
            gevent.sleep(0)

    with pytest.raises(Busy):
        fill()
    ref.kill()
    assert ref.wait_down(WAIT) == KILLED


# Under a supervisor.


def test_one_that_is_killed_is_started_again(supervise: Start) -> None:
    top = supervise(process("one", DOER))
    first = children(top)["one"]
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert first.wait_down(WAIT) == KILLED
    second = children(top)["one"]
    assert second is not None
    assert second.ask(["do", "pid"]) == second.pid != first.pid  # type: ignore[attr-defined]


def test_one_that_does_not_start_fails_its_supervisor_s_start(supervise: Start) -> None:
    with pytest.raises(StartFailed, match="ValueError: there is no such thing"):
        supervise(process("good", DOER), process("bad", f"{CHILDREN}:Failing"))


def test_one_that_hangs_is_killed_when_its_time_to_stop_is_over(
    supervise: Start, caplog: pytest.LogCaptureFixture
) -> None:
    top = supervise(process("one", DOER, shutdown=0.2))
    ref = children(top)["one"]
    assert ref is not None
    ref.tell(["do", "hang"])
    terminate_child(top, "one", timeout=WAIT)
    assert ref.wait_down(0) == KILLED
    assert not exists(ref.pid)  # type: ignore[attr-defined]
    assert "shutdown_error of one" in caplog.text


def test_a_brutal_kill_does_not_ask(supervise: Start, tmp_path: Path) -> None:
    top = supervise(process("one", DOER, str(tmp_path / "notes"), shutdown=BRUTAL_KILL))
    ref = children(top)["one"]
    assert ref is not None
    terminate_child(top, "one", timeout=WAIT)
    assert ref.wait_down(0) == KILLED
    assert not exists(ref.pid)  # type: ignore[attr-defined]
    assert not (tmp_path / "notes").exists()


@pytest.mark.parametrize(("order", "is_back"), [("exit", False), ("shut_down", False), ("raise", True)])
def test_a_transient_one_comes_back_only_after_a_crash(supervise: Start, order: str, is_back: bool) -> None:
    top = supervise(process("one", DOER, restart=Restart.TRANSIENT))
    first = children(top)["one"]
    assert first is not None
    first.tell(["do", order])
    first.wait_down(WAIT)
    assert (children(top)["one"] is not None) is is_back


def test_its_end_is_its_own_and_this_process_lives_on(supervise: Start) -> None:
    top = supervise(process("one", DOER), worker("two", Listening), intensity=10)
    bystander = children(top)["two"]
    for order in (["segfault"], ["garbage"], ["system_exit"], ["leave", 1]):
        ref = children(top)["one"]
        assert ref is not None
        ref.tell(["do", *order])
        assert isinstance(ref.wait_down(WAIT), Crashed)
    assert children(top)["two"] is bystander


class Plain(Actor):
    def handle(self, message: Any) -> Any:
        if message == ["do", "raise"]:
            raise ValueError(message)
        return message


class OnThread(ThreadActor):
    def handle(self, message: Any) -> Any:
        return message


@pytest.mark.parametrize(
    ("strategy", "same"),
    [
        (Strategy.ONE_FOR_ONE, {"greenlet", "thread", "last"}),
        (Strategy.REST_FOR_ONE, {"greenlet", "thread"}),
        (Strategy.ONE_FOR_ALL, set()),
    ],
)
def test_in_a_mixed_tree_a_killed_process_takes_along_whom_the_strategy_says(
    supervise: Start, strategy: Strategy, same: set[str]
) -> None:
    top = supervise(
        worker("greenlet", Plain),
        worker("thread", OnThread),
        process("process", DOER),
        process("last", f"{CHILDREN}:Threaded"),
        strategy=strategy,
    )
    before = children(top)
    assert before["process"] is not None
    os.kill(before["process"].pid, signal.SIGKILL)  # type: ignore[attr-defined]
    before["process"].wait_down(WAIT)
    after = children(top)
    assert {id for id in before if before[id] is after[id]} == same
    assert [ref.ask(1)[0] if id == "last" else ref.ask(1) for id, ref in after.items() if ref] == [1, 1, 1, 1]


def test_in_a_mixed_tree_a_crashed_greenlet_takes_a_process_along(supervise: Start) -> None:
    top = supervise(worker("greenlet", Plain), process("process", DOER), strategy=Strategy.ONE_FOR_ALL)
    before = children(top)
    assert before["greenlet"] is not None
    assert before["process"] is not None
    before["greenlet"].tell(["do", "raise"])
    assert before["process"].wait_down(WAIT) == SHUTDOWN
    after = children(top)
    assert after["process"] is not None
    assert after["process"].ask(["do", "pid"]) != before["process"].pid  # type: ignore[attr-defined]


def test_when_a_supervisor_is_killed_its_processes_end(supervise: Start) -> None:
    top = supervise(supervisor("inner", [process("one", DOER)]))
    inner = children(top)["inner"]
    assert inner is not None
    one = children(inner)["one"]
    assert one is not None
    inner.kill()
    assert one.wait_down(WAIT) == KILLED
    assert not exists(one.pid)  # type: ignore[attr-defined]


def test_it_may_be_added_to_a_running_supervisor(supervise: Start) -> None:
    ref = start_child(supervise(), process("one", Threaded))
    assert ref is not None
    assert ref.ask(1) == [1, "from a thread"]


# The end of the parent.

PARENT = """
import os
import sys
PATCH = sys.argv[1] == "patched"
if PATCH:
    from gevent import monkey
    monkey.patch_all()
import gevent
from nuphar.supervision import Supervisor, process, which_children
from nuphar.supervision.processes.parent_end import ProcessActor
if __name__ == "__main__":
    top = Supervisor.start_link(
        [process("one", "support.process_children:Doer", sys.argv[2]), process("two", "support.process_children:Doer")],
        timeout=20,
    )
    two, one = [info.child for info in which_children(top)]
    two.tell(["do", "hang", "hanging"])
    while not os.path.exists("hanging"):
        gevent.sleep(0.01)
    print("pids", one.pid, two.pid, flush=True)
    sys.stdin.readline()
    two.kill()
    print("down", two.wait_down(5), one.ask(1), flush=True)
    import subprocess
    print("code", subprocess.run([sys.executable, "-c", "raise SystemExit(3)"]).returncode, flush=True)
    while len(which_children(top)) != 2 or which_children(top)[0].child is two:
        gevent.sleep(0.01)
    print("stopped", top.stop(timeout=10), flush=True)
"""


@pytest.mark.parametrize("patched", ["patched", "plain"])
def test_when_the_parent_is_killed_its_processes_end_within_a_second_or_so(tmp_path: Path, patched: str) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    with program(str(tmp_path / "parent.py"), patched, str(tmp_path / "notes"), stdin=True, cwd=tmp_path) as running:
        pids = [int(pid) for pid in running.wait_for(r"pids (\d+) (\d+)", WAIT).groups()]
        running.signal(signal.SIGKILL)
        running.process.wait(WAIT)
        began = time.monotonic()
        eventually(lambda: not any(map(is_running, pids)), WAIT)
        assert time.monotonic() - began < 2.0
    assert "the parent is gone" in (tmp_path / "notes").read_text()


@pytest.mark.parametrize("patched", ["patched", "plain"])
def test_a_program_may_be_patched_or_not_and_uses_subprocess_besides(tmp_path: Path, patched: str) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    with program(str(tmp_path / "parent.py"), patched, "", stdin=True, cwd=tmp_path) as running:
        running.write("go on")
        running.wait_for(r"down Killed\(\) 1", WAIT)
        running.wait_for("code 3", WAIT)
        running.wait_for("stopped True", WAIT)
        assert running.wait(WAIT) == 0


def is_running(pid: int) -> bool:
    """Say whether a process, which need not be our child, does more than wait for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_bytes_of_a_crash_are_malformed(start: Start) -> None:
    ref = start()
    ref.tell(["do", "garbage"])
    ended = ref.wait_down(WAIT)
    assert isinstance(ended, Crashed)
    assert isinstance(ended.error, RemoteProtocolError)

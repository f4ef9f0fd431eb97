"""The process that makes the load: one job, as JSON, on standard input; one result, as JSON, on standard output."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from .crowd import PATIENCE, Crowd
from .load import Load
from .meter import Meter, resident
from .wire import DELIVERED, WIRES
from .wire.nuphar_cbor import NupharCbor
from .works import Kind, Work

REST = 0.5
"""Seconds for a server to come to rest after its clients have come."""

TOPICS_EACH = 500
"""Topics of one client, of which all are begun at once: a session may have a thousand subscriptions."""

FEW = 20
"""Clients that begin theirs at the same time: what they ask for waits in the server, which has its bounds."""

Result = dict[str, float]


def post(crowd: Crowd, work: Work, meter: Meter) -> Result:
    """Messages, paced or not."""
    memory = _gather(crowd, work, meter.pid)
    Load(crowd, work, meter).run()
    return meter.result() | memory


def idle(crowd: Crowd, work: Work, meter: Meter) -> Result:
    """Nothing but heartbeats: a unit is one that was answered. A server that has none is only weighed."""
    memory = _gather(crowd, work, meter.pid)
    meter.start(crowd.beats)
    before = crowd.beats
    crowd.idle(work.seconds)
    meter.stop(crowd.beats)
    if crowd.lost:
        raise RuntimeError(f"{crowd.lost} idle connections were lost")
    return (meter.result() if crowd.beats > before else {}) | memory


def connect(crowd: Crowd, work: Work, meter: Meter) -> Result:
    """Open connections, one after the other, for the length of the window."""
    crowd.open(_names(work)[: work.clients // 20], _message(work))  # warm up
    meter.start(len(crowd.clients))
    names = [f"late-{name}" for name in _names(work)]
    meter.latencies += crowd.open(names * 100, _message(work), time.perf_counter() + work.seconds)
    meter.stop(len(crowd.clients))
    return meter.result()


def topics(crowd: Crowd, work: Work, meter: Meter) -> Result:
    """Start many topics with one message each from a few clients; then stop the server, in ``stop_s`` seconds."""
    wire = NupharCbor()
    few = -(-work.clients // TOPICS_EACH)
    crowd.open(["busy"] * few, _message(work))
    before = resident(meter.pid)
    meter.start(0)
    names, acks, due = _names(work), 0, 0
    for first in range(0, few, FEW):
        for at, client in enumerate(crowd.clients[first : first + FEW], first):
            due += 2 * len(names[at::few])
            crowd.send(client, wire.subscribe_and_post(names[at::few], _message(work)))
        until = time.perf_counter() + PATIENCE
        while acks < due and time.perf_counter() < until:
            acks += sum(more for _, more, _ in crowd.read())
    meter.stop(acks // 2)
    crowd.idle(REST)
    memory = {"kib": (resident(meter.pid) - before) / work.clients}
    begun = time.perf_counter()
    os.kill(meter.pid, signal.SIGTERM)
    if acks != 2 * work.clients or not crowd.wait(lambda: crowd.lost == few):
        raise RuntimeError(f"expected {2 * work.clients} acknowledgements and {few} ends, got {acks} and {crowd.lost}")
    return meter.result() | memory | {"stop_s": time.perf_counter() - begun}


KINDS: dict[Kind, Callable[[Crowd, Work, Meter], Result]] = {
    Kind.SATURATE: post,
    Kind.PACE: post,
    Kind.IDLE: idle,
    Kind.CONNECT: connect,
    Kind.TOPICS: topics,
}


def run(job: dict[str, Any]) -> Result:
    """Do one job: ``work`` (fields of `Work`), ``wire``, ``port`` and ``pid`` of the server, ``core`` or null."""
    if job["core"] is not None:
        os.sched_setaffinity(0, {job["core"]})
    work = Work(**job["work"] | {"kind": Kind(job["work"]["kind"])})
    crowd = Crowd(WIRES[job["wire"]], job["port"])
    gc.disable()  # our own pauses would count as the server's latency
    try:
        return KINDS[work.kind](crowd, work, Meter(job["pid"]))
    finally:
        crowd.close()


def _gather(crowd: Crowd, work: Work, pid: int) -> Result:
    before = resident(pid)
    crowd.open(_names(work), _message(work))
    crowd.idle(REST)
    return {"kib": (resident(pid) - before) / work.clients}


def _names(work: Work) -> list[str]:
    return [f"t:{at // work.topic_size}" for at in range(work.clients)]


def _message(work: Work) -> str:
    return DELIVERED.decode().ljust(work.message, "x")


def main() -> None:
    """Do the job; a failure is a result too."""
    try:
        result: dict[str, Any] = dict(run(json.load(sys.stdin)))
    except (RuntimeError, OSError, OverflowError) as error:
        result = {"error": str(error)}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()

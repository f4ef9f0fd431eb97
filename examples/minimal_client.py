"""A client written from the first page of docs/wire.md, with nothing of Nuphar in it: it counts along with counter.py.

Run counter.py, then this once or twice: ``python minimal_client.py ws://127.0.0.1:8000/live 3`` adds 1 three times.
"""

import json
import sys
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Subprotocol

TARGET = "topic:counter"


def follow(url: str, additions: int) -> int:
    """Add 1 so often, say each count as it is heard, and return the count when every addition is acknowledged."""
    count, seq, ref, sent = 0, 0, 1, dict[int, int]()
    with connect(url, subprotocols=[Subprotocol("nuphar.v1.json")]) as line:

        def say(*frame: Any) -> None:
            line.send(json.dumps(frame))

        say(1, 1, None, None, {}, {})
        say(2, ref, TARGET, None, None)
        for _ in range(additions):
            ref += 1
            sent[ref] = 1
            say(4, ref, TARGET, sent[ref])
        while sent:
            match json.loads(line.recv(timeout=10)):
                case [7, n, *_]:
                    say(25, n)
                case [21, target, _, now, state, *_] if target == TARGET:
                    count, seq = state, now
                case [19, target, now, payload, *_] if target == TARGET:
                    if now == seq + 1:
                        count, seq = count + payload, now
                    elif now > seq:
                        say(5, {TARGET: None})  # a gap: the whole of it once more
                case [17, target, now, refs, False, *_] if target == TARGET:
                    for at, each in enumerate(refs, now - len(refs) + 1):
                        payload = sent.pop(each, 0)  # 0: the Subscribe, which adds nothing
                        if at == seq + 1:
                            count, seq = count + payload, at
                case [18, _, target, code, text, *_] | [27, target, code, text, *_]:
                    raise SystemExit(f"{target}: {code}: {text}")
            print(count, flush=True)
    return count


if __name__ == "__main__":
    follow(sys.argv[1], int(sys.argv[2]))

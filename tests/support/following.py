"""A client's core that is spoken to in frames, and a small server in memory that keeps sessions."""

from __future__ import annotations

from typing import Any

from nuphar import Store, automatic
from nuphar.transport import decode, encode
from nuphar.transport import frames as f
from nuphar.transport.client.core.core import ClientCore
from nuphar.transport.client.core.outgoing import MemoryQueue, QueueBounds
from nuphar.transport.client.core.replica import OwnMessage

PLAIN = automatic()
T = "topic:t"
WELCOME = f.Welcome("c" * 32, "s", "t", False, {}, 20.0, "")
RESUMED = WELCOME._replace(token="t2", resumed=True)


def append(model: Any, message: Any) -> Any:
    """Add to a tuple; the message "crash" is refused, and so is a second "once"."""
    if message == "crash" or (message == "once" and "once" in model):
        raise ValueError("this update raises")
    return (*model, message)


class Core(ClientCore):
    """A core whose frames are objects."""

    def __init__(self, *targets: str, queue: Any = None, store: Store | None = None) -> None:
        stores: dict[str, Store | None] = {target: store or Store((), append) for target in targets}
        super().__init__(PLAIN, stores, queue or MemoryQueue(QueueBounds(8, 1_000)))

    def post(self, target: str, message: Any) -> OwnMessage:
        """Dispatch, and return our message."""
        return self.dispatch(target, message)[0]

    def get(self, *got: Any) -> list[Any]:
        """Receive frames; return the events."""
        events: list[Any] = []
        for frame in got:
            events += self.receive(encode(frame, PLAIN))
        return events

    def take(self) -> list[Any]:
        """Take away what is to be sent."""
        sent = [decode(data, PLAIN) for data in self.outgoing]
        self.outgoing.clear()
        return sent

    def go_live(self) -> Core:
        """Connect, subscribe to everything, and take what was sent."""
        self.open()
        self.get(WELCOME)
        for frame in self.take():
            if isinstance(frame, f.Subscribe):
                self.get(f.Snapshot(frame.target, "e", 0, [], "subscribed"))
                self.get(f.Acknowledge(frame.target, 0, [frame.ref], False))
        return self

    def come_back(self, welcome: f.Welcome = RESUMED) -> list[Any]:
        """Lose the connection, get another, and return the events of Welcome."""
        self.lose()
        self.open()
        self.take()
        return self.get(welcome)

    @property
    def model(self) -> Any:
        return list(self.replicas[T].model)

    @property
    def confirmed(self) -> Any:
        return list(self.replicas[T].confirmed)

    @property
    def pending(self) -> Any:
        return [own.message for own in self.replicas[T].pending]


class ModelServer:
    """One topic that keeps ``history`` messages, and one session; ``wire`` is what it has said and nobody has read.

    It keeps to docs/wire.md: tokens, refs, and what a resumed session missed. Messages divisible by 7 are refused.
    """

    def __init__(self, history: int) -> None:
        self.history = history
        self.epoch = 0
        self.messages: list[tuple[Any, Any]] = []  # (generation, ref) of the author, None for somebody else
        self.wire: list[Any] = []
        self.connected = False
        self.generation = 0
        self.tokens: list[str] = []
        self.session: str | None = None
        self.subscribed = False
        self.answers: dict[int, tuple[str, int, int]] = {}  # code, epoch, seq
        self.top = 0
        self.executed: list[Any] = []

    def hear(self, frame: Any) -> None:
        """Take a frame of the client."""
        match frame:
            case f.Hello(_, session, token, cursors, _):
                self.greet(session, token, cursors)
            case f.Subscribe(ref, target, since, _):
                self.highest(ref)
                self.catch_up(since)
                self.wire.append(f.Acknowledge(target, len(self.messages), [ref], False))
            case f.Unsubscribe(ref, target):
                self.highest(ref)
                self.subscribed = False
                self.wire.append(f.Acknowledge(target, 0, [ref], False))
            case f.Resync(cursors):
                self.catch_up(cursors[T])
            case f.ClientMessage(ref, target, payload) if ref in self.answers:
                self.repeat(ref, target)
            case f.ClientMessage(ref, target, payload):
                assert ref > self.top, f"ref {ref} goes back behind {self.top}"
                self.highest(ref)
                self.post(ref, target, payload)

    def greet(self, session: str | None, token: str | None, cursors: Any) -> None:
        resumed = session is not None and session == self.session and token in self.tokens[-2:]
        if not resumed:
            self.end_session()
            self.generation += 1
            self.session = f"s{self.generation}"
        self.tokens.append(f"t{len(self.tokens)}.{self.generation}")
        self.connected = True
        self.wire = [f.Welcome("c" * 32, self.session or "", self.tokens[-1], resumed, {}, 20.0, "")]
        if resumed and self.subscribed:
            self.catch_up(cursors.get(T), resumed=True)
        elif T in cursors:
            self.catch_up(cursors[T])

    def end_session(self) -> None:
        """Forget the session: it took too long."""
        self.session, self.tokens, self.subscribed, self.answers, self.top = None, [], False, {}, 0

    def highest(self, ref: int) -> None:
        self.top = max(self.top, ref)

    def post(self, ref: int, target: str, payload: int) -> None:
        if not self.subscribed:
            self.answers[ref] = ("not_subscribed", 0, 0)
        elif payload % 7 == 0:
            self.answers[ref] = ("crashed", 0, 0)
        else:
            self.messages.append(((self.generation, ref), payload))
            self.executed.append(payload)
            self.answers[ref] = ("", self.epoch, len(self.messages))
        self.repeat(ref, target)

    def repeat(self, ref: int, target: str) -> None:
        code, epoch, seq = self.answers[ref]
        if code:
            self.wire.append(f.Rejected(ref, target, code, "", None))
        else:
            place = seq if epoch == self.epoch and self.subscribed else 0
            self.wire.append(f.Acknowledge(target, place, [ref], False))

    def catch_up(self, since: Any, *, resumed: bool = False) -> None:
        self.subscribed = True
        seq = len(self.messages)
        same = since is not None and since[0] == str(self.epoch)
        if same and 0 <= seq - since[1] <= self.history:
            for at in range(since[1], seq):
                author, payload = self.messages[at]
                if resumed and author is not None and author[0] == self.generation:
                    self.wire.append(f.Acknowledge(T, at + 1, [author[1]], False))
                else:
                    self.wire.append(f.ServerMessage(T, at + 1, payload))
            return
        if same and resumed:
            for at in range(since[1], seq):
                author, _ = self.messages[at]
                if author is not None and author[0] == self.generation:
                    self.wire.append(f.Acknowledge(T, at + 1, [author[1]], False))
        state = [payload for _, payload in self.messages]
        self.wire.append(f.Snapshot(T, str(self.epoch), seq, state, "behind"))

    def other(self, payload: int) -> None:
        """Somebody else sends a message."""
        self.messages.append((None, payload))
        if self.subscribed and self.connected:
            self.wire.append(f.ServerMessage(T, len(self.messages), payload))

    def new_epoch(self) -> None:
        """The topic begins anew; the session stays."""
        self.epoch += 1
        self.messages = []
        self.cut()

    def cut(self) -> None:
        self.connected = False
        self.wire = []

"""A client's handle on a target has the types of its store; options and hooks are typed, too."""

import asyncio
import ssl
from typing import assert_type

import nuphar


def add(count: int, more: int) -> int:
    return count + more


counter = nuphar.Store(0, add)
others = nuphar.Store("", lambda text, more: text + more)
client = nuphar.Client("ws://127.0.0.1:8000/live", stores={"counter": counter, "others": others})
handle = client.subscribe("more", counter)

assert_type(handle.model, int)
assert_type(handle.confirmed, int)
assert_type(handle.pending, list[int])
assert_type(handle.dispatch(5).get(timeout=5), int)
assert_type(client.target("counter", counter).model, int)
assert_type(client.wait_live("counter").dispatch("counter", 5).get(timeout=5), int)
handle.dispatch("five")  # refused
assert_type(handle.modle, int)  # refused
client.target("others").dispatch("anything: nothing says what")
client.subscribe("x", 5)  # refused
client.subscribe(5)  # refused


def double(held: nuphar.TargetHandle[int, int]) -> None:
    held.dispatch(held.model)


double(handle)
double(client.subscribe("text", nuphar.Store("", str.__add__)))  # refused


@client.on_change
def changed(target: str, model: int, message: int | None) -> None: ...


@client.on_rejected
def rejected(message: int, refused: nuphar.Refused) -> None: ...


@client.on_state
def in_state(state: nuphar.states.State) -> None: ...


@client.on_change  # refused
def another_name(topic: str) -> None: ...


@client.on_push  # refused
def of_a_change(target: str, model: int) -> None: ...


@client.on_refused  # refused
def another_type(target: str, refused: str) -> None: ...


@handle.on_change
def shown(model: int) -> None: ...


@handle.on_change  # refused
def for_all_targets(target: str, model: int) -> None: ...


handle.on_push(lambda message: None)
handle.on_push(lambda model: None)  # refused

context = ssl.create_default_context()
nuphar.Client("wss://a.example/live", headers={"X-Token": "a"}, ssl_context=context, proxy=None, timeout=5, heartbeat=5)
nuphar.Client("ws://a.example/live", heart_beat=5)  # refused
nuphar.Client("ws://a.example/live", timeout="soon")  # refused
nuphar.AsyncClient("ws://a.example/live", proxy=5)  # refused
nuphar.transport.http_client.long_polling("http://a.example/live", wait=5, timeout=5)
nuphar.transport.http_client.long_polling("http://a.example/live", heartbeat=5)  # refused


async def follow() -> None:
    async with nuphar.AsyncClient("ws://127.0.0.1:8000/live", stores={"counter": counter}) as other:
        held = other.target("counter", counter)
        assert_type(await held.dispatch(1), int)
        await held.dispatch("one")  # refused
        held.dispatch(1).get()  # refused


asyncio.run(follow())
nuphar.serve(nuphar.Server(), port=8000, certfile="a.pem", log=None)
nuphar.serve(nuphar.Server(), backlog=5)  # refused

"""``websockets`` on asyncio: a bare relay with a counter, with the library's own broadcast."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from .start import Topic, heartbeat, say

topics: dict[str, Topic] = defaultdict(Topic)


async def relay(connection: ServerConnection) -> None:
    """Serve one connection."""
    topic = Topic()
    try:
        async for data in connection:
            message = json.loads(data)
            if "join" in message:
                topic = topics[message["join"]]
                topic.members.add(connection)
                await connection.send(f'{{"joined":{topic.seq},"state":{topic.state}}}')
                continue
            seq = topic.apply()
            await connection.send(f'{{"ack":{message["ref"]},"seq":{seq}}}')
            if len(topic.members) > 1:
                broadcast(topic.members - {connection}, json.dumps({"seq": seq, "data": message["post"]}))
    except ConnectionClosed:
        pass
    finally:
        topic.members.discard(connection)


async def main() -> None:
    """Serve until SIGTERM."""
    async with serve(relay, "127.0.0.1", 0, ping_interval=heartbeat(), backlog=1024) as server:
        say(next(iter(server.sockets)).getsockname()[1], "websockets")
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())

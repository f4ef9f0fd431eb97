"""``picows`` on asyncio: a bare relay with a counter."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from .start import Topic, heartbeat, say

topics: dict[str, Topic] = defaultdict(Topic)


class Relay(WSListener):
    """Serves one connection."""

    topic: Topic

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one message."""
        if frame.msg_type != WSMsgType.TEXT:
            return
        message = json.loads(frame.get_payload_as_bytes())
        if "join" in message:
            topic = self.topic = topics[message["join"]]
            topic.members.add(transport)
            transport.send(WSMsgType.TEXT, b'{"joined":%d,"state":%d}' % (topic.seq, topic.state))
            return
        topic = self.topic
        seq = topic.apply()
        transport.send(WSMsgType.TEXT, b'{"ack":%d,"seq":%d}' % (message["ref"], seq))
        if len(topic.members) > 1:
            data = json.dumps({"seq": seq, "data": message["post"]}).encode()
            for member in topic.members:
                if member is not transport:
                    member.send(WSMsgType.TEXT, data)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Leave."""
        self.topic.members.discard(transport)

    def send_user_specific_ping(self, transport: WSTransport) -> None:
        """Ping with four bytes, which the generator knows."""
        transport.send_ping(b"beat")


async def main() -> None:
    """Serve until SIGTERM."""
    server = await ws_create_server(
        lambda request: Relay(),
        "127.0.0.1",
        0,
        enable_auto_ping=True,
        auto_ping_idle_timeout=heartbeat(),
        auto_ping_reply_timeout=heartbeat(),
        backlog=1024,
    )
    say(server.sockets[0].getsockname()[1], "picows")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

// `ws` on Node: a bare relay with a counter, and the heartbeat of its own documentation.
"use strict";

const { WebSocketServer } = require("ws");

const heartbeat = Number(process.argv[process.argv.indexOf("--heartbeat") + 1]);
const topics = new Map();

function find(name) {
  let topic = topics.get(name);
  if (topic === undefined) topics.set(name, (topic = { seq: 0, state: 0, members: new Set() }));
  return topic;
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1024 });

server.on("connection", (socket) => {
  let topic = null;
  socket.isAlive = true;
  socket.on("pong", () => (socket.isAlive = true));
  socket.on("error", () => {});
  socket.on("close", () => topic?.members.delete(socket));
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.join !== undefined) {
      topic = find(message.join);
      topic.members.add(socket);
      socket.send(JSON.stringify({ joined: topic.seq, state: topic.state }));
      return;
    }
    topic.state += 1;
    const seq = (topic.seq += 1);
    socket.send(JSON.stringify({ ack: message.ref, seq }));
    if (topic.members.size > 1) {
      const text = JSON.stringify({ seq, data: message.post });
      for (const member of topic.members) if (member !== socket) member.send(text);
    }
  });
});

setInterval(() => {
  for (const socket of server.clients) {
    if (!socket.isAlive) {
      socket.terminate();
      continue;
    }
    socket.isAlive = false;
    socket.ping("beat");
  }
}, heartbeat * 1000);

server.on("listening", () => {
  const versions = { Node: process.versions.node, ws: require("ws/package.json").version };
  console.log(JSON.stringify({ port: server.address().port, versions }));
});

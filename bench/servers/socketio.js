// `socket.io` on Node: rooms, and acknowledgements of its own.
"use strict";

const http = require("node:http");
const { Server } = require("socket.io");

const heartbeat = Number(process.argv[process.argv.indexOf("--heartbeat") + 1]);
const topics = new Map();

function find(name) {
  let topic = topics.get(name);
  if (topic === undefined) topics.set(name, (topic = { seq: 0, state: 0 }));
  return topic;
}

const server = http.createServer();
const io = new Server(server, { pingInterval: heartbeat * 1000, serveClient: false });

io.on("connection", (socket) => {
  socket.on("join", (name, answer) => {
    const topic = find(name);
    socket.join(name);
    socket.data.name = name;
    socket.data.topic = topic;
    answer("joined", topic.seq, topic.state);
  });
  socket.on("post", (message, answer) => {
    const { name, topic } = socket.data;
    topic.state += 1;
    topic.seq += 1;
    answer("ack", topic.seq);
    socket.to(name).emit("message", topic.seq, message);
  });
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  const versions = { Node: process.versions.node, "socket.io": require("socket.io/package.json").version };
  console.log(JSON.stringify({ port: server.address().port, versions }));
});

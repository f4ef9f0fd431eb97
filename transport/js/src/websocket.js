/**
 * The WebSocket transport. A transport has a `name` and `connect(url, token)`, which gives a line at once: `send(bytes)`,
 * `close(code)`, and the functions that its user sets, `onopen(protocol)`, `onframe(bytes)`, `onclose(code, reason)`, and
 * `onprogress()` for one that can tell when a part of something arrives. `url` is http or https; one message of the line is
 * one frame. Nothing is called before `connect` has returned. Its user also sets `largest`, the bytes of a frame at most,
 * and `heartbeat`, milliseconds of silence after which the server asks.
 */
import { PROTOCOL } from "./frames.js";

export function webSocket(WebSocket) {
  return {
    name: "websocket",
    connect(url, token) {
      // A browser lets no page set a header of a WebSocket's request.
      const query = token ? `${url.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}` : "";
      const socket = new WebSocket(url.replace("http", "ws") + query, [PROTOCOL]);
      const line = { send: (bytes) => socket.send(bytes), close: (code) => socket.close(code) };
      socket.binaryType = "arraybuffer";
      socket.onopen = () => line.onopen(socket.protocol);
      // Text is handed on as it is: the core refuses it.
      socket.onmessage = ({ data }) => line.onframe(typeof data === "string" ? data : new Uint8Array(data));
      socket.onclose = ({ code, reason }) => line.onclose(code, reason);
      return line;
    },
  };
}

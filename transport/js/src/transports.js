/** The ways to a server that there are here, best first. */
import { http } from "./http.js";
import { webSocket } from "./websocket.js";

export function transports({ WebSocket, fetch }) {
  const all = [];
  if (WebSocket) all.push(webSocket(WebSocket));
  if (fetch) all.push(http("sse", { fetch }), http("polling", { fetch }));
  if (all.length === 0) throw new TypeError("neither WebSocket nor fetch; give one");
  return all;
}

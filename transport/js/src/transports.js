/** The ways to a server that there are here, best first. */
import { http } from "./http.js";
import { webSocket } from "./websocket.js";

export function transports({ WebSocket, fetch, EventSource }) {
  const all = [];
  if (WebSocket) all.push(webSocket(WebSocket));
  if (fetch && EventSource) all.push(http("sse", { fetch, EventSource }));
  if (fetch) all.push(http("polling", { fetch }));
  if (all.length === 0) throw new TypeError("there is neither a WebSocket nor fetch here; give connect() a WebSocket");
  return all;
}

/** Nuphar's browser client: live topics over one WebSocket. */
import { Client } from "./client.js";

export { NupharError } from "./errors.js";
export { automatic, custom, tuple } from "./serialiser.js";

/** Connect to a server at a path of this page's host, or at a full URL, and stay connected until `close()`. */
export function connect(url, options) {
  return new Client(url, options);
}

/** What a program may write for a server and for a target, and what it means. Pure. */

const PREFIXED = /^(topic|page):/;

const OURS = ["line", "number", "after", "wait", "close"]; // what the protocol over HTTP calls its own fields in a query

/**
 * The http or https URL of "/live", which is also "/live/", seen from a page at `base`, or of a full URL. All transports
 * use it, with its query; with `hasToken` that may not name one itself. Raises TypeError if there is none.
 */
export function serverUrl(url, base, hasToken) {
  const full = new URL(`${new URL(url, base)}`.replace(/^ws/, "http"));
  full.hash = "";
  full.pathname = full.pathname.replace(/\/+$/, "");
  if (!/^https?:$/.test(full.protocol)) throw new TypeError(`expected a ws, wss, http or https URL, got ${full.protocol}`);
  if (hasToken && full.searchParams.has("token")) throw new TypeError("expected a token as an option or in the query, got both");
  const taken = OURS.find((name) => full.searchParams.has(name));
  if (taken) throw new TypeError(`expected a query without ${OURS.join(", ")}, got ${taken}; use another name for it`);
  return full.href;
}

/** The target of an id: "board" and "topic:board" are one topic; "session", "tree" and "page:..." are themselves. */
export function targetOf(id) {
  if (typeof id !== "string") throw new TypeError(`an id is text, got ${typeof id}`);
  const name = id.normalize("NFC");
  const target = ["session", "tree"].includes(name) || PREFIXED.test(name) ? name : `topic:${name}`;
  const size = new TextEncoder().encode(target.replace(PREFIXED, "")).length;
  if (size < 1 || size > 255) throw new RangeError(`an id has 1 to 255 bytes, got ${size}`);
  if (/\p{Cc}/u.test(target)) throw new RangeError("an id has no control characters");
  return target;
}

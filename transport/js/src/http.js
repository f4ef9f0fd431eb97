/**
 * The transports for where WebSockets do not get through: what is sent goes in POSTs, what comes back in answers that
 * wait for it ("polling") or in one stream of events ("sse"). A body is a CBOR sequence of byte strings, one frame each.
 * Nothing is asked twice but a stream that has brought something: whatever fails ends the line, and the session goes on
 * with the next one.
 */
import { encode, sequence } from "./cbor.js";
import { ABNORMAL, FORBIDDEN, NORMAL_CLOSURE, TOO_LARGE, UNAUTHORISED } from "./close-codes.js";
import { Events } from "./events.js";
import { PROTOCOL } from "./frames.js";

const BODY = 65_536; // bytes after which frames wait for the next POST
const FRAMES = 1_000; // that a server takes in one body
// Bytes that outlive their page: the Fetch standard allows 64 KiB for all requests of a page together, so half is left to others.
const LASTING = 32_768;
// Milliseconds between two requests at most while a body arrives. A server that has written it all hears nothing else of this client,
// and gives a line without a request up after 15 s. A Ping would do, but its Pong had to wait behind the body.
const SIGN = 5_000;
const TYPE = "application/cbor-seq";
const REFUSED = { 401: UNAUTHORISED, 403: FORBIDDEN }; // what the status of a line that is not opened is as a close code
const DAY = 86_400; // seconds for which a Retry-After may keep a client away

export function http(name, { fetch }) {
  return { name, connect: (url, token) => new Line(url, token, fetch, name === "sse") };
}

class Line {
  /** Bytes of one frame that the server takes, once it has said so; a body may have four times that. */
  largest = BODY;
  /** Milliseconds of silence after which the server asks, likewise. */
  heartbeat = 2 * SIGN;
  _waiting = [];
  _number = 0;
  _id = null;
  _batch = "0";
  _sending = false;
  _sign = false;
  _posted = 0;
  _over = false;
  _ending = null;
  _abort = new AbortController();

  constructor(url, token, fetch, streams) {
    const { origin, pathname, search } = new URL(url);
    Object.assign(this, { _base: origin + pathname.replace(/\/+$/, ""), _query: search, _fetch: fetch, _streams: streams });
    this._shown = token ? { Authorization: `Bearer ${token}` } : {};
    queueMicrotask(() => this._over || this.onopen(PROTOCOL)); // the first POST will tell whether it is true
  }

  send(bytes) {
    this._waiting.push(encode(bytes));
    this._flush();
  }

  /** Only NORMAL_CLOSURE ends the session. The server is told, in its turn; what it still has to say is not waited for. */
  close(code) {
    if (this._over) return;
    this._over = true;
    this._ending = code === NORMAL_CLOSURE ? "1000" : "1001";
    this._abort.abort();
    this._flush();
  }

  /** One POST at a time; what is sent meanwhile goes with the next. */
  async _flush() {
    if (this._sending) return;
    this._sending = true;
    try {
      while (this._waiting.length > 0 || this._sign || (this._ending && this._id)) await this._post();
    } catch (error) {
      this._end(ABNORMAL, error.message);
    }
    this._sending = false;
  }

  async _post() {
    this._sign = false;
    this._posted = performance.now();
    const most = Math.min(BODY, 4 * this.largest);
    const parts = [];
    let size = 0;
    while (this._waiting.length > 0 && parts.length < FRAMES && (size === 0 || size + this._waiting[0].length <= most)) {
      size += this._waiting[0].length;
      parts.push(this._waiting.shift());
    }
    // The last POST outlives its page if it is small enough. What is too much for that goes in front of it.
    const last = this._waiting.length === 0 && size <= LASTING && this._ending;
    const headers = { "Content-Type": TYPE, "Nuphar-Number": `${(this._number += 1)}` };
    if (this._id) headers["Nuphar-Line"] = this._id;
    if (last) headers["Nuphar-Close"] = last;
    const post = (keepalive) => this._ask("send", { method: "POST", headers, body: new Blob(parts), keepalive });
    // Others of this page may have used up what it may leave behind. The same number is not applied twice.
    const answer = await (last ? post(true).catch(() => post(false)) : post(false));
    if (last) this._ending = null;
    if (!answer.ok) await this._fail(answer);
    else if (this._id === null) {
      this._id = answer.headers.get("Nuphar-Line");
      if (!this._over) this._receive();
    }
  }

  async _receive() {
    try {
      while (!this._over) await (this._streams ? this._stream() : this._poll());
    } catch (error) {
      this._end(ABNORMAL, error.message);
    }
  }

  async _poll() {
    const answer = await this._get("poll", { "Nuphar-After": this._batch }, "wait=25");
    if (answer.status === 200) {
      const chunks = [];
      await this._read(answer, (chunk) => chunks.push(chunk));
      this._take(new Uint8Array(await new Blob(chunks).arrayBuffer()));
    }
    this._batch = answer.headers.get("Nuphar-Batch");
    if (!answer.ok || answer.headers.has("Nuphar-Close")) await this._fail(answer);
  }

  /** Read one stream to its end. One that has brought something is asked for again, behind what it brought. */
  async _stream() {
    const before = this._batch;
    try {
      const answer = await this._get("events", { "Last-Event-ID": before });
      if (!answer.ok) return await this._fail(answer);
      const [events, text] = [new Events(), new TextDecoder()];
      await this._read(answer, (chunk) => {
        for (const { event, id, data } of events.feed(text.decode(chunk, { stream: true }))) {
          if (event === "close") return this._end(...ending(data));
          this._take(Uint8Array.from(atob(data.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0)));
          this._batch = id;
        }
      });
      throw new Error("cut off");
    } catch (error) {
      if (this._batch === before) throw error;
    }
  }

  /** Read a body to its end, and say that it grows: a large one on a slow line is no silence. */
  async _read({ body }, take) {
    const reader = body?.getReader();
    for (let part; reader && !(part = await reader.read()).done && !this._over; ) {
      this.onprogress?.();
      take(part.value);
      this._sign = performance.now() - this._posted > Math.min(SIGN, (this.heartbeat || Infinity) / 2);
      if (this._sign) this._flush();
    }
  }

  _get(path, headers, query) {
    return this._ask(path, { headers: { "Nuphar-Line": this._id, ...headers }, signal: this._abort.signal }, query);
  }

  /** The query of the line's own URL goes with each request: an application, or a proxy, may know its clients by it. */
  _ask(path, options, own = "") {
    const query = [this._query.slice(1), own].filter(Boolean).join("&");
    const headers = { ...this._shown, ...options.headers };
    return this._fetch(`${this._base}/${path}${query && `?${query}`}`, { cache: "no-store", ...options, headers });
  }

  _take(bytes) {
    // No batch is empty: over plain http browsers take an answer that was cut off in its head for one without a body.
    if (bytes.length === 0) throw new Error("cut off");
    for (const frame of sequence(bytes)) if (!this._over) this.onframe(frame);
  }

  /** The server says no, and mostly why: in a header, or in a sentence. */
  async _fail(answer) {
    const { headers, status } = answer;
    const told = headers.get("Nuphar-Close");
    if (told) return this._end(...ending(told));
    const isText = headers.get("Content-Type")?.startsWith("text/plain");
    const sentence = isText ? `: ${(await answer.text()).slice(0, 200).trim()}` : "";
    const code = status === 413 ? TOO_LARGE : (this._id === null && REFUSED[status]) || ABNORMAL;
    this._end(code, `status ${status}${sentence}`, secondsOf(headers));
  }

  _end(code, reason, after) {
    if (this._over) return;
    this._over = true;
    this._abort.abort();
    this.onclose(code, reason, after);
  }
}

/** "4500 restarting" as a code and a reason. */
function ending(text) {
  const [code, ...reason] = text.split(" ");
  return [Number(code), reason.join(" ")];
}

/** The seconds of a Retry-After, which is a number or a date; 0 for none. A date counts from the answer's own, as clocks differ. */
function secondsOf(headers) {
  const after = headers.get("Retry-After");
  const seconds = Number(after) || (Date.parse(after) - Date.parse(headers.get("Date"))) / 1000;
  return Math.min(DAY, Math.max(0, seconds || 0));
}

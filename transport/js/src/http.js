/**
 * The transports for where WebSockets do not get through: what is sent goes in POSTs, what comes back in answers that
 * wait for it ("polling") or in one stream of events ("sse"). A body is a CBOR sequence of byte strings, one frame each.
 * Nothing is asked twice: whatever fails ends the line, and the session goes on with the next one.
 */
import { encode, sequence } from "./cbor.js";
import { PROTOCOL } from "./frames.js";

const BODY = 65_536; // bytes after which frames wait for the next POST
const TYPE = "application/cbor-seq";

export function http(name, { fetch, EventSource }) {
  return { name, connect: (url) => new Line(url, fetch, name === "sse" ? EventSource : null) };
}

class Line {
  _waiting = [];
  _number = 0;
  _id = null;
  _sending = false;
  _over = false;
  _ending = null;
  _abort = new AbortController();

  constructor(url, fetch, EventSource) {
    const { origin, pathname } = new URL(url);
    Object.assign(this, { _base: origin + pathname.replace(/\/$/, ""), _fetch: fetch, _events: EventSource });
    queueMicrotask(() => this._over || this.onopen(PROTOCOL)); // the first POST will tell whether it is true
  }

  send(bytes) {
    this._waiting.push(encode(bytes));
    this._flush();
  }

  /** Only 1000 ends the session. The server is told, in its turn; what it still has to say is not waited for. */
  close(code) {
    if (this._over) return;
    this._over = true;
    this._ending = code === 1000 ? "1000" : "1001";
    this._abort.abort();
    this._source?.close();
    this._flush();
  }

  /** One POST at a time; what is sent meanwhile goes with the next. */
  async _flush() {
    if (this._sending) return;
    this._sending = true;
    try {
      while (this._waiting.length > 0 || (this._ending && this._id)) await this._post();
    } catch (error) {
      this._end(1006, error.message);
    }
    this._sending = false;
  }

  async _post() {
    const parts = [];
    for (let size = 0; this._waiting.length > 0 && size < BODY; size += parts.at(-1).length) parts.push(this._waiting.shift());
    const last = this._waiting.length === 0 && this._ending;
    const headers = { "Content-Type": TYPE, "Nuphar-Number": `${(this._number += 1)}` };
    if (this._id) headers["Nuphar-Line"] = this._id;
    if (last) headers["Nuphar-Close"] = last;
    const answer = await this._ask("send", { method: "POST", headers, body: new Blob(parts), keepalive: Boolean(last) });
    if (last) this._ending = null;
    if (!answer.ok) this._fail(answer);
    else if (this._id === null) {
      this._id = answer.headers.get("Nuphar-Line");
      if (!this._over) this._events ? this._listen() : this._poll();
    }
  }

  async _poll() {
    try {
      for (let after = "0"; !this._over; ) {
        const headers = { "Nuphar-Line": this._id, "Nuphar-After": after };
        const answer = await this._ask("poll?wait=25", { headers, signal: this._abort.signal });
        if (answer.status === 200) this._take(new Uint8Array(await answer.arrayBuffer()));
        after = answer.headers.get("Nuphar-Batch");
        if (!answer.ok || answer.headers.has("Nuphar-Close")) this._fail(answer);
      }
    } catch (error) {
      this._end(1006, error.message);
    }
  }

  _listen() {
    const source = (this._source = new this._events(`${this._base}/events?line=${this._id}`));
    source.onmessage = ({ data }) => {
      const text = atob(data.replaceAll("-", "+").replaceAll("_", "/"));
      this._take(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    };
    source.addEventListener("close", ({ data }) => this._end(...ending(data)));
    // It comes back by itself after a loss, and is closed after a refusal. But it would try for ever, every few seconds,
    // while the page believes that it is live: when one attempt brings nothing, the session looks for a better line.
    let lost = true;
    source.onopen = () => (lost = false);
    source.onerror = () => {
      if (lost || source.readyState === 2) this._end(1006, "cut off");
      lost = true;
    };
  }

  _ask(path, options) {
    return this._fetch(`${this._base}/${path}`, { cache: "no-store", ...options });
  }

  _take(bytes) {
    // No batch is empty: over plain http browsers take an answer that was cut off in its head for one without a body.
    if (bytes.length === 0) throw new Error("cut off");
    for (const frame of sequence(bytes)) if (!this._over) this.onframe(frame);
  }

  _fail({ headers, status }) {
    this._end(...ending(headers.get("Nuphar-Close") ?? `1006 status ${status}`));
  }

  _end(code, reason) {
    if (this._over) return;
    this._over = true;
    this._abort.abort();
    this._source?.close();
    this.onclose(code, reason);
  }
}

/** "4500 restarting" as a code and a reason. */
function ending(text) {
  const [code, ...reason] = text.split(" ");
  return [Number(code), reason.join(" ")];
}

/** Which of what was asked may go out now: a server takes only so much of one target, and refs that rise. Pure. */
import { NupharError } from "./errors.js";
import { CLIENT_MESSAGE, encode, SUBSCRIBE } from "./frames.js";

const SOON = 50; // milliseconds of a pause at least, so that many go at once
const LATE = 60; // seconds of one at most, whatever the server says

/** The seconds that the details of a `rate_limited` ask for, `{retry_after: seconds}`, or `otherwise`. */
export function secondsIn(details, otherwise) {
  const seconds = details?.retry_after;
  return seconds >= 0 ? Math.min(seconds, LATE) : otherwise;
}

/** Bytes around a payload at most: a ref of 9, a target of 263, and the heads. */
export const ENVELOPE = 280;

export class Turns {
  /** When what the server wants later may go out; Infinity for never. */
  deadline = Infinity;
  _heard = new Set();
  _connection = 0;
  _batch = 0;

  constructor(link) {
    this.link = link;
  }

  /** A connection begins. */
  begin() {
    this._heard = new Set();
    this.deadline = Infinity;
    this._connection += 1;
  }

  /** Something of a target's order has arrived on this connection, so the server holds nothing back for it any more. */
  heard(target) {
    this._heard.add(target);
  }

  /** Has `entry` to wait? It is `held` then, and asked about again after the next answer. `waiting` has all that was asked, by ref. */
  mustWait(entry, waiting) {
    const { kind, ref, target } = entry;
    const { held, window } = this.link.limits;
    let [lowest, before] = [ref, 0];
    entry.held = entry.againAt != null;
    for (const other of waiting.values()) {
      if (other.ref >= ref) break;
      if (other.kind === CLIENT_MESSAGE) lowest = Math.min(lowest, other.ref);
      if (other.kind === CLIENT_MESSAGE && other.target === target && other.on === this._connection) before += 1;
      // What went out again may be refused once more.
      const again = other.batch && other.batch !== entry.batch;
      // What is asked of one target keeps its order, and so do messages, as a server takes no ref below one that it has.
      if ((other.held || again) && (other.target === target || (kind === CLIENT_MESSAGE && other.kind === kind))) entry.held = true;
    }
    // A far higher ref, as after a reload, would push those that have no answer out of the server's window.
    if (ref >= lowest + window) entry.held = true;
    if (kind === CLIENT_MESSAGE && before >= held && !this._heard.has(target)) entry.held = true;
    if (!entry.held) entry.on = this._connection;
    return entry.held;
  }

  /** The server wants `entry` later: it is held until then, and what is behind it waits, too. */
  pause(entry, details, now) {
    Object.assign(entry, { held: true, batch: 0, againAt: now + 1000 * secondsIn(details, 1) });
    this.deadline = Math.min(this.deadline, entry.againAt);
  }

  /** Let go of what was paused for long enough, in order; true if there is something. */
  tick(now, waiting) {
    if (now < this.deadline) return false;
    this.deadline = Infinity;
    this._batch += 1;
    for (const entry of waiting.values()) {
      if (entry.againAt == null) continue;
      if (now < entry.againAt || this._overtakes(entry, waiting)) {
        this.deadline = Math.max(entry.againAt, now + SOON);
        break;
      }
      Object.assign(entry, { againAt: null, batch: this._batch });
    }
    return true;
  }

  /** Is something to the same target under way behind `entry`? The server may be about to refuse that, too. */
  _overtakes({ ref, target }, waiting) {
    return [...waiting.values()].some((other) => other.ref > ref && other.target === target && !other.held && other.on === this._connection);
  }

  /** The error for what has no room in a frame of this server, which a message may have had when it was dispatched. */
  tooLarge({ kind, size, replica, sent }) {
    const { message } = this.link.limits;
    const bytes = kind === CLIENT_MESSAGE ? size : kind === SUBSCRIBE ? encode([replica.cursor, replica.params]).length : 0;
    if (bytes + ENVELOPE <= message) return null;
    if (sent != null) return new NupharError("unknown_outcome", `it was sent, and ${message} bytes are the limit now`);
    return new NupharError("too_large", `a message has at most ${message} bytes, got ${bytes + ENVELOPE}`);
  }
}

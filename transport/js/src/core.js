/**
 * What a client does, without line, timer or page: bytes and times go in, effects come out. Pure.
 * `effects`, in order: ["open"] · ["send", bytes] · ["close", code] · ["state"] · ["keep"] (session and token are new) ·
 * ["resolve", entry, seq] · ["reject", entry, error] · ["change", replica, model, message or null] · ["push", replica, message] ·
 * ["presence", replica, [joins, leaves, full]] · ["fault", error] (a program's `update` raised).
 */
import { Backoff } from "./backoff.js";
import { PROTOCOL_ERROR } from "./close-codes.js";
import { NupharError } from "./errors.js";
import * as frames from "./frames.js";
import { Link } from "./link.js";
import { Replica } from "./replica.js";
import { Targets } from "./targets.js";
import { ENVELOPE } from "./turns.js";

const MESSAGES = 1000; // that have no answer; a session remembers the answers to the last 1,024 refs
const BYTES = 2 ** 20; // that their payloads have; a page that is offline for long must not fill its memory
const EARLY = [frames.WELCOME, frames.REJECTED, frames.PING, frames.PONG, frames.BYE];

export class Core {
  effects = [];

  constructor({ serialiser, random }) {
    const emit = this._emit.bind(this);
    this.serialiser = serialiser;
    this.link = new Link({ backoff: new Backoff({ random }), emit });
    this.targets = new Targets({ serialiser, random, emit, link: this.link });
  }

  /** When `tick` wants to be called next; Infinity for never. */
  get deadline() {
    return Math.min(this.link.deadline ?? Infinity, this.link.ready ? this.targets.deadline : Infinity);
  }

  /** How many bytes the payloads without an answer have. */
  get bytes() {
    return this.targets.messages.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Go on from what an earlier page kept: a head `{session, token, ref, reached, targets}`, and its messages as rows
   * `{session, ref, target, payload, sent}`. Those of another session, and all if they are `stale`, are refused.
   */
  restore(head, rows, stale) {
    const { session, token, reached } = head;
    Object.assign(this.link, { session, token });
    const [kept, lost] = [[], []];
    for (const row of rows) {
      const other = row.session !== session;
      const entry = { ...row, kind: frames.CLIENT_MESSAGE, seq: null, message: row.payload };
      entry.sent = row.sent || other || row.ref <= reached ? 0 : null;
      entry.size = frames.encode(row.payload).length;
      try {
        entry.message = this.serialiser.decodeMessage(row.payload);
        const [code, text] = entry.sent === null ? ["gone", "it waited too long"] : ["unknown_outcome", "its page is gone"];
        if (other || stale) lost.push([entry, new NupharError(code, text)]);
        else kept.push(entry);
      } catch (error) {
        lost.push([entry, error]); // the types have changed meanwhile
      }
    }
    this.targets.restore(head, kept);
    for (const [entry, error] of lost) this._emit("reject", entry, error);
  }

  /** The line is open. */
  opened(protocol, now) {
    if (protocol === frames.PROTOCOL) this.link.opened(this.targets.cursors);
    else this.link.drop(PROTOCOL_ERROR, `expected subprotocol ${frames.PROTOCOL}, got "${protocol}"`, now);
  }

  /** The page is shown, or the network is back. */
  wake(now) {
    this.link.wake(now, this.targets.seats.owed);
  }

  /** Take one message of the line; what is no frame ends the connection. */
  receive(data, now) {
    try {
      if (["connecting", "live"].includes(this.link.state)) this._judge(frames.decode(data), now);
    } catch (error) {
      this.link.drop(PROTOCOL_ERROR, `malformed frame: ${error.message}`, now);
    }
  }

  closed(code, reason, now, after) {
    this.link.closed(code, reason, now, after);
    if (this.link.state === "closed") this.targets.end(this.link.why);
  }

  tick(now) {
    this.link.tick(now, this.targets.seats.owed);
    if (this.link.ready) this.targets.tick(now);
  }

  close() {
    this.link.close();
    this.targets.end(this.link.why);
  }

  /** The replica of a target. A second call gives the same one, and asks again if the target refused or has stopped. */
  subscribe(target, options = {}) {
    frames.encode(options.params ?? null); // raises if it cannot be sent
    const replica = this.targets.replicas.get(target) ?? new Replica(target, options);
    if (options.update && options.update !== replica.update) {
      throw new TypeError(`${target} is subscribed already, with another update function`);
    }
    if (!this._follows(replica)) this.targets.add(replica);
    if (this.link.state !== "closed" && replica.standing === "out") this.targets.seats.join(replica);
    return replica;
  }

  unsubscribe(replica) {
    if (!this._follows(replica)) return;
    this.targets.replicas.delete(replica.target);
    if (this.link.state !== "closed" && replica.standing !== "out") this.targets.seats.leave(replica.target);
  }

  /** Send a message, now or with the next connection; `entry` has the `message` and comes back as effects. */
  dispatch(replica, entry) {
    const { target } = replica;
    Object.assign(entry, { target, kind: frames.CLIENT_MESSAGE, seq: null, sent: null, author: this.link.user });
    const refuse = (...why) => this._emit("reject", entry, new NupharError(...why));
    if (this.link.state === "closed") return refuse("gone", `the client is closed: ${this.link.why}`);
    if (!this._follows(replica)) return refuse("not_subscribed", `this client has left ${target}`);
    try {
      entry.payload = this.serialiser.encodeMessage(entry.message);
      entry.size = frames.encode(entry.payload, 1).length; // what cannot be sent fails now, connected or not
      const limit = this.link.clientId === null ? Infinity : this.link.limits.message; // without a Welcome nobody knows it
      const size = entry.size + ENVELOPE;
      if (size > limit) return refuse("too_large", `a message has at most ${limit} bytes, got ${size}`);
      const { length } = this.targets.messages;
      if (length >= MESSAGES || this.bytes + entry.size > BYTES) {
        return refuse("busy", `${length} messages of ${this.bytes} bytes wait; ${MESSAGES} of ${BYTES} may`);
      }
      if (replica.show(entry)) this._emit("change", replica, replica.model, entry.message);
    } catch (error) {
      return this._emit("reject", entry, error);
    }
    this.targets.ask(entry);
  }

  /** Change fields of a model that are this page's own. */
  assign(replica, fields) {
    replica.assign(fields);
    this._emit("change", replica, replica.model, null);
  }

  _judge(frame, now) {
    const [type, first, ...rest] = frame;
    const { targets, link, serialiser } = this;
    const early = link.state !== "live";
    if (early ? !EARLY.includes(type) : type === frames.WELCOME) throw new TypeError("expected one Welcome, first");
    link.heard(now);
    if (type === frames.WELCOME) return this._welcomed(frame, now);
    if (type === frames.PING) return this._emit("send", [frames.PONG, first]);
    if (type === frames.BYE) return link.bye(first, rest[0]);
    if (type === frames.ACKNOWLEDGE) return targets.acknowledged(first, ...rest);
    if (type === frames.REJECTED) return this._rejected(first, rest, now);
    if (type === frames.OUT) return targets.out(first, new NupharError(rest[0], rest[1]), rest[2], now);
    const replica = targets.replicas.get(first);
    if (replica === undefined) return; // a target that was left, or a frame without one
    if (type === frames.SERVER_MESSAGE) targets.place(replica, rest[0], serialiser.decodeMessage(rest[1]), null, rest[2]);
    else if (type === frames.SNAPSHOT) targets.replace(replica, rest[0], rest[1], serialiser.decodeModel(rest[2]));
    else if (type === frames.PUSH) this._emit("push", replica, serialiser.decodeMessage(rest[0]));
    else if (type === frames.PRESENCE) this._emit("presence", replica, rest);
  }

  _welcomed(frame, now) {
    this.link.welcome(frame, now);
    this._emit("keep"); // in front of what is sent: whoever restores it knows what may have been sent
    this.targets.greet(frame[4]);
  }

  /** With ref 0 something of ours could not be read, which concerns the connection and says nothing of any target. */
  _rejected(ref, [, ...why], now) {
    if (ref === 0) this.link.refused(...why);
    else this.targets.rejected(ref, new NupharError(...why), now);
  }

  _follows(replica) {
    return this.targets.replicas.get(replica.target) === replica;
  }

  _emit(kind, ...what) {
    this.effects.push(kind === "send" ? [kind, frames.encode(what[0])] : [kind, ...what]);
  }
}

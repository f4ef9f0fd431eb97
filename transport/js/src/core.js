/**
 * What a client does, without socket, timer or page: bytes and times go in, effects come out. Pure.
 * `effects`, in order: ["open"] · ["send", bytes] · ["close", code] · ["state"] · ["resolve", entry, seq] ·
 * ["reject", entry, error] · ["change", slice, model, message or null] · ["push", slice, message] ·
 * ["presence", slice, [joins, leaves, full]] · ["fault", error] (a program's `update` raised).
 */
import { Backoff } from "./backoff.js";
import { NupharError } from "./errors.js";
import * as frames from "./frames.js";
import { Link, PROTOCOL_ERROR } from "./link.js";
import { Slice } from "./slice.js";
import { Targets } from "./targets.js";

const HELD = 256; // messages that wait for a connection; a page that is offline for long must not fill its memory
const ENVELOPE = 280; // bytes around a payload at most: a ref of 9, a target of 263, and the heads
const EARLY = [frames.WELCOME, frames.REJECTED, frames.PING, frames.PONG, frames.BYE];

export class Core {
  effects = [];
  _held = [];
  _targets;

  constructor({ serialiser, random }) {
    const emit = this._emit.bind(this);
    this.serialiser = serialiser;
    this.link = new Link({ backoff: new Backoff({ random }), emit });
    this._targets = new Targets({ serialiser, random, emit });
  }

  /** When `tick` wants to be called next; Infinity for never. */
  get deadline() {
    return Math.min(this.link.deadline ?? Infinity, this.link.ready ? this._targets.deadline : Infinity);
  }

  /** The socket is open. */
  opened(protocol, now) {
    if (protocol === frames.PROTOCOL) this.link.opened();
    else this.link.drop(PROTOCOL_ERROR, `expected subprotocol ${frames.PROTOCOL}, got "${protocol}"`, now);
  }

  /** Take one message of the socket; what is no frame ends the connection. */
  receive(data, now) {
    try {
      if (["connecting", "live"].includes(this.link.state)) this._judge(frames.decode(data), now);
    } catch (error) {
      this.link.drop(PROTOCOL_ERROR, `malformed frame: ${error.message}`, now);
      this._settle();
    }
  }

  closed(code, reason, now) {
    this.link.closed(code, reason, now);
    this._settle();
  }

  tick(now) {
    this.link.tick(now);
    this._settle();
    if (this.link.ready) this._targets.tick(now);
  }

  close() {
    this.link.close();
    this._settle();
  }

  /** The slice of a target. A second call gives the same one, and asks again if the target refused or has stopped. */
  subscribe(target, options = {}) {
    const { slices } = this._targets;
    frames.encode(options.params ?? null); // raises if it cannot be sent
    const slice = slices.get(target) ?? new Slice(target, options);
    if (options.update && options.update !== slice.update) {
      throw new TypeError(`${target} is subscribed already, with another update function`);
    }
    slices.set(target, slice);
    if (this.link.ready && slice.standing === "out") this._targets.join(slice);
    return slice;
  }

  unsubscribe(slice) {
    if (!this._follows(slice)) return;
    this._targets.slices.delete(slice.target);
    if (this.link.ready) this._targets.leave(slice);
  }

  /** Send a message, or hold it until there is a connection; `entry` has the `message` and comes back as effects. */
  dispatch(slice, entry) {
    Object.assign(entry, { slice, kind: frames.CLIENT_MESSAGE, seq: null });
    const refuse = (...why) => this._emit("reject", entry, new NupharError(...why));
    if (this.link.state === "closed") return refuse("gone", `the client is closed: ${this.link.why}`);
    if (!this._follows(slice)) return refuse("not_subscribed", `this client has left ${slice.target}`);
    if (!this.link.ready && this._held.length >= HELD) return refuse("busy", `${HELD} messages wait for a connection`);
    try {
      entry.payload = this.serialiser.encodeMessage(entry.message);
      const size = frames.encode(entry.payload).length + ENVELOPE; // what cannot be sent fails now, held or not
      const limit = this.link.limits.message;
      if (size > limit) return refuse("too_large", `a message has at most ${limit} bytes, got ${size}`);
      if (slice.show(entry)) this._emit("change", slice, slice.model, entry.message);
    } catch (error) {
      return this._emit("reject", entry, error);
    }
    this.link.ready ? this._targets.send(entry) : this._held.push(entry);
  }

  _judge(frame, now) {
    const [type, first, ...rest] = frame;
    const targets = this._targets;
    const early = this.link.state !== "live";
    if (early ? !EARLY.includes(type) : type === frames.WELCOME) throw new TypeError("expected one Welcome, first");
    this.link.heard(now);
    if (type === frames.WELCOME) return this._welcomed(frame, now);
    if (type === frames.PING) return this._emit("send", [frames.PONG, first]);
    if (type === frames.BYE) return this.link.bye(first, rest[0]);
    if (type === frames.ACKNOWLEDGE) return targets.acknowledged(first, ...rest);
    if (type === frames.REJECTED) return this._rejected(first, rest, now);
    const slice = targets.slices.get(first);
    if (slice === undefined) return; // a target that was left, or a frame without one
    if (type === frames.SERVER_MESSAGE) targets.place(slice, rest[0], this.serialiser.decodeMessage(rest[1]));
    else if (type === frames.SNAPSHOT) targets.replace(slice, rest[0], rest[1], this.serialiser.decodeModel(rest[2]));
    else if (type === frames.PUSH) this._emit("push", slice, this.serialiser.decodeMessage(rest[0]));
    else if (type === frames.PRESENCE) this._emit("presence", slice, rest);
  }

  _welcomed(frame, now) {
    this.link.welcome(frame, now);
    this._targets.greet(frame[4]);
    for (const entry of this._held.splice(0)) this._targets.send(entry);
  }

  _rejected(ref, [target, ...why], now) {
    if (ref === 0 && target === null) this.link.refused(...why);
    else this._targets.rejected(ref, target, new NupharError(...why), now);
  }

  _follows(slice) {
    return this._targets.slices.get(slice.target) === slice;
  }

  _settle() {
    const { state, why } = this.link;
    if (state !== "live") this._targets.lost();
    const gone = state === "closed" ? this._held.splice(0) : [];
    for (const entry of gone) this._emit("reject", entry, new NupharError("gone", why));
  }

  _emit(kind, ...what) {
    this.effects.push(kind === "send" ? [kind, frames.encode(what[0])] : [kind, ...what]);
  }
}

/**
 * What a client asked and is told about its targets: which ref waits for which answer, and what an answer moves. Pure.
 *
 * A ref is given when something is asked, with or without a connection. What has no answer is sent with the next one:
 * under the same refs if the session goes on, under new ones if it does not.
 */
import { NupharError } from "./errors.js";
import * as frames from "./frames.js";
import { Seats } from "./seats.js";
import { APPLIED, GAP } from "./replica.js";
import { Turns } from "./turns.js";

const JUMP = 1_000_000; // refs that a page may have used since it last wrote down how far it was

export class Targets {
  replicas = new Map();
  /** What has no answer yet, by ref, in the order of refs. `sent` is the connection it first went out on, or null. */
  waiting = new Map();
  ref = 0;
  /** The highest ref that may have been sent. */
  reached = 0;
  /** Rises whenever `waiting` or what was sent of it changes. */
  version = 0;
  _connection = 0;
  /** Targets that an earlier page followed. */
  orphans = [];

  constructor({ serialiser, random, emit, link }) {
    Object.assign(this, { serialiser, emit, link, _turns: new Turns(link) });
    const told = (replica) => emit("change", replica, replica.model, null);
    this.seats = new Seats({ replicas: this.replicas, link, random, ask: this.ask.bind(this), told });
  }

  /** Messages without an answer, in their order. */
  get messages() {
    return [...this.waiting.values()].filter((entry) => entry.kind === frames.CLIENT_MESSAGE);
  }

  /** The places that a server may go on from. */
  get cursors() {
    return Object.fromEntries([...this.replicas.values()].flatMap(({ target, cursor }) => (cursor ? [[target, cursor]] : [])));
  }

  /** Go on after a Welcome. A session that was resumed is subscribed already, a new one knows nothing. */
  greet(resumed) {
    const before = [...this.waiting.values()];
    for (const entry of before) Object.assign(entry, { againAt: null, batch: 0 });
    this.version += 1;
    this._connection += 1;
    this._turns.begin();
    if (resumed) {
      this.link.nameOthers(this.cursors); // in front of what is sent again, as what was missed comes before its answers
      before.forEach((entry) => this._transmit(entry));
      this.orphans.filter((target) => !this.replicas.has(target)).forEach((target) => this.seats.leave(target));
    } else this._beginAnew();
    this.orphans = [];
    for (const replica of this.replicas.values()) {
      replica.asking = false;
      if (replica.standing === "out") this.seats.join(replica);
    }
    if (resumed) return;
    for (const entry of before) {
      if (entry.kind !== frames.CLIENT_MESSAGE) continue;
      if (entry.sent === null) this.ask(entry);
      else this.refuse(entry, new NupharError("unknown_outcome", "the session ended before the answer came"));
    }
  }

  /** Take over what an earlier page left behind, in front of what this one has asked. `targets` are those it followed. */
  restore({ ref, reached, targets }, entries) {
    this.orphans = targets;
    this.reached = reached;
    this.version += 1;
    const later = [...this.waiting.values()];
    this.waiting = new Map(entries.map((entry) => [entry.ref, entry]));
    this.ref = JUMP + Math.max(ref, ...this.waiting.keys());
    later.forEach((entry) => this.ask(entry));
    for (const replica of this.replicas.values()) {
      const own = entries.filter(({ target }) => target === replica.target);
      if (own.length === 0) continue;
      replica.adopt(own);
      this.emit("change", replica, replica.model, null);
    }
  }

  /** When to call `tick`; Infinity for never. */
  get deadline() {
    return Math.min(this.seats.deadline, this._turns.deadline);
  }

  tick(now) {
    this.seats.tick(now);
    if (this._turns.tick(now, this.waiting)) this._release();
  }

  add(replica) {
    this.replicas.set(replica.target, replica);
    replica.adopt(this._own(replica.target));
  }

  /** Give the next ref to an entry, and send it if that is possible now. */
  ask(entry) {
    this.version += 1;
    this.ref += 1;
    entry.ref = this.ref;
    this.waiting.set(entry.ref, entry);
    if (this.link.ready) this._transmit(entry);
  }

  /** There will be no other connection. */
  end(why) {
    for (const entry of this.messages) {
      const lost = ["unknown_outcome", "the client was closed before the answer came"];
      this.refuse(entry, new NupharError(...(entry.sent === null ? ["gone", why] : lost)));
    }
    this.waiting.clear();
  }

  acknowledged(target, seq, refs, final, extra) {
    const replica = this.replicas.get(target);
    this._turns.heard(target);
    refs.forEach((ref, index) => {
      const told = extra && Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, values?.[index]]));
      this._answered(replica, ref, Math.max(0, seq - refs.length + 1 + index), told);
    });
    this._release();
    if (!final || !replica) return;
    this._own(target).forEach((entry) => this.refuse(entry, new NupharError("unknown_outcome", `${target} has stopped`)));
    this._reset(replica);
    replica.standing = "out";
    this.seats.fill();
  }

  /** The answer to what was asked with `ref`: no. */
  rejected(ref, error, now) {
    const entry = this.waiting.get(ref);
    if (entry && error.code === "rate_limited") return this._turns.pause(entry, error.details, now); // it is kept
    const replica = entry?.replica;
    this.waiting.delete(ref);
    if (entry?.kind === frames.CLIENT_MESSAGE) this.refuse(entry, error);
    // Who is in stays in: it came back, was brought up to date by that, and had asked once more.
    else if (replica?.standing === "asked" && this.replicas.get(replica.target) === replica) this.seats.shutOut(replica, error, now);
    this._release();
  }

  /** This client is out of a target. `ref` is that of the Subscribe which had let it in, or 0: a later one has its own answer. */
  out(target, error, ref, now) {
    const replica = this.replicas.get(target);
    const asked = [...this.waiting.values()].findLast((entry) => entry.replica === replica);
    if (!replica || replica.standing === "out") return;
    replica.standing = "asked";
    if (asked && asked.ref !== ref) return;
    this.waiting.delete(asked?.ref);
    this.seats.shutOut(replica, error, now);
    this._release();
  }

  /** Apply the message at `seq` of a target's order; a gap before it asks for what is missing. */
  place(replica, seq, message, entry, extra) {
    let outcome;
    this._turns.heard(replica.target);
    try {
      outcome = replica.place(seq, message, entry, extra);
    } catch (error) {
      this.emit("fault", error);
      if (entry !== null) entry.seq = seq;
      replica.distrust();
      this._ask(replica);
    }
    if (outcome === APPLIED) this.emit("change", replica, replica.model, message);
    // The answer to a message of an earlier connection may come ahead of the snapshot that it is part of.
    if (outcome === GAP && (seq === replica.seq + 1 || !(entry?.sent < this._connection))) this._ask(replica);
  }

  replace(replica, epoch, seq, model) {
    replica.replace(epoch, seq, model);
    this._turns.heard(replica.target);
    this.emit("change", replica, replica.model, null);
  }

  /** End a message with an error: its sender is told, and it is taken back. */
  refuse(entry, error) {
    this.version += 1;
    if (this.waiting.get(entry.ref) === entry) this.waiting.delete(entry.ref);
    this.emit("reject", entry, error);
    const replica = this.replicas.get(entry.target);
    if (replica?.forget(entry)) this.emit("change", replica, replica.model, null);
  }

  _answered(replica, ref, seq, extra) {
    // One that was answered before may be told again, in its place, when a gap is filled.
    const entry = this.waiting.get(ref) ?? replica?.pending.find((other) => other.ref === ref);
    const first = this.waiting.delete(ref);
    this.version += 1;
    if (entry === undefined) {
      if (replica?.epoch != null && seq === replica.seq + 1) this._ask(replica); // sent by an earlier page
    } else if (entry.kind === frames.SUBSCRIBE) {
      replica = entry.replica;
      // No order, or an empty one, and no snapshot since it was asked: the order that we were in is over.
      if (!seq && replica.seq && replica.standing === "asked") this._reset(replica);
      replica.enter();
    } else if (entry.kind === frames.CLIENT_MESSAGE) {
      if (first) this.emit("resolve", entry, seq);
      if (replica) this.place(replica, seq, entry.message, entry, extra);
    }
  }

  _own(target) {
    return this.messages.filter((entry) => entry.target === target);
  }

  /** The order that it was in is over. */
  _reset(replica) {
    replica.reset();
    replica.adopt(this._own(replica.target));
    this.emit("change", replica, replica.model, null);
  }

  _beginAnew() {
    this.waiting.clear();
    this.ref = this.reached = 0;
    for (const replica of this.replicas.values()) {
      replica.standing = "out";
      for (const entry of replica.pending) entry.ref = null; // a ref means nothing in another session
    }
  }

  _ask(replica) {
    if (!replica.asking) this.emit("send", [frames.RESYNC, { [replica.target]: replica.cursor }]);
    replica.asking = true;
    replica.standing = "in";
  }

  /** Send what was held back, as far as that is possible now. */
  _release() {
    if (this.link.ready) this.waiting.forEach((entry) => entry.held && this._transmit(entry));
  }

  _transmit(entry) {
    const { kind, ref, target, replica, payload } = entry;
    if (this._turns.mustWait(entry, this.waiting)) return;
    const tooLarge = this._turns.tooLarge(entry);
    if (tooLarge) return kind === frames.SUBSCRIBE ? this.rejected(ref, tooLarge) : this.refuse(entry, tooLarge);
    entry.sent ??= this._connection;
    this.reached = Math.max(this.reached, ref);
    const rest = { [frames.SUBSCRIBE]: [replica?.cursor, replica?.params], [frames.CLIENT_MESSAGE]: [payload] }[kind] ?? [];
    this.emit("send", [kind, ref, target, ...rest]);
  }
}

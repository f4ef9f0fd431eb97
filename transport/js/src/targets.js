/**
 * What a client asked and is told about its targets: which ref waits for which answer, and what an answer moves. Pure.
 */
import { NupharError } from "./errors.js";
import * as frames from "./frames.js";
import { APPLIED, GAP } from "./slice.js";

const LATER = ["busy", "rate_limited"]; // refusals that pass by themselves; details may hold the seconds to wait

export class Targets {
  slices = new Map();
  _waiting = new Map();
  _ref = 0;

  constructor({ serialiser, random, emit }) {
    Object.assign(this, { serialiser, random, emit });
  }

  get deadline() {
    return Math.min(...[...this.slices.values()].map((slice) => slice.againAt ?? Infinity));
  }

  /** Catch up after a Welcome: one Resync for all that has a place in an order, a Subscribe for everything else. */
  greet(resumed) {
    if (!resumed) this._ref = 0;
    const [known, others] = [[], []];
    for (const slice of this.slices.values()) {
      (slice.epoch === null || slice.params !== null ? others : known).push(slice); // a Resync carries no params
    }
    if (known.length > 0) this._resync(known);
    others.forEach((slice) => this.join(slice));
  }

  join(slice) {
    slice.standing = "asked";
    slice.againAt = null;
    const ref = this._expect({ slice, kind: frames.SUBSCRIBE });
    this.emit("send", [frames.SUBSCRIBE, ref, slice.target, slice.cursor, slice.params]);
  }

  leave(slice) {
    this.emit("send", [frames.UNSUBSCRIBE, this._expect({ slice, kind: frames.UNSUBSCRIBE }), slice.target]);
  }

  send(entry) {
    this.emit("send", [frames.CLIENT_MESSAGE, this._expect(entry), entry.slice.target, entry.payload]);
  }

  /** The connection is gone: nobody can say what became of the messages that have no answer yet. */
  lost() {
    for (const slice of this.slices.values()) Object.assign(slice, { standing: "out", asking: false, againAt: null });
    this._disown(() => true, "the connection was lost before the answer came");
  }

  tick(now) {
    for (const slice of this.slices.values()) if (slice.againAt !== null && slice.againAt <= now) this.join(slice);
  }

  acknowledged(target, seq, refs, final) {
    const slice = this.slices.get(target);
    refs.forEach((ref, index) => this._answered(slice, ref, Math.max(0, seq - refs.length + 1 + index)));
    if (!final || slice === undefined) return;
    this._disown((entry) => entry.slice === slice, `${target} has stopped`);
    slice.reset();
    slice.standing = "out";
    this.emit("change", slice, slice.model, null);
  }

  rejected(ref, target, error, now) {
    const entry = this._waiting.get(ref);
    this._waiting.delete(ref);
    const slice = this.slices.get(target);
    if (entry?.kind === frames.CLIENT_MESSAGE) this._refuse(entry, error);
    else if (entry?.kind === frames.SUBSCRIBE && entry.slice === this.slices.get(entry.slice.target)) {
      this._shutOut(entry.slice, error, now);
    } else if (ref === 0 && slice !== undefined) this._shutOut(slice, error, now); // the answer to a Resync
  }

  /** Apply the message at `seq` of a target's order; a gap before it asks for what is missing. */
  place(slice, seq, message, entry = null) {
    let outcome;
    try {
      outcome = slice.place(seq, message, entry);
    } catch (error) {
      this.emit("fault", error);
      if (entry !== null) entry.seq = seq;
      slice.distrust();
      outcome = GAP;
    }
    if (outcome === APPLIED) this.emit("change", slice, slice.model, message);
    if (outcome === GAP) this._ask(slice);
  }

  replace(slice, epoch, seq, model) {
    slice.replace(epoch, seq, model);
    this.emit("change", slice, slice.model, null);
  }

  _answered(slice, ref, seq) {
    const entry = this._waiting.get(ref);
    this._waiting.delete(ref);
    if (entry === undefined) {
      if (slice?.epoch != null && seq > slice.seq) this._ask(slice); // sent before the last loss
    } else if (entry.kind === frames.SUBSCRIBE) {
      entry.slice.enter();
    } else if (entry.kind === frames.CLIENT_MESSAGE) {
      this.emit("resolve", entry, seq);
      if (entry.slice === slice) this.place(slice, seq, entry.message, entry);
    }
  }

  _shutOut(slice, error, now) {
    Object.assign(slice, { standing: "out", error });
    slice.distrust();
    const seconds = typeof error.details === "number" ? error.details : 1;
    const patience = Math.min(2 ** slice.refusals, 30) * this.random();
    if (LATER.includes(error.code)) slice.againAt = now + 1000 * (seconds + patience);
    slice.refusals += 1;
    this.emit("change", slice, slice.model, null);
  }

  _disown(condition, text) {
    for (const [ref, entry] of this._waiting) {
      if (!condition(entry)) continue;
      this._waiting.delete(ref);
      if (entry.kind === frames.CLIENT_MESSAGE) this._refuse(entry, new NupharError("unknown_outcome", text));
    }
  }

  _refuse(entry, error) {
    this.emit("reject", entry, error);
    if (entry.slice.forget(entry)) this.emit("change", entry.slice, entry.slice.model, null);
  }

  _ask(slice) {
    if (!slice.asking) this._resync([slice]);
    slice.asking = true;
  }

  _resync(slices) {
    this.emit("send", [frames.RESYNC, Object.fromEntries(slices.map((slice) => [slice.target, slice.cursor]))]);
    for (const slice of slices) slice.standing = "in";
  }

  _expect(entry) {
    this._ref += 1;
    this._waiting.set(this._ref, entry);
    return this._ref;
  }
}

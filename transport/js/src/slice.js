/**
 * One target's slice: the confirmed model, its place in the target's order, and own messages shown early. Pure.
 *
 * Shown is always `model = confirmed + pending`, applied in order; a confirmed message moves the first part, an
 * own message that waits for its answer is in the second.
 */

/** What became of a message: applied and visible, applied but on show already, known already, or too early. */
export const APPLIED = "applied";
export const SEEN = "seen";
export const OLD = "old";
export const GAP = "gap";

export class Slice {
  /** `standing`: "out" · "asked" (a Subscribe is under way) · "in". */
  standing = "out";
  error = null;
  againAt = null;
  refusals = 0;

  constructor(target, { update = null, initial = undefined, optimistic = false, params = null } = {}) {
    Object.assign(this, { target, update, initial, optimistic, params });
    this.reset();
  }

  /** Forget everything that the server said. */
  reset() {
    this.epoch = null;
    this.seq = 0;
    this.confirmed = this.model = this.initial;
    this.pending = [];
    this.asking = false;
  }

  /** Where to go on from; null asks for a snapshot, the only way on for a store without `update`. */
  get cursor() {
    return this.update !== null && this.epoch !== null ? [this.epoch, this.seq] : null;
  }

  /** The server has let this client in. */
  enter() {
    Object.assign(this, { standing: "in", error: null, refusals: 0 });
  }

  /** Stop trusting the model (it stays on show): nothing is applied until the next snapshot. */
  distrust() {
    this.epoch = null;
    this.asking = false;
  }

  /** Replace the confirmed model. Own messages that were acknowledged are part of it, the others stay on show. */
  replace(epoch, seq, model) {
    Object.assign(this, { epoch, seq, confirmed: model, asking: false });
    this.enter();
    this.pending = this.pending.filter((entry) => entry.seq === null);
    this._rebase();
  }

  /** Apply the message at `seq`, `entry` if it is an own one. If `update` raises, it raises that and did nothing. */
  place(seq, message, entry = null) {
    if (this.epoch === null || seq <= this.seq) {
      return this.forget(entry) ? APPLIED : OLD; // a snapshot has brought it already: it was on show twice
    }
    if (seq !== this.seq + 1) {
      if (entry !== null) entry.seq = seq; // acknowledged: it stays on show until the order has caught up
      return GAP;
    }
    if (this.update !== null) this.confirmed = this.update(this.confirmed, message);
    this.seq = seq;
    this.asking = false;
    const shown = entry !== null && this.pending[0] === entry;
    this.pending = this.pending.filter((other) => other !== entry && (other.seq === null || other.seq > seq));
    if (shown) return SEEN;
    this._rebase();
    return APPLIED;
  }

  /** Show an own message before it is confirmed, if this store does so. Raises what `update` raises. */
  show(entry) {
    if (!this.optimistic || this.update === null) return false;
    if (this.epoch !== null) this.model = this.update(this.model, entry.message);
    this.pending.push(entry);
    return this.epoch !== null;
  }

  /** Take back an own message; true if it was on show. */
  forget(entry) {
    if (!this.pending.includes(entry)) return false;
    this.pending = this.pending.filter((other) => other !== entry);
    this._rebase();
    return true;
  }

  _rebase() {
    this.model = this.confirmed;
    if (this.epoch === null) return;
    for (const { message } of this.pending) {
      try {
        this.model = this.update(this.model, message);
      } catch {
        // It does not fit the new model, so it is not shown; whether it is applied is the server's to say.
      }
    }
  }
}

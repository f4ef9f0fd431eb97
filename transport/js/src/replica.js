/**
 * One target's replica: the confirmed model, its place in the target's order, and own messages without a place yet. Pure.
 *
 * The model of an optimistic replica is always `confirmed` with `pending` applied in order, as far as they fit.
 */

/** What became of a message: applied and visible, applied but on show already, known already, or too early. */
export const APPLIED = "applied";
export const SEEN = "seen";
export const OLD = "old";
export const GAP = "gap";

/** Of a message of which the server tells nothing. */
const NOBODY = { author: null, at: null };

export class Replica {
  /** `standing`: "out" · "asked" (a Subscribe is under way) · "in". */
  standing = "out";
  error = null;
  againAt = null;
  refusals = 0;
  /** Does the server tell of each message who wrote it, or when? */
  told = false;

  constructor(target, { update = null, initial = undefined, optimistic = false, params = null, local = [] } = {}) {
    Object.assign(this, { target, update, initial, params, local });
    this.optimistic = optimistic && update !== null;
    this.reset();
  }

  /** Forget everything that the server said. */
  reset() {
    this.seq = 0;
    this.pending = [];
    this.distrust();
    this._base(this.initial);
  }

  /** Where to go on from; null asks for a snapshot, the only way on for a store without `update`. */
  get cursor() {
    return this.update !== null && this.epoch !== null ? [this.epoch, this.seq] : null;
  }

  /** The server has let this client in. */
  enter() {
    Object.assign(this, { standing: "in", error: null, refusals: 0, asking: false });
  }

  /** Stop trusting the model (it stays on show): nothing is applied until the next snapshot. */
  distrust() {
    this.epoch = null;
    this.asking = false;
  }

  /** Replace the confirmed model. Own messages that were answered are part of it, the others stay pending. */
  replace(epoch, seq, model) {
    Object.assign(this, { epoch, seq });
    this.enter();
    this.pending = this.pending.filter((entry) => entry.seq === null);
    this._base(model);
  }

  /** Change fields that only this page knows. Raises TypeError for a field that is not one of them. */
  assign(fields) {
    const stranger = Object.keys(fields).find((name) => !this.local.includes(name));
    if (stranger !== undefined) throw new TypeError(`${stranger} is no local field; those are ${this.local.join(", ")}`);
    this.confirmed = { ...this.confirmed, ...fields };
    this._rebase();
  }

  /**
   * Apply the message at `seq`, `entry` if it is an own one, of which the server tells `extra`; an answer that was
   * repeated tells less, so what is missing is asked for. If `update` raises, it raises that and did nothing.
   */
  place(seq, message, entry = null, extra = undefined) {
    const tooLittle = entry !== null && this.told && !extra && seq === this.seq + 1;
    const early = this.epoch === null ? seq > 0 : seq > this.seq + 1 || tooLittle;
    if (entry !== null && early) entry.seq = seq; // answered: pending until a snapshot, or the order, has caught up
    if (this.epoch === null || seq <= this.seq) {
      return !early && this.forget(entry) ? APPLIED : OLD; // a snapshot has brought it already: it was on show twice
    }
    if (early) return GAP;
    this.told ||= extra !== undefined;
    if (this.update !== null) this.confirmed = this.update(this.confirmed, message, { ...NOBODY, ...extra, seq });
    this.seq = seq;
    this.enter(); // whoever hears a message of the order is in
    const shown = this.optimistic && entry !== null && this.pending[0] === entry && this.update.length < 3;
    this.pending = this.pending.filter((other) => other !== entry && (other.seq === null || other.seq > seq));
    if (shown) return SEEN;
    this._rebase();
    return APPLIED;
  }

  /** Add an own message; true if it shows. If `update` raises, it raises that and did nothing. */
  show(entry) {
    const shows = this.optimistic && this._based;
    if (shows) this.model = this._guess(this.model, entry, this.pending.length);
    this.pending.push(entry);
    return shows;
  }

  /** Put own messages of an earlier life in front of the others. */
  adopt(entries) {
    this.pending.unshift(...entries);
    this._rebase();
  }

  /** Take back an own message; true if it may have been on show. */
  forget(entry) {
    if (!this.pending.includes(entry)) return false;
    this.pending = this.pending.filter((other) => other !== entry);
    this._rebase();
    return this.optimistic;
  }

  /** Put `model` under the pending messages; local fields stay what they were. */
  _base(model) {
    const kept = this.local.filter((name) => Object.hasOwn(this.confirmed ?? {}, name));
    this._based = model !== undefined;
    this.confirmed = kept.length > 0 ? { ...model, ...Object.fromEntries(kept.map((name) => [name, this.confirmed[name]])) } : model;
    this._rebase();
  }

  _rebase() {
    this.model = this.confirmed;
    if (!this.optimistic || !this._based) return;
    this.pending.forEach((entry, index) => {
      try {
        this.model = this._guess(this.model, entry, index);
      } catch {
        // It does not fit the new model, so it is not shown; whether it is applied is the server's to say.
      }
    });
  }

  /** Apply an own message before the server has said who wrote it, and when: a guess. */
  _guess(model, { message, author = null, at = null }, index) {
    return this.update(model, message, { author, at, seq: this.seq + 1 + index });
  }
}

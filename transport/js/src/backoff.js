/**
 * How long to wait before the next attempt: exponential back-off with full jitter. Pure.
 *
 * Full jitter (any time between nothing and the ceiling) spreads a thousand clients that lost the same server.
 */
export class Backoff {
  _attempt = 0;

  /** Times in milliseconds; `random()` gives a number in [0, 1). */
  constructor({ random, base = 1000, factor = 2, cap = 30_000 }) {
    Object.assign(this, { random, base, factor, cap });
  }

  /** The next wait in milliseconds: below `base` first, then below twice that, and never above `cap`. */
  next() {
    const ceiling = Math.min(this.cap, this.base * this.factor ** this._attempt);
    this._attempt += 1;
    return this.random() * ceiling;
  }

  /** Start over: an attempt was a success. */
  reset() {
    this._attempt = 0;
  }
}

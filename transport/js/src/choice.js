/**
 * Which of several transports to connect with: the first that gets through. Pure.
 *
 * One that fails several times in a row gives way to the next, and after the last the first has its turn again. While
 * a later one works, the first is tried beside it from time to time, and is gone back to when it opens.
 */
const FAILURES = 3; // in a row, of a transport that has never got through
const SETBACKS = 10; // in a row, of one that has: most likely it is the server that is away
const REST = 60_000; // milliseconds until the first is tried again; twice that after each time in vain
const LONGEST = 3_600_000;

export class Choice {
  /** The transport to connect with. */
  index = 0;
  /** When to try the first transport beside the present one; Infinity for never. */
  probeAt = Infinity;
  _failures = 0;
  _rest = REST;
  _proven = new Set();

  constructor(count) {
    this._count = count;
  }

  /** A connection ended without having brought a frame. */
  failed() {
    this._failures += 1;
    if (this._failures < (this._proven.has(this.index) ? SETBACKS : FAILURES)) return;
    this._use((this.index + 1) % this._count);
  }

  /** A connection brought its first frame. */
  worked(now) {
    this._failures = 0;
    this._proven.add(this.index);
    if (this.index === 0) this._rest = REST;
    else this.probeAt = now + this._rest;
  }

  /** The first transport was tried at `probeAt`; true: it opens, so use it from now on. */
  probed(opened, now) {
    this._rest = Math.min(2 * this._rest, LONGEST); // until it has brought a frame, too
    if (opened) this._use(0);
    else this.probeAt = now + this._rest;
  }

  _use(index) {
    Object.assign(this, { index, probeAt: Infinity, _failures: 0 });
  }
}

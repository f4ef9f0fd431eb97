/** The one timer of a client. While the page is hidden a worker keeps the time, too, as the page's own timers are slowed down. */
const LONGEST = 2 ** 31 - 1; // milliseconds; a longer timer fires at once

export class Alarm {
  _timer = null;
  _at = Infinity;
  _worker = null;

  constructor(platform, ring) {
    this._platform = platform;
    this._ring = () => {
      platform.clearTimeout(this._timer);
      this._timer = null;
      ring();
    };
  }

  /** Ring at `at`, a time of the platform's clock; Infinity for never. It may ring too early, and is set again then. */
  set(at) {
    const early = this._timer !== null && this._at <= at; // so that a busy connection does not set it for each message
    if (early && at !== Infinity) return;
    this._platform.clearTimeout(this._timer);
    this._at = at;
    this._timer = at === Infinity ? null : this._platform.setTimeout(this._ring, this._delay);
    this._worker?.postMessage(this._delay);
  }

  /** The page is hidden, or is not. A worker that cannot be had is done without. */
  hide(hidden) {
    if (hidden === (this._worker !== null)) return;
    this._worker?.terminate();
    this._worker = null;
    if (!hidden) return;
    try {
      const worker = this._platform.worker();
      worker.onmessage = this._ring;
      worker.onerror = () => worker.terminate();
      worker.postMessage(this._delay);
      this._worker = worker;
    } catch {
      // There are no workers here, or a policy forbids them.
    }
  }

  get _delay() {
    return this._at === Infinity ? null : Math.min(LONGEST, Math.max(0, this._at - this._platform.now()));
  }
}

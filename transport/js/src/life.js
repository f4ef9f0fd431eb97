/**
 * Whether a line still lives, judged by what arrives on it. Pure; times are milliseconds of one monotonic clock.
 *
 * After a heartbeat of silence the server is asked, and again after each further one; the line is given up when
 * `patience` heartbeats have brought nothing. A browser shows nothing of a WebSocket message before it is whole, so a large
 * one on a slow line looks like silence: patience is twice as long while one may be under way, and doubles after each line
 * that was given up, until a line has lived through it in quiet. A transport that sees bytes arrive says so, and is never
 * given up while they do.
 */
const PATIENCE = 2; // heartbeats of silence on a line that owes nothing
const LARGE = 4; // while a Snapshot may be under way: at the usual heartbeat of 20 s one of 900 kB at 12 kB/s
const MOST = 32; // what it doubles up to: 10 min at the usual heartbeat
const CHECK = 5_000; // how long a server may take to answer when the page has come back and wants to know

export class Life {
  /** When to look again; null for never. */
  deadline = null;
  _heartbeat = 0;
  _learned = PATIENCE;
  _asked = 0;
  _hasty = false;
  _begun = 0;
  _last = 0;
  _fresh = false;

  /** A line has its Welcome; the heartbeat is in milliseconds, 0 for none. What a resumed session missed comes unasked. */
  begin(heartbeat, now, resumed) {
    this._heartbeat = heartbeat;
    this._begun = now;
    this._fresh = resumed;
    this.heard(now);
  }

  /** A frame arrived. */
  heard(now) {
    const age = now - this._begun;
    if (age > this._heartbeat) this._fresh = false;
    if (age > this._learned * this._heartbeat) this._learned = PATIENCE;
    this.grows(now);
  }

  /** Bytes of a frame arrived. */
  grows(now) {
    this._last = now;
    this._asked = 0;
    this._hasty = false;
    this.deadline = this._heartbeat > 0 ? now + this._heartbeat : null;
  }

  /** The deadline is over, and a Snapshot is owed, or is not: true to ask with a Ping, false to give the line up. */
  lasts(now, owed) {
    if (this._hasty) return false;
    const patience = this._patience(owed);
    const rest = this._heartbeat || CHECK;
    // A page that slept asks before it gives up.
    if (this._asked === 0 || now - this._last < patience * rest) return this._ask(now, rest);
    this._learned = Math.min(2 * patience, MOST);
    return false;
  }

  /** The page is back: true to ask with a Ping. The answer is not waited for long, unless something large may be on its way. */
  check(now, owed) {
    if (this._asked > 0) return false;
    this._hasty = this._patience(owed) === PATIENCE;
    return this._ask(now, (!this._hasty && this._heartbeat) || CHECK);
  }

  _patience(owed) {
    return Math.max(this._learned, owed || this._fresh ? LARGE : PATIENCE);
  }

  _ask(now, rest) {
    this._asked += 1;
    this.deadline = now + rest;
    return true;
  }
}

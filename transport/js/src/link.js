/**
 * The life of a connection: when to open, whether it is still alive, when to come back. Pure.
 *
 * Times are milliseconds of one monotonic clock and come in as `now`. What is to be done goes out through `emit`:
 * ("open"), ("send", frame), ("close", code), ("state").
 */
import { HELLO, PING, VERSION } from "./frames.js";

const HANDSHAKE = 10_000; // from opening a line to its Welcome; a TCP connect that is never answered takes minutes
const CHECK = 5_000; // how long a server may take to answer when the page has come back and wants to know

export const PROTOCOL_ERROR = 4400;
export const SESSION_GONE = 4404;
export const HEARTBEAT_MISSED = 4508;

export class Link {
  /** `state`: "connecting" · "live" · "offline" (waits for its next attempt) · "closed" (for good). */
  state = "connecting";
  why = "";
  /** The close code of the last connection that ended, or null. */
  code = null;
  clientId = null;
  limits = {};
  deadline = null;
  session = null;
  token = null;
  _heartbeat = 0;
  _asked = false;
  _pings = 0;
  _leaving = null;
  _notice = "";
  _restUntil = 0;

  constructor({ backoff, emit }) {
    Object.assign(this, { backoff, emit });
  }

  /** May messages be sent now? */
  get ready() {
    return this.state === "live" && this._leaving === null;
  }

  start(now) {
    this._leaving = null;
    this._notice = "";
    this._asked = false;
    this.emit("open");
    this._enter("connecting", this.why, now + HANDSHAKE);
  }

  /** The line is open: say hello, and resume the session if there was one, from these places. */
  opened(cursors = {}) {
    this.emit("send", [HELLO, VERSION, this.session, this.token, this.session === null ? {} : cursors, {}]);
  }

  welcome([, clientId, session, token, , limits, heartbeat], now) {
    Object.assign(this, { clientId, session, token, limits, code: null });
    this._heartbeat = heartbeat * 1000;
    this.backoff.reset();
    this._enter("live", "", null);
    this.heard(now);
  }

  /** Something arrived, so the server is alive. */
  heard(now) {
    if (this.state !== "live") return;
    this._asked = false;
    this._notice = "";
    this.deadline = this._heartbeat > 0 ? now + this._heartbeat : null;
  }

  /** The server is about to end the connection and says when to come back. */
  bye(reason, retryAfter) {
    this._leaving = { reason, rest: retryAfter * 1000 };
  }

  /** The server refused something of the connection itself: most likely the reason why it ends soon. */
  refused(code, text) {
    this._notice = `${code}: ${text}`;
  }

  tick(now) {
    if (this.deadline === null || now < this.deadline) return;
    if (this.state === "offline") this.start(now);
    else if (this.state === "connecting") this.drop(HEARTBEAT_MISSED, "no Welcome within 10 s", now);
    else if (this._asked) this.drop(HEARTBEAT_MISSED, "the server was silent", now);
    else this._check(now, this._heartbeat);
  }

  /** The line was closed by the server or the network. */
  closed(code, reason, now) {
    if (this.state === "offline" || this.state === "closed") return;
    this.code = code;
    const why = this._leaving?.reason || this._notice || reason || `the connection ended with code ${code}`;
    if (code === SESSION_GONE) this.session = this.token = null;
    else if (code >= 4400 && code < 4500) return this._enter("closed", why, null);
    this._comeBack(why, now);
  }

  /** End this connection from here, and come back. */
  drop(code, why, now) {
    this.code = code;
    this.emit("close", code);
    this._comeBack(why, now);
  }

  /** The network or the page is back: ask whether the server is there, or do not wait any longer if it allows that. */
  wake(now) {
    if (this.state === "live" && !this._asked) this._check(now, CHECK);
    if (this.state === "offline" && now >= this._restUntil) this.start(now);
  }

  /** There is a better way to the server: leave this line for it. */
  move(now) {
    this.emit("close", HEARTBEAT_MISSED); // any code but 1000, which would end the session
    this.start(now);
  }

  /** End for good. */
  close() {
    if (this.state === "closed") return;
    this.code = 1000;
    this.emit("close", 1000);
    this._enter("closed", "closed by this client", null);
  }

  _check(now, patience) {
    this._asked = true;
    this.emit("send", [PING, (this._pings += 1)]);
    this.deadline = now + patience;
  }

  _comeBack(why, now) {
    this._restUntil = now + (this._leaving?.rest ?? 0);
    this._enter("offline", why, this._restUntil + this.backoff.next());
  }

  _enter(state, why, deadline) {
    Object.assign(this, { state, why, deadline });
    this.emit("state");
  }
}

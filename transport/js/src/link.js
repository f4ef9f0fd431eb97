/**
 * The life of a connection: when to open, whether it is still alive, when to come back. Pure.
 *
 * Times are milliseconds of one monotonic clock and come in as `now`. What is to be done goes out through `emit`:
 * ("open"), ("send", frame), ("close", code), ("state").
 */
import { FIRST_AFTER, FIRST_FINAL, HEARTBEAT_MISSED, NORMAL_CLOSURE, SESSION_GONE, TOO_LARGE, UNAUTHORISED } from "./close-codes.js";
import { encode, HELLO, PING, RESYNC, VERSION } from "./frames.js";
import { Life } from "./life.js";
import { limitsOf } from "./limits.js";
import { secondsIn } from "./turns.js";
import { parts } from "./parts.js";

const HANDSHAKE = 10_000; // from opening a line to its Welcome; a TCP connect that is never answered takes minutes

export class Link {
  /** `state`: "connecting" · "live" · "offline" (waits for its next attempt) · "closed" (for good). */
  state = "connecting";
  why = "";
  /** The close code of the last connection that ended, or null. */
  code = null;
  clientId = null;
  /** Milliseconds, or 0 for none. */
  heartbeat = 0;
  /** What the last Welcome allows; see limits.js. */
  limits = limitsOf({});
  session = null;
  token = null;
  /** May a refusal be answered by other credentials? Then the second in a row is for good. */
  renewable = false;
  _refusals = 0;
  _deadline = null; // of an attempt, or of the rest before it
  _named = null; // the targets that a Hello had room for, if it had not for all
  _bare = false; // the last Hello was too large for this server
  _pings = 0;
  _leaving = null;
  _notice = "";
  _rest = 0;
  _restUntil = 0;

  constructor({ backoff, emit }) {
    Object.assign(this, { backoff, emit, life: new Life() });
  }

  /** When to call `tick`; null for never. */
  get deadline() {
    return this.state === "live" ? this.life.deadline : this._deadline;
  }

  /** May messages be sent now? */
  get ready() {
    return this.state === "live" && this._leaving === null;
  }

  start(now) {
    this._leaving = null;
    this._notice = "";
    this._rest = 0;
    this.emit("open");
    this._enter("connecting", this.why, now + HANDSHAKE);
  }

  /** The line is open: say hello, and resume the session if there was one, from as many places as there is room for. */
  opened(cursors = {}) {
    const hello = (...what) => [HELLO, VERSION, this.session, this.token, ...what];
    const room = this.limits.message - encode(hello({}, { more: true })).length;
    const [first = {}, ...others] = this.session === null || this._bare ? [] : parts(cursors, room);
    this._named = others.length > 0 || this._bare ? first : null;
    this.emit("send", hello(first, this._named ? { more: true } : {}));
  }

  /** The session was resumed: name the places that its Hello had no room for. An empty Resync says that this was all. */
  nameOthers(cursors) {
    if (this._named === null) return;
    const others = Object.entries(cursors).filter(([target]) => !Object.hasOwn(this._named, target));
    this._named = null;
    for (const part of [...parts(Object.fromEntries(others), this.limits.message), {}]) this.emit("send", [RESYNC, part]);
  }

  welcome([, clientId, session, token, resumed, limits, heartbeat, , extra], now) {
    this.user = extra?.user;
    Object.assign(this, { clientId, session, token, code: null, limits: limitsOf(limits), _bare: false });
    this.backoff.reset();
    this._refusals = 0;
    this.heartbeat = heartbeat * 1000;
    this.life.begin(this.heartbeat, now, resumed);
    this._enter("live", "", null);
  }

  /** A frame arrived, so the server is alive. */
  heard(now) {
    if (this.state === "live") this.life.heard(now);
  }

  /** A part of something arrived. */
  grows(now) {
    if (this.state === "live") this.life.grows(now);
    else if (this.state === "connecting") this._deadline = now + HANDSHAKE;
  }

  /** The server is about to end the connection and says when to come back. */
  bye(reason, retryAfter) {
    this._leaving = { reason, rest: retryAfter * 1000 };
  }

  /** The server refused something of the connection itself: most likely the reason why it ends soon. */
  refused(code, text, details) {
    this._notice = `${code}: ${text}`;
    this._rest = secondsIn(details, 0);
  }

  /** `owed`: a Snapshot was asked for. */
  tick(now, owed = false) {
    if (this.deadline === null || now < this.deadline) return;
    if (this.state === "offline") this.start(now);
    else if (this.state === "connecting") this.drop(HEARTBEAT_MISSED, "no Welcome within 10 s", now);
    else if (this.life.lasts(now, owed)) this._ping();
    else this.drop(HEARTBEAT_MISSED, "the server was silent", now);
  }

  /** The line was closed by the server or the network; `after` are seconds that it wants to be left alone. */
  closed(code, reason, now, after = 0) {
    if (this.state === "offline" || this.state === "closed") return;
    this.code = code;
    this._bare = code === TOO_LARGE && this.state === "connecting";
    const why = this._leaving?.reason || this._notice || reason || `the connection ended with code ${code}`;
    const mends = code === UNAUTHORISED && this.renewable && (this._refusals += 1) < 2;
    if (code === SESSION_GONE) this.session = this.token = null;
    else if (code >= FIRST_FINAL && code < FIRST_AFTER && !mends) return this._enter("closed", why, null);
    this._rest = Math.max(this._rest, after);
    this._comeBack(why, now);
  }

  /** End this connection from here, and come back. */
  drop(code, why, now) {
    this.code = code;
    this.emit("close", code);
    this._comeBack(why, now);
  }

  /** The network or the page is back: ask whether the server is there, or do not wait any longer if it allows that. */
  wake(now, owed = false) {
    if (this.state === "live" && this.life.check(now, owed)) this._ping();
    if (this.state === "offline" && now >= this._restUntil) this.start(now);
    if (this.state === "offline") this._deadline ??= this._restUntil + this.backoff.next();
  }

  /** The page is put away, and may come back: leave the line, keep the session, and try nothing before `wake`. */
  putAway(now) {
    if (this.state === "closed") return;
    if (this.state !== "offline") {
      this.emit("close", HEARTBEAT_MISSED);
      this._comeBack("the page is in the back/forward cache", now);
    }
    this._deadline = null;
  }

  /** There is a better way to the server: leave this line for it. */
  move(now) {
    this.emit("close", HEARTBEAT_MISSED); // any code but NORMAL_CLOSURE, which would end the session
    this.start(now);
  }

  /** There are new credentials: leave this line, which was opened with others, and open another one at once. */
  renew(renewable, now) {
    this.renewable = renewable;
    this._refusals = 0;
    this.backoff.reset();
    if (this.state === "offline") this.start(now);
    else this.move(now);
  }

  /** End for good. */
  close() {
    if (this.state === "closed") return;
    this.code = NORMAL_CLOSURE;
    this.emit("close", NORMAL_CLOSURE);
    this._enter("closed", "closed by this client", null);
  }

  _ping() {
    this.emit("send", [PING, (this._pings += 1)]);
  }

  _comeBack(why, now) {
    this._restUntil = now + Math.max(this._leaving?.rest ?? 0, 1000 * this._rest);
    this._enter("offline", why, this._restUntil + this.backoff.next());
  }

  _enter(state, why, deadline) {
    Object.assign(this, { state, why, _deadline: deadline });
    this.emit("state");
  }
}

/**
 * A server in small, as docs/wire.md has it: one target with an order, of which it remembers a few messages, and one
 * session at a time, which is resumed, or is not. Bytes go both ways through pipes that a test empties, or cuts.
 */
import { decode, encode } from "cborg";

const WINDOW = 6; // messages of the order that a place may lie behind
const REFS = 8; // the window of refs that its Welcome names

export class Server {
  epoch = 1;
  model = [];
  log = []; // {seq, payload, session, ref}
  session = null; // {id, subscribed, answers: Map ref -> [seq, epoch] or a refusal}
  down = []; // bytes on their way to the client
  /** Is the next message or Subscribe too much? */
  isTooMuch = () => false;
  _ping = 0; // the number of the Ping behind a refusal; until its Pong nothing passes by what was refused
  _pings = 0;
  greeted = false;
  _sessions = 0;

  constructor(update) {
    this.update = update;
  }

  get seq() {
    return this.model.length;
  }

  cut() {
    this.down = [];
    this.greeted = false;
    this._ping = 0;
  }

  /** The target begins anew, with what it had. */
  restart() {
    this.epoch += 1;
    this.log = [];
    this.model = [...this.model];
  }

  /** Somebody else's message. */
  publish(payload) {
    this._apply(payload, null, 0);
    if (this.greeted && this.session.subscribed) this._say([19, "topic:n", this.seq, payload]);
  }

  take(bytes) {
    const [kind, ...fields] = decode(bytes);
    if (kind === 25 && fields[0] === this._ping) this._ping = 0;
    if ((kind === 2 || kind === 4) && this._refuses(fields[0])) return;
    if (kind === 1) this._hello(fields);
    else if (kind === 2) this._subscribe(fields);
    else if (kind === 4) this._message(fields);
    else if (kind === 5) this._catchUp(fields[0]["topic:n"] ?? null);
  }

  /** What is too much at once, or was sent behind that before it could be heard, may come again, unless it was answered. */
  _refuses(ref) {
    if (this.session.answers.has(ref) || !(this._ping || this.isTooMuch())) return false;
    this._say([18, ref, "topic:n", "rate_limited", "slowly", { retry_after: 0.2 }]);
    if (this._ping === 0) this._say([7, (this._ping = this._pings += 1)]);
    return true;
  }

  _hello([, id, , cursors]) {
    const resumed = this.session !== null && this.session.id === id;
    if (!resumed) this.session = { id: `s${(this._sessions += 1)}`, subscribed: false, answers: new Map(), highest: 0 };
    this.greeted = true;
    this._say([16, "c", this.session.id, "t", resumed, { window: REFS }, 0, ""]);
    if (this.session.subscribed) this._catchUp(cursors["topic:n"] ?? null);
  }

  _subscribe([ref, , since]) {
    this.session.subscribed = true;
    this._catchUp(since);
    this._say([17, "topic:n", this.seq, [ref], false]);
  }

  _message([ref, , payload]) {
    const { answers, highest } = this.session;
    if (!answers.has(ref) && ref < highest) throw new Error(`refs rise: got ${ref} after ${highest}`);
    if (ref <= highest - REFS) throw new Error(`the answer to ${ref} is forgotten, as ${highest} has been here`);
    this.session.highest = Math.max(highest, ref);
    if (!answers.has(ref)) answers.set(ref, this._judge(ref, payload));
    const answer = answers.get(ref);
    if (answer === "denied") this._say([18, ref, "topic:n", "denied", "no", null]);
    else this._say([17, "topic:n", answer.epoch === this.epoch ? answer.seq : 0, [ref], false]);
  }

  _judge(ref, payload) {
    try {
      this._apply(payload, this.session.id, ref);
    } catch {
      return "denied";
    }
    return { seq: this.seq, epoch: this.epoch };
  }

  _apply(payload, session, ref) {
    this.model = this.update(this.model, payload);
    this.log = [...this.log, { seq: this.seq, payload, session, ref }].slice(-WINDOW);
  }

  _catchUp(since) {
    const [epoch, seq] = since ?? [null, 0];
    const own = (entry) => entry.session === this.session.id;
    const missed = this.log.filter((entry) => entry.seq > seq);
    if (epoch === `e${this.epoch}` && missed.length === this.seq - seq) {
      for (const entry of missed) {
        this._say(own(entry) ? [17, "topic:n", entry.seq, [entry.ref], false] : [19, "topic:n", entry.seq, entry.payload]);
      }
      return;
    }
    const behind = epoch === `e${this.epoch}`;
    for (const { seq, ref } of behind ? missed.filter(own) : []) this._say([17, "topic:n", seq, [ref], false]);
    const reason = behind ? "behind" : epoch === null ? "subscribed" : "restarted";
    this._say([21, "topic:n", `e${this.epoch}`, this.seq, this.model, reason]);
  }

  _say(frame) {
    this.down.push(encode(frame));
  }
}

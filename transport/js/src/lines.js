/** The lines of a client, one after the other: over which transport, with which token, and a better transport tried beside it. */
import { Choice } from "./choice.js";
import { ABNORMAL } from "./close-codes.js";
import { Credentials } from "./credentials.js";
import { trial } from "./trial.js";

export class Lines {
  credentials = new Credentials();
  /** What the line speaks, once it is open; else null. */
  protocol = null;
  _line = null;
  _heard = false;
  _trial = null;

  /** `act(decide)` has `decide(core, now)` called, and done what it says; `opened(core, now)` for each line that opens. */
  constructor({ transports, url, act, opened }) {
    Object.assign(this, { _transports: transports, _url: url, _act: act, _opened: opened, _choice: new Choice(transports.length) });
  }

  /** The name of the transport in use. */
  get transport() {
    return this._transports[this._choice.index].name;
  }

  /** When to call `probe`, while a line is live; Infinity for never. */
  get probeAt() {
    return this._choice.probeAt;
  }

  /** Open a line, once there is a token for it. */
  open() {
    const fail = (error) => this._act((core, now) => core.link.drop(ABNORMAL, `the function for token raised ${error}`, now));
    this.credentials.ask((token) => this._dial(token), fail);
  }

  send(bytes) {
    this._line?.send(bytes);
  }

  /** Say what a Welcome allows. */
  allow(limits) {
    Object.assign(this._line, limits);
  }

  /** End the line at once: on a dead network its close event takes minutes. */
  close(code) {
    this._leave()?.close(code);
  }

  /** A line that is left now has not failed. */
  excuse() {
    this._heard = true;
  }

  /** Try the first transport beside the present one, which stays if it does not open. */
  probe() {
    this._choice.probeAt = Infinity;
    this._trial = trial(this._transports[0], this._url, this.credentials, (opened) => {
      this._trial = null;
      this._act((core, now) => {
        this._choice.probed(opened, now);
        if (opened && core.link.state === "live") core.link.move(now);
      });
    });
  }

  /** Try nothing any more beside the present one. */
  calm() {
    this._trial?.();
  }

  _dial(token) {
    const mine = (decide) => (...what) => this._line === line && this._act((core, now) => decide(core, now, ...what));
    const line = this._transports[this._choice.index].connect(this._url, token);
    this._line = line;
    this._heard = false;
    line.onopen = mine((core, now, protocol) => {
      this.protocol = protocol;
      this._opened(core, now);
    });
    line.onframe = mine((core, now, data) => {
      if (!this._heard) this._choice.worked(now);
      this._heard = true;
      core.receive(data, now);
    });
    line.onprogress = mine((core, now) => core.link.grows(now));
    line.onclose = mine((core, now, code, reason, after) => {
      this._leave();
      core.closed(code, reason, now, after);
    });
  }

  _leave() {
    const line = this._line;
    this._line = this.protocol = null;
    this.credentials.cancel();
    if (line !== null && !this._heard) this._choice.failed();
    return line;
  }
}

/**
 * A client on a WebSocket: performs what the core decides, and tells the page. The only module with socket and timer.
 */
import { socketUrl, targetOf } from "./address.js";
import { Core } from "./core.js";
import { PROTOCOL } from "./frames.js";
import { Listeners } from "./listeners.js";
import { onlyKnown, platform } from "./platform.js";
import { automatic } from "./serialiser.js";
import { Store } from "./store.js";

const LONGEST = 2 ** 31 - 1; // milliseconds; a longer timer fires at once
const OPTIONS = ["types", "serialiser", "onstate", "WebSocket", "platform"];
const SUBSCRIPTION = ["update", "initial", "optimistic", "params"];

export class Client {
  _socket = null;
  _timer = null;
  _firesAt = Infinity;
  _performing = false;
  _stores = new Map();
  _listeners = new Listeners();

  constructor(url, options = {}) {
    onlyKnown(options, OPTIONS, "connect");
    this._platform = { ...platform(), ...options.platform };
    this._socketClass = options.WebSocket ?? globalThis.WebSocket;
    this._url = socketUrl(url, this._platform.location?.href);
    const given = options.serialiser ?? options.types ?? {};
    const serialiser = typeof given.decodeMessage === "function" ? given : automatic(given);
    this._core = new Core({ serialiser, random: this._platform.random });
    this.since = this._platform.date();
    if (options.onstate) this.onstate(options.onstate);
    this._act((core, now) => core.link.start(now)); // raises for a URL that no socket takes
    this._attend("addEventListener");
  }

  get state() {
    return this._core.link.state;
  }

  get why() {
    return this._core.link.why;
  }

  get clientId() {
    return this._core.link.clientId;
  }

  onstate(fn) {
    return this._listeners.add(fn);
  }

  subscribe(id, options = {}) {
    onlyKnown(options, SUBSCRIPTION, "subscribe");
    const slice = this._act((core) => core.subscribe(targetOf(id), options));
    if (!this._stores.has(slice)) this._stores.set(slice, new Store(slice, this._actions));
    return this._stores.get(slice);
  }

  close() {
    this._attend("removeEventListener");
    this._act((core) => core.close());
  }

  _actions = {
    dispatch: (slice, entry) => this._act((core) => core.dispatch(slice, entry)),
    unsubscribe: (slice) => {
      this._act((core) => core.unsubscribe(slice));
      this._stores.delete(slice);
    },
  };

  _wake = () => {
    if (this._platform.document?.visibilityState !== "hidden") this._act((core, now) => core.link.wake(now));
  };

  _attend(verb) {
    this._platform.window?.[verb]("online", this._wake);
    this._platform.document?.[verb]("visibilitychange", this._wake);
  }

  /** Let the core decide, then do what it says. What a listener causes meanwhile is done in its turn. */
  _act(decide) {
    const result = decide(this._core, this._platform.now());
    if (this._performing) return result;
    this._performing = true;
    try {
      while (this._core.effects.length > 0) this._perform(...this._core.effects.shift());
    } finally {
      this._performing = false;
    }
    this._arm();
    return result;
  }

  _perform(kind, subject, ...what) {
    const { report, date } = this._platform;
    if (kind === "send") this._socket?.send(subject);
    else if (kind === "resolve") subject.resolve(...what);
    else if (kind === "reject") subject.reject(...what);
    else if (kind === "open") this._open();
    else if (kind === "close") this._leave(subject);
    else if (kind === "fault") report(subject);
    else if (kind === "state") {
      this.since = date();
      this._listeners.tell(report, this.state, this);
    } else this._stores.get(subject)?._tell(kind, report, ...what);
  }

  _open() {
    const socket = new this._socketClass(this._url, [PROTOCOL]);
    const mine = (decide) => (event) => this._socket === socket && this._act((core, now) => decide(event, core, now));
    this._socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = mine((_, core, now) => core.opened(socket.protocol, now));
    socket.onmessage = mine(({ data }, core, now) => {
      core.receive(typeof data === "string" ? data : new Uint8Array(data), now); // the core refuses text
    });
    socket.onclose = mine(({ code, reason }, core, now) => {
      this._socket = null;
      core.closed(code, reason, now);
    });
  }

  /** Close the socket and forget it at once: on a dead network its close event takes minutes. */
  _leave(code) {
    this._socket?.close(code);
    this._socket = null;
  }

  _arm() {
    const { deadline } = this._core;
    const early = this._timer !== null && this._firesAt <= deadline; // it does nothing then, and is set again
    if (early && deadline !== Infinity) return;
    this._platform.clearTimeout(this._timer);
    this._timer = null;
    this._firesAt = deadline;
    if (deadline === Infinity) return;
    const delay = Math.min(LONGEST, Math.max(0, deadline - this._platform.now()));
    this._timer = this._platform.setTimeout(() => {
      this._timer = null;
      this._act((core, now) => core.tick(now));
    }, delay);
  }
}

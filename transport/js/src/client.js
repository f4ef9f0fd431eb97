/**
 * A client in a page: performs what the core decides, and tells the page. The only module with lines, timers and storage.
 */
import { serverUrl, targetOf } from "./address.js";
import { Alarm } from "./alarm.js";
import { Core } from "./core.js";
import { NupharError } from "./errors.js";
import { Keeper } from "./keeper.js";
import { Lines } from "./lines.js";
import { Listeners } from "./listeners.js";
import { Page } from "./page.js";
import { onlyKnown, platform } from "./platform.js";
import { automatic } from "./serialiser.js";
import { Store } from "./store.js";
import { transports } from "./transports.js";

const HOOKS = ["onstate", "onqueue", "onreject"];
const OPTIONS = ["types", "serialiser", ...HOOKS, "token", "storage", "user", "transports", "WebSocket", "platform"];
const SUBSCRIPTION = ["update", "initial", "optimistic", "params", "local"];

export class Client {
  _performing = false;
  _away = false;
  _version = 0;
  _stores = new Map();
  _listeners = Object.fromEntries(HOOKS.map((hook) => [hook, new Listeners()]));

  constructor(url, options = {}) {
    onlyKnown(options, OPTIONS, "connect");
    this._platform = { ...platform(), ...options.platform };
    const full = serverUrl(url, this._platform.location?.href, "token" in options);
    this._lines = new Lines({
      transports: options.transports ?? transports({ ...this._platform, ...options }),
      url: full,
      act: (decide) => this._act(decide),
      opened: (core, now) => this._loading || core.opened(this._lines.protocol, now),
    });
    this._lines.credentials.renew(options.token);
    const given = options.serialiser ?? options.types ?? {};
    const serialiser = typeof given.decodeMessage === "function" ? given : automatic(given);
    this._core = new Core({ serialiser, random: this._platform.random });
    this._core.link.renewable = this._lines.credentials.fresh;
    this._alarm = new Alarm(this._platform, () => this._ring());
    this._keeper = new Keeper({ platform: this._platform, core: this._core, told: () => this._tell("onqueue", this.queue) });
    this.since = this._platform.date();
    for (const hook of HOOKS) if (options[hook]) this[hook](options[hook]);
    const stored = options.storage !== false && this._platform.storage;
    this._loading = Boolean(stored);
    if (stored) this._load(`nuphar ${full} ${options.user ?? ""}`);
    else this._keeper.why = "no storage, or switched off";
    this._act((core, now) => core.link.start(now));
    this._page = new Page(this._platform, {
      show: () => this._show(),
      hide: () => this._away || this._alarm.hide(true),
      leave: (persisted) => this._pageLeaves(persisted),
      back: () => this._show(),
    });
  }

  get state() {
    return this._core.link.state;
  }

  get why() {
    return this._lines.credentials.masked(this._core.link.why);
  }

  get code() {
    return this._core.link.code;
  }

  get clientId() {
    return this._core.link.clientId;
  }

  get transport() {
    return this._lines.transport;
  }

  /** The messages without an answer: how many, their bytes, how many of them a reload would find, and where they are. */
  get queue() {
    const { where, why, kept } = this._keeper;
    return { messages: this._core.targets.messages.length, bytes: this._core.bytes, kept, where, why };
  }

  onstate(fn) {
    return this._listeners.onstate.add(fn);
  }

  onqueue(fn) {
    return this._listeners.onqueue.add(fn);
  }

  onreject(fn) {
    return this._listeners.onreject.add(fn);
  }

  subscribe(id, options = {}) {
    onlyKnown(options, SUBSCRIPTION, "subscribe");
    const replica = this._act((core) => core.subscribe(targetOf(id), options));
    if (!this._stores.has(replica)) this._stores.set(replica, new Store(replica, this._actions));
    return this._stores.get(replica);
  }

  /** Open the line anew with another `token`, and go on with the session. Without one, what there is is shown anew. */
  reauthenticate(options = {}) {
    onlyKnown(options, ["token"], "reauthenticate");
    if (this.state === "closed") throw new NupharError("gone", `the client is closed: ${this.why}`);
    const { credentials } = this._lines;
    if ("token" in options) credentials.renew(options.token);
    this._lines.excuse();
    this._act((core, now) => core.link.renew(credentials.fresh, now));
  }

  close() {
    this._act((core) => core.close());
  }

  _actions = {
    dispatch: (replica, entry) => this._act((core) => core.dispatch(replica, { ...entry, at: this._platform.date() / 1000 })),
    assign: (replica, fields) => this._act((core) => core.assign(replica, fields)),
    unsubscribe: (replica) => {
      this._act((core) => core.unsubscribe(replica));
      this._stores.delete(replica);
    },
  };

  _show() {
    this._away = false;
    this._alarm.hide(false);
    this._act((core, now) => core.wake(now));
  }

  /** A page that `persisted` says may be put away with an open line would not be; its session waits for it. */
  _pageLeaves(persisted) {
    this._keeper.save();
    this._keeper.flush();
    if (!persisted) return;
    this._away = true;
    this._lines.excuse();
    this._alarm.hide(false);
    this._lines.calm();
    this._act((core, now) => core.link.putAway(now));
  }

  /** Find what an earlier page has kept. Until then no Hello is sent, as it would ask for a new session. */
  async _load(base) {
    const found = await this._keeper.open(base);
    this._loading = false;
    if (this.state === "closed") return this._keeper.end();
    this._act((core, now) => {
      if (found) core.restore(...found);
      if (this._lines.protocol !== null) core.opened(this._lines.protocol, now);
    });
    this._keeper.touch();
    this._tell("onqueue", this.queue);
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
    this._settle();
    return result;
  }

  _perform(kind, subject, ...what) {
    if (kind === "send") this._lines.send(subject);
    else if (kind === "resolve") subject.resolve?.(...what);
    else if (kind === "reject") {
      subject.reject?.(...what);
      this._tell("onreject", what[0], { target: subject.target, message: subject.message });
    } else if (kind === "open") this._lines.open();
    else if (kind === "close") this._lines.close(subject);
    else if (kind === "keep") this._keeper.save();
    else if (kind === "fault") this._platform.report(subject);
    else if (kind === "state") this._enter();
    else this._stores.get(subject)?._tell(kind, this._platform.report, ...what);
  }

  _enter() {
    this.since = this._platform.date();
    const { limits, heartbeat } = this._core.link;
    if (this.state === "live") this._lines.allow({ largest: limits.message, heartbeat });
    if (this.state === "closed") {
      this._page.end();
      this._alarm.hide(false);
    }
    this._tell("onstate", this.state, this);
  }

  _ring() {
    this._act((core, now) => core.tick(now));
    if (this.state === "live" && this._platform.now() >= this._lines.probeAt) this._lines.probe();
    this._settle();
  }

  /** After everything that happens: what is there to be kept, and when to look again. */
  _settle() {
    const { version } = this._core.targets;
    const live = this.state === "live";
    this._alarm.set(Math.min(this._core.deadline, live ? this._lines.probeAt : Infinity));
    if (this.state === "closed" && !this._loading) this._keeper.end();
    if (version === this._version) return;
    this._version = version;
    this._keeper.touch();
    this._tell("onqueue", this.queue);
  }

  _tell(hook, ...what) {
    this._listeners[hook].tell(this._platform.report, ...what);
  }
}
